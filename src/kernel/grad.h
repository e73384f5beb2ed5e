/* grad.h - derivatives of the row kernels of kernel.h.
 *
 * `dy` is the derivative of a number by y. Outputs called d... [rows, n] are overwritten; those
 * that collect over rows (dweight, dbias) are added to and may be NULL. All matrices are contiguous
 * unless a stride is given. Sums over rows run in a fixed order: the result does not depend on the
 * number of threads. Only attention needs scratch memory and can fail. */
#ifndef FB_KERNEL_GRAD_H
#define FB_KERNEL_GRAD_H

#include "kernel/kernel.h"

/* y = activation(x) */
void fb_activate(float *y, const float *x, int64_t rows, int64_t n, enum fb_activation activation);
/* dx = dy activation'(x); dx may be dy. */
void fb_activation_grad(float *dx, const float *dy, const float *x, int64_t rows, int64_t n,
                        enum fb_activation activation);

/* Of fb_layer_norm.   x, dx, dy [rows, n]   weight, dweight, dbias [n] */
void fb_layer_norm_grad(float *dx, float *dweight, float *dbias, const float *dy, const float *x,
                        const float *weight, int64_t rows, int64_t n, float epsilon);
/* Of fb_rms_norm. */
void fb_rms_norm_grad(float *dx, float *dweight, const float *dy, const float *x,
                      const float *weight, int64_t rows, int64_t n, float epsilon);

/* sum[j] += dy[0, j] + dy[1, j] + ...   dy [rows, n] row stride lddy */
void fb_column_sums(float *sum, const float *dy, int64_t lddy, int64_t rows, int64_t n);
/* y[i] += x[i]   [count] */
void fb_add_to(float *y, const float *x, int64_t count);
/* table[row[i]] += x[i], i ascending.   x [rows, n]   table [.., n] */
void fb_scatter_add(float *table, const int64_t *row, const float *x, int64_t rows, int64_t n);

struct fb_isa;

/* Of fb_attend, with the same `how`; every segment must be a whole sequence (parent -1) and have
 * keys of its own. Strides as given to fb_attend; dq, dk, dv have the strides of q and k. Keys that
 * no query saw get zeros.
 *   dbias [heads][2 reach - 1] is added to, or NULL
 * FB_ENOMEM for the scratch memory of the threads. */
struct fb_attention_grad {
    float *dq, *dk, *dv, *dbias;
    const float *dout;
    int64_t lddout;
    const float *q, *k, *v;
    int64_t ldq, ldkv;
    const struct fb_attention *how;
    const struct fb_isa *isa; /* NULL: the best of the machine */
};
int fb_attend_grad(const struct fb_attention_grad *grad, struct fb_err *err) FB_MUST_CHECK;

/* Dropout: y = x / (1 - p) where the element's number is kept, else 0. Which are kept is a function
 * of (seed, element index) alone (base/rng.h), so that the way back makes the same choice.
 * y may be x. */
void fb_dropout(float *y, const float *x, int64_t count, double p, uint64_t seed);

/* Cross-entropy of softmax(logits) against class `label` [rows]; a negative label is left out.
 * Returns the sum of the losses in double; dlogits (may be NULL, may be logits) gets
 * scale * (softmax - one hot).   logits, dlogits [rows, n] */
double fb_softmax_cross_entropy(float *dlogits, const float *logits, const int32_t *label,
                                int64_t rows, int64_t n, float scale);

#endif
