/* cache.h - the layout of the Hugging Face cache on disk.
 *
 *     {models,datasets}--org--name/
 *         refs/<revision>        text: a commit
 *         snapshots/<commit>/    the files, usually links into blobs/ */
#ifndef FB_HUB_CACHE_H
#define FB_HUB_CACHE_H

#include "hub/hub.h"

#include <stdbool.h>

/* Whether huggingface_hub accepts the name: "name" or "org/name" of letters, digits, '_', '-', '.',
 * neither part beginning or ending with '-' or '.', no "--" or "..", not ending in ".git". */
bool fb_hub_is_repo(const char *name);

/* "models--org--name" below the cache folder, owned. The name has been checked. */
char *fb_hub_repo_dir(const char *cache, const char *name, enum fb_hub_kind kind,
                      struct fb_err *err);

/* Snapshot folder of a revision in the folder of a repository, owned. FB_ENOTFOUND says what is
 * missing, naming the path. */
int fb_hub_snapshot(char **path, const char *repo, const char *revision,
                    struct fb_err *err) FB_MUST_CHECK;

#endif
