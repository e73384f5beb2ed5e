/* kernel.h - the only arithmetic the model code may call, with gemm.h.
 *
 * Every buffer is f32, row-major and owned by the caller; strides are elements between rows.
 * Kernels cannot fail except for memory: shapes are checked once, when the model is built.
 *
 * A row of a result depends on that row's input alone: not on the other rows, on how many there
 * are, or on the number of threads. Sums run in an order that is fixed by the position in the
 * row, so equal inputs give equal bits wherever they stand. */
#ifndef FB_KERNEL_KERNEL_H
#define FB_KERNEL_KERNEL_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum fb_activation {
    FB_LINEAR,
    FB_GELU_TANH, /* 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
    FB_GELU_ERF,  /* 0.5 x (1 + erf(x / sqrt 2)) */
    FB_RELU,
    FB_SILU, /* x / (1 + exp(-x)) */
    FB_TANH,
};

/* y = (x - mean) / sqrt(variance + epsilon) * weight + bias for each row
 *   x, y [rows, n] contiguous (may be the same)   weight, bias [n] */
void fb_layer_norm(float *y, const float *x, const float *weight, const float *bias, int64_t rows,
                   int64_t n, float epsilon);

/* y = x / sqrt(mean of x^2 + epsilon) * weight for each row
 *   x, y [rows, n] contiguous (may be the same)   weight [n] */
void fb_rms_norm(float *y, const float *x, const float *weight, int64_t rows, int64_t n,
                 float epsilon);

/* y[i] *= x[i]   x, y [rows, n] contiguous */
void fb_multiply(float *y, const float *x, int64_t rows, int64_t n);

/* The largest value of each row and its column (the lowest of equal ones; the first NaN if there is
 * one), where the columns come piece by piece: x [rows, n] are columns [first, first + n), and best
 * and id are those of the columns before, whatever they are when first is 0. */
void fb_columns_argmax(float *best, int32_t *id, const float *x, int64_t rows, int64_t n,
                       int64_t first);

/* y[i] = table[id[i]] + positions[position[i]]
 *   y [rows, n]   table [.., n]   positions [.., n]; ids and positions are in range */
void fb_embed(float *y, const float *table, const int32_t *id, const float *positions,
              const int32_t *position, int64_t rows, int64_t n);

/* y[i] = x[row[i]]   x [.., n]   y [rows, n] */
void fb_gather(float *y, const float *x, const int64_t *row, int64_t rows, int64_t n);

/* A run of tokens that continues another run: token t of it stands at `position + t` of its
 * sequence, and the `position` tokens before it are those of `parent`, cut there. */
struct fb_segment {
    int64_t parent;   /* index of an earlier segment; -1 when position is 0 */
    int64_t row;      /* first row of its tokens in the batch */
    int64_t count;    /* tokens, at least 1 */
    int64_t position; /* of its first token */
    /* Keys of its sequence that its queries may see, counted from position 0; 0: all. For padded
     * rows, which see the real tokens but not themselves. Such a segment has no children. */
    int64_t visible;
};

/* Attention. Query of head h at position p over the keys 0..p of its sequence; over all of its
 * segment when it is bidirectional (segments are whole sequences then); over all of key_segment[s]
 * when that is given (cross attention, bidirectional only):
 *   out = dropout(softmax(scale * q . k + bias[h][key - p + reach - 1])) v
 *   k, v [tokens, heads * dim] with row stride ldkv
 *   q, out: last_only false: one row per token; true: row s is the last token of segment s
 * Dropout keeps a probability, divided by 1 - dropout, or makes it 0. Which are kept is a function
 * of (seed, head, row of q, position of the key) alone; fb_attend_grad makes the same choice.
 * A masked key contributes exactly 0. FB_ENOMEM for the scratch memory of the threads, which is
 * about 8 * dim * (longest sequence) bytes each. */
struct fb_attention {
    const struct fb_segment *segment;
    int64_t segments;
    int64_t heads, dim;
    float scale;
    bool last_only;
    bool bidirectional;
    const float *bias;                    /* [heads][2 * reach - 1] by distance, or NULL */
    int64_t reach;                        /* more than any distance */
    const struct fb_segment *key_segment; /* [segments]: whole sequences of k and v; or NULL */
    double dropout;                       /* chance in [0, 1] that a probability becomes 0 */
    uint64_t seed;                        /* of the choice */
};
int fb_attend(float *out, int64_t ldout, const float *q, int64_t ldq, const float *k,
              const float *v, int64_t ldkv, const struct fb_attention *how,
              struct fb_err *err) FB_MUST_CHECK;

/* Attention of one query per sequence over keys and values that are kept: row i of q and out
 * belongs to span i, bias [heads][ldbias] is for its keys in order, or NULL.
 *   k, v [keys, heads * dim] with row stride ldkv   q, out [rows, heads * dim] contiguous
 * FB_ENOMEM for scratch memory of (longest span + 1) * heads values for each thread. */
struct fb_span {
    const float *k, *v;
    int64_t keys; /* at least 1 */
};
struct fb_step {
    const struct fb_span *span; /* [rows] */
    int64_t rows, heads, dim, ldkv;
    float scale;
    const float *bias;
    int64_t ldbias;
};
int fb_attend_step(float *out, const float *q, const struct fb_step *how,
                   struct fb_err *err) FB_MUST_CHECK;

#endif
