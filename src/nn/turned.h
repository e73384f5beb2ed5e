/* turned.h - weight matrices turned round for the way back, dx = dy W^T, kept from step to step. */
#ifndef FB_NN_TURNED_H
#define FB_NN_TURNED_H

#include "kernel/gemm.h"

/* Owned: fb_turned_free. A zeroed struct is empty. */
struct fb_turned {
    struct fb_turned_item *item;
    int64_t count, capacity;
};

/* The transpose of columns [column, column + columns) of `weight`, which is recognised by its
 * address; borrowed until the next one is asked for. Made when it is asked for the first time, or
 * for the first time since fb_turned_forget. NULL after FB_ENOMEM. */
const struct fb_packed *fb_turned_get(struct fb_turned *turned, const struct fb_packed *weight,
                                      int64_t column, int64_t columns, struct fb_err *err);
/* The weights have changed; the memory is kept. */
void fb_turned_forget(struct fb_turned *turned);
void fb_turned_free(struct fb_turned *turned);

#endif
