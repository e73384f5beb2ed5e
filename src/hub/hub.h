/* hub.h - from a name like "tanganke/gpt2_cola" or a path to a local folder. Never opens a socket.
 *
 * Looked for, in this order: the path itself (a folder, a file, "embedded:..."); the Hugging Face
 * cache: $HF_HUB_CACHE, else $HUGGINGFACE_HUB_CACHE, else $HF_HOME/hub, else
 * $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub, in the folder
 * {models,datasets}--org--name/snapshots/<commit> that refs/<revision> names. */
#ifndef FB_HUB_HUB_H
#define FB_HUB_HUB_H

#include "base/err.h"

enum fb_hub_kind { FB_HUB_MODEL, FB_HUB_DATASET };

/* Local path of a model or dataset, owned. `revision` NULL means "main" (and, when refs/main is
 * absent, the only snapshot there is). FB_ENOTFOUND says every place that was looked at and how to
 * fetch it. */
int fb_hub_resolve(char **path, const char *name, enum fb_hub_kind kind, const char *revision,
                   struct fb_err *err) FB_MUST_CHECK;
/* Folder of the cache, owned. */
int fb_hub_cache_dir(char **path, struct fb_err *err) FB_MUST_CHECK;
/* Folder in which the library `datasets` keeps prepared data, owned: $HF_DATASETS_CACHE, else
 * $HF_HOME/datasets, else $XDG_CACHE_HOME/huggingface/datasets, else
 * ~/.cache/huggingface/datasets. */
int fb_hub_datasets_dir(char **path, struct fb_err *err) FB_MUST_CHECK;

#endif
