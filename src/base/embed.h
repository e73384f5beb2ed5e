/* embed.h - the files compiled into the binary: `config/` and `demo/`.
 *
 * Paths are relative to the source tree ("config/method/dummy.yaml"). A path that begins with
 * "embedded:" names such a file wherever the program opens a file for reading (base/map.h). */
#ifndef FB_BASE_EMBED_H
#define FB_BASE_EMBED_H

#include <stdbool.h>
#include <stddef.h>

#define FB_EMBEDDED_PREFIX "embedded:"

struct fb_embedded_file {
    const char *path;
    const unsigned char *data; /* at an address that is a multiple of 64 */
    size_t size;
};

/* Sorted by path, ended by a row whose path is NULL. */
extern const struct fb_embedded_file fb_embedded[];

/* The file of that path (without the prefix), or NULL. */
const struct fb_embedded_file *fb_embedded_find(const char *path);
/* Whether some file lies below the folder (without the prefix, no '/' at the end). */
bool fb_embedded_is_dir(const char *path);

#endif
