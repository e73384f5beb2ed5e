/* glue_cache.h - GLUE in the cache of the library `datasets`.
 *
 *     <cache>/<nyu-mll___glue | glue>/<task>/<version>/<fingerprint>/glue-<split>.arrow
 *
 * or glue-<split>-00000-of-0000N.arrow; older versions of the library have no <fingerprint>. */
#ifndef FB_DATA_GLUE_CACHE_H
#define FB_DATA_GLUE_CACHE_H

#include "base/err.h"

#include <stddef.h>

/* Paths of all files of a split, in order, owned: fb_list_free; none when it is not there. Of
 * several complete sets the one of the highest version is taken, then of the fingerprint that comes
 * last bytewise, then the one without fingerprint; nyu-mll___glue before glue. Folders
 * named *.incomplete are passed over, as are sets of which a part is missing. `stems`, ended by
 * NULL, are names of the split, the best first. */
int fb_glue_cache_find(char ***paths, size_t *count, const char *cache, const char *task,
                       const char *const *stems, struct fb_err *err) FB_MUST_CHECK;

#endif
