/* file.h - writing files whole or not at all, and small questions to the file system.
 *
 * An output goes to a temporary name in the same folder, is synced, then renamed over the
 * destination: an interrupted run leaves the old file or none. */
#ifndef FB_BASE_FILE_H
#define FB_BASE_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fb_file {
    int fd;     /* open for writing while the struct is in use, else -1 */
    char *path; /* owned: the destination */
    char *temporary;
};

/* Starts a replacement of `path`; the parent folders are made. */
int fb_file_create(struct fb_file *file, const char *path, struct fb_err *err) FB_MUST_CHECK;
/* Writes all bytes at an offset; may be called from several threads for disjoint ranges. */
int fb_file_write(const struct fb_file *file, uint64_t offset, const void *bytes, size_t size,
                  struct fb_err *err) FB_MUST_CHECK;
/* Syncs, renames and closes. On failure the temporary file is removed. */
int fb_file_commit(struct fb_file *file, struct fb_err *err) FB_MUST_CHECK;
/* Closes and removes the temporary file; does nothing after a commit or on a zeroed struct. */
void fb_file_abandon(struct fb_file *file);

/* The three steps at once. */
int fb_file_replace(const char *path, const void *bytes, size_t size,
                    struct fb_err *err) FB_MUST_CHECK;
/* Copies a file byte for byte ("embedded:" sources included). */
int fb_file_copy(const char *from, const char *to, struct fb_err *err) FB_MUST_CHECK;

/* Makes the folder and its parents; an existing folder is fine. */
int fb_make_dirs(const char *path, struct fb_err *err) FB_MUST_CHECK;
/* Whether a file could be created at `path`: makes the parent folders and probes them, changes
 * nothing else. */
int fb_file_probe(const char *path, struct fb_err *err) FB_MUST_CHECK;

/* "dir/name", owned; an absolute or "embedded:" name stays as it is when dir is NULL or "". */
char *fb_path_join(const char *dir, const char *name, struct fb_err *err);
/* Owned folder part of a path: "" if it has none. */
char *fb_path_dir(const char *path, struct fb_err *err);
/* Last component, borrowed from `path`. */
const char *fb_path_name(const char *path);

/* Names of the entries of a folder (embedded folders included), sorted bytewise, without "." and
 * "..". Owned: fb_list_free. */
int fb_list_dir(const char *path, char ***names, size_t *count, struct fb_err *err) FB_MUST_CHECK;
void fb_list_free(char **names, size_t count);

#endif
