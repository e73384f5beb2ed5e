/* squares.h - sums of squares, and means whose weights they are: streams at memory bandwidth.
 *
 * Each element is computed alone, or in blocks of a fixed size that are added in order: results do
 * not depend on the number of threads. Buffers must not overlap. */
#ifndef FB_KERNEL_SQUARES_H
#define FB_KERNEL_SQUARES_H

#include <stdint.h>

/* sum[j] += x[j]^2   [n] */
void fb_add_squares(float *sum, const float *x, int64_t n);
/* x[0]^2 + ... + x[n - 1]^2, in double */
double fb_sum_squares(const float *x, int64_t n);
/* With w[j] = c (f[j] + epsilon):   weight[j] += w[j],  sum[j] += w[j] x[j]   [n] */
struct fb_weighing {
    float *sum, *weight;
    const float *x, *f;
    float c, epsilon;
    int64_t n;
};
void fb_add_weighed(const struct fb_weighing *how);
/* x[j] /= by   and   x[j] /= by[j]   [n] */
void fb_divide(float *x, float by, int64_t n);
void fb_divide_each(float *x, const float *by, int64_t n);

#endif
