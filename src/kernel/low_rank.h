/* low_rank.h - adding the product of a tall and a wide matrix, whose common dimension is small. */
#ifndef FB_KERNEL_LOW_RANK_H
#define FB_KERNEL_LOW_RANK_H

#include <stdint.h>

/* scale * x y. Borrowed. */
struct fb_low_rank {
    const float *x; /* [rows, r] */
    const float *y; /* [r, cols], row stride ldy */
    int64_t r, ldy;
    float scale;
};

/* out[i, j] = base[i, j] + scale * sum over k < r of x[i, k] y[k, j], for i < rows and j < cols.
 * base and out have row stride ld; they may be the same, and overlap neither x nor y. The sum is a
 * chain of fused multiply-adds from zero, k ascending, and is rounded when it is scaled and when it
 * is added: the same bits with every instruction set, for an element whatever the range. */
void fb_low_rank_add(const struct fb_low_rank *p, const float *base, float *out, int64_t ld,
                     int64_t rows, int64_t cols);

#endif
