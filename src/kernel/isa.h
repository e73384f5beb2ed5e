/* isa.h - what the kernels need from one instruction set.
 *
 * One table per instruction set, all made from isa_body.h; cpu.h picks the best one the machine
 * has. Everything here works on data of a single thread and never fails. A tile is `rows` x `cols`
 * results of a matrix product: the shape that keeps all sums in registers. */
#ifndef FB_KERNEL_ISA_H
#define FB_KERNEL_ISA_H

#include "kernel/adamw.h"
#include "kernel/kernel.h"
#include "kernel/low_rank.h"

/* Of one row of a norm. */
struct fb_moments {
    float mean, scale;
};

/* What becomes of the sums of a tile. */
enum fb_into {
    FB_INTO_NEW,     /* c = sum */
    FB_INTO_FAR,     /* c = sum past the caches: c and its rows begin at cache lines; fb_far_done */
    FB_INTO_SUM,     /* c += sum */
    FB_INTO_SQUARES, /* c += sum^2 */
};

struct fb_isa {
    const char *name;
    int rows, cols; /* of a tile; at most FB_TILE_ROWS, FB_TILE_COLS */
    bool (*supported)(void);
    /* a[p, r] = x[min(r, count - 1), p] for p < k: rows of x, stride ldx, side by side as a tile
     * wants them; a is [k, rows]. */
    void (*pack)(float *a, const float *x, int64_t ldx, int64_t count, int64_t k);
    /* c[r, j] (+)= sum over p < k of a[p, r] b[p, j], p ascending, one rounding per step where the
     * machine has fused multiply-add. a is [k, rows], b is [k, cols], c has row stride `ldc`.
     * `add` keeps what is in c: c + sum, else c = sum. */
    void (*tile)(float *c, int64_t ldc, const float *a, const float *b, int64_t k, bool add);
    /* The same for tiles that are computed side by side, c + cols after c. */
    void (*tile_along)(float *c, int64_t ldc, const float *a, const float *b, int64_t k,
                       enum fb_into into);
    /* The same for the first `count` rows, with the same bits; the others may be written or not.
     * Meanwhile the k * cols / FB_AHEAD values at `ahead`, if it is not NULL, are fetched into the
     * second-level cache. */
    void (*tile_part)(float *c, int64_t ldc, const float *a, const float *b, int64_t k, bool add,
                      int64_t count, const float *ahead);
    /* c = activation(c + bias) + add on a tile; `bias` [cols]; `add` NULL or stride ldadd. */
    void (*finish)(float *c, int64_t ldc, const float *bias, const float *add, int64_t ldadd,
                   enum fb_activation activation);
    /* y[i] *= x[i] */
    void (*multiply)(float *y, const float *x, int64_t n);
    /* One row: y = (x - mean) / sqrt(variance + epsilon) * weight + bias. */
    void (*layer_norm)(float *y, const float *x, const float *weight, const float *bias, int64_t n,
                       float epsilon);
    /* One row: y = x / sqrt(mean of x^2 + epsilon) * weight. */
    void (*rms_norm)(float *y, const float *x, const float *weight, int64_t n, float epsilon);
    /* score[h * keys + j] = sum of q[h * dim + d] k[j, h * dim + d] over d, for all heads and keys;
     * k has row stride ldkv. */
    void (*scores)(float *score, const float *q, const float *k, int64_t ldkv, int64_t keys,
                   int64_t heads, int64_t dim);
    /* out[h * dim + d] = sum over j of weight[h * keys + j] v[j, h * dim + d], j ascending. */
    void (*mix)(float *out, const float *weight, const float *v, int64_t ldkv, int64_t keys,
                int64_t heads, int64_t dim);
    float (*largest)(const float *x, int64_t n);
    /* Index of the largest value: the lowest of equal ones, or the first NaN. */
    int64_t (*argmax)(const float *x, int64_t n);
    /* x[0..n) becomes exp(x - max), x[n..end) becomes 0; returns the sum. */
    float (*exponentials)(float *x, int64_t n, int64_t end);

    /* y[i] = activation(x[i]), with the bits of `finish`; dx[i] = dy[i] activation'(x[i]). y may be
     * x, dx may be dy. */
    void (*activate)(float *y, const float *x, int64_t n, enum fb_activation activation);
    void (*activation_grad)(float *dx, const float *dy, const float *x, int64_t n,
                            enum fb_activation activation);
    /* One row; also says the row's mean and 1 / sqrt(variance + epsilon) (of RMS: 0 and
     * 1 / sqrt(mean of x^2 + epsilon)). */
    struct fb_moments (*layer_norm_grad)(float *dx, const float *dy, const float *x,
                                         const float *weight, int64_t n, float epsilon);
    struct fb_moments (*rms_norm_grad)(float *dx, const float *dy, const float *x,
                                       const float *weight, int64_t n, float epsilon);
    /* dweight[j] += sum of dy[i, j] (x[i, j] - mean[i]) scale[i] over i < rows, for j < n at most
     * FB_SUM_COLS; dy and x have row stride ld. */
    void (*norm_weight_grad)(float *dweight, const float *dy, const float *x,
                             const struct fb_moments *moments, int64_t ld, int64_t rows, int64_t n);
    /* sum[j] += sum of x[i, j] over i < rows, for j < n at most FB_SUM_COLS. */
    void (*column_sums)(float *sum, const float *x, int64_t ldx, int64_t rows, int64_t n);
    /* y[i] += x[i] */
    void (*add_to)(float *y, const float *x, int64_t n);
    /* p[i] *= inverse; ds[i] = p[i] (ds[i] - sum of p ds), i < n; ds[n..end) becomes 0. */
    void (*softmax_grad)(float *ds, float *p, float inverse, int64_t n, int64_t end);
    /* a[p, r] = x[p, r]: runs of `rows` columns one below the other, as `pack` of the transpose. */
    void (*pack_columns)(float *a, const float *x, int64_t ldx, int64_t k);
    /* fb_adamw of elements; the same bits with every instruction set. */
    void (*adamw)(float *value, float *exp_avg, float *exp_avg_sq, const float *gradient, int64_t n,
                  const struct fb_adamw_factors *f);
    /* fb_low_rank_add; the same bits with every instruction set. */
    void (*low_rank_add)(const struct fb_low_rank *p, const float *base, float *out, int64_t ld,
                         int64_t rows, int64_t cols);
};

enum { FB_TILE_ROWS = 16, FB_TILE_COLS = 32, FB_SUM_COLS = 128, FB_AHEAD = 4 };

#endif
