/* map.h - a whole file as read-only bytes.
 *
 * Files are mapped, not copied. "embedded:<path>" opens a file that is part of the binary.
 * The bytes are borrowed until fb_map_close. A zeroed struct is closed. */
#ifndef FB_BASE_MAP_H
#define FB_BASE_MAP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct fb_map {
    const unsigned char *data; /* not NULL even when the file is empty */
    size_t size;
    bool owned; /* mapped by us, as opposed to embedded */
};

/* Fails with FB_ENOTFOUND, or FB_EIO for anything that is not a regular readable file. Messages do
 * not name the path: the caller, who knows what the file is, adds it. */
int fb_map_open(struct fb_map *map, const char *path, struct fb_err *err) FB_MUST_CHECK;
void fb_map_close(struct fb_map *map);

/* Tells the kernel that bytes [begin, begin + size) will not be needed again soon, so that reading
 * a large file once does not count as resident memory. */
void fb_map_forget(const struct fb_map *map, size_t begin, size_t size);

/* Regular file / folder exists, embedded ones included. */
bool fb_is_file(const char *path);
bool fb_is_dir(const char *path);
/* Whether the folder holds a regular file of that name; false for paths beyond 4096 bytes. Needs no
 * memory. */
bool fb_has_file(const char *folder, const char *name);

#endif
