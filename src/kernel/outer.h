/* outer.h - products over rows: gradients of weights, and Gram matrices.
 *
 * Element [i, j] is the sum over blocks of 256 rows (of one block of all rows where it is squared)
 * of (the fused sum over the block in ascending order), so it does not depend on the number of
 * threads or on where the element stands. */
#ifndef FB_KERNEL_OUTER_H
#define FB_KERNEL_OUTER_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct fb_isa;

enum fb_outer_into {
    FB_OUTER_SET,         /* c = x^T y */
    FB_OUTER_ADD,         /* c += x^T y */
    FB_OUTER_ADD_SQUARES, /* c[i, j] += (x^T y)[i, j]^2, without the product ever being stored */
};

/* The product and what becomes of it.
 *   x [rows, m] row stride ldx   y [rows, n] row stride ldy   c [m, n] row stride ldc
 * c must not overlap x or y. Without rows the product is zero. */
struct fb_outer {
    float *c;
    int64_t ldc;
    const float *x;
    int64_t ldx;
    const float *y;
    int64_t ldy;
    int64_t rows, m, n;
    enum fb_outer_into into;
    bool lower;               /* only [i, j] with i >= j are computed; the others are undefined */
    const struct fb_isa *isa; /* NULL: the best of the machine */
};
/* FB_ENOMEM for scratch memory: at most 16 MB, or 256 (m + n) values if that is more; for squares
 * rows * (m + n) values, rounded up to whole tiles. */
int fb_outer(const struct fb_outer *o, struct fb_err *err) FB_MUST_CHECK;

/* c (+)= x^T x, of which only elements on and below the diagonal are computed; those above it are
 * undefined until fb_gram_mirror.   x [rows, n] row stride ldx   c [n, n] contiguous */
int fb_gram(float *c, const float *x, int64_t ldx, int64_t rows, int64_t n, bool add,
            struct fb_err *err) FB_MUST_CHECK;
/* c[i, j] = c[j, i] for i < j. */
void fb_gram_mirror(float *c, int64_t n);

#endif
