/* names.h - an ordered set of strings: name -> position, in the order of insertion. */
#ifndef FB_BASE_NAMES_H
#define FB_BASE_NAMES_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct fb_names {
    char **name; /* owned copies; name[i] is borrowed until the set is freed */
    int64_t count;
    int64_t capacity;
    int64_t *slot; /* open addressing: position + 1, or 0 */
    size_t slots;
};

/* Position of the name, new or old, or a negative fb_code. `*added` (may be NULL) says which. */
int64_t fb_names_add(struct fb_names *names, const char *name, int *added,
                     struct fb_err *err) FB_MUST_CHECK;
/* Position, or -1. */
int64_t fb_names_find(const struct fb_names *names, const char *name);
void fb_names_free(struct fb_names *names);

#endif
