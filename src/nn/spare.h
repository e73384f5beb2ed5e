/* spare.h - blocks of memory that are taken and given back in any order and kept for the next
 * taker: what the derivatives of values live in. Fresh memory would have to be cleared by the
 * kernel page by page each time. */
#ifndef FB_NN_SPARE_H
#define FB_NN_SPARE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Owned: fb_spare_free. A zeroed struct is empty. */
struct fb_spare {
    struct fb_spare_block *block;
    int64_t count, capacity;
    size_t taken; /* bytes of the blocks that are out, as asked for */
};

/* `count` floats, uninitialised; NULL after FB_ENOMEM. The smallest kept block that is large
 * enough; if there is none, the largest kept one makes room for a new one. */
float *fb_spare_take(struct fb_spare *spare, int64_t count, struct fb_err *err);
/* NULL is ignored. */
void fb_spare_give(struct fb_spare *spare, float *data);
void fb_spare_free(struct fb_spare *spare);

#endif
