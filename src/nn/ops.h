/* ops.h - the operations models are written in.
 *
 * An operation runs at once, returns a new value of the graph and leaves its inputs alone; NULL
 * inputs are passed on as NULL, so that a forward pass checks for failure once, at its end. Shapes
 * that do not fit are a programming error. */
#ifndef FB_NN_OPS_H
#define FB_NN_OPS_H

#include "data/batch.h"
#include "kernel/gemm.h"
#include "nn/tensor.h"

/* A linear layer. */
struct fb_linear {
    const char *name;
    struct fb_packed weight; /* owned */
};

/* Layer normalisation: weight and bias [n], borrowed. */
struct fb_norm {
    const float *weight, *bias;
    float epsilon;
};

/* activation(x W + b) + add.   x [rows, in]   add [rows, out] or NULL   result [rows, out] */
struct fb_tensor *fb_op_linear(struct fb_graph *g, const struct fb_tensor *x,
                               const struct fb_linear *layer, enum fb_activation activation,
                               const struct fb_tensor *add, struct fb_err *err);
/* Columns [column, column + columns) of x W + b only. */
struct fb_tensor *fb_op_linear_part(struct fb_graph *g, const struct fb_tensor *x,
                                    const struct fb_linear *layer, int64_t column, int64_t columns,
                                    struct fb_err *err);
struct fb_tensor *fb_op_layer_norm(struct fb_graph *g, const struct fb_tensor *x,
                                   const struct fb_norm *norm, struct fb_err *err);
/* table[id] + positions[position] for each token of the batch; tables are [.., n]. */
struct fb_tensor *fb_op_embed(struct fb_graph *g, const struct fb_batch *batch, const float *table,
                              const float *positions, int64_t n, struct fb_err *err);
/* Causal attention of every token.   qkv [tokens, 3 n]: queries, keys, values   result [tokens, n]
 */
struct fb_tensor *fb_op_attention(struct fb_graph *g, const struct fb_tensor *qkv,
                                  const struct fb_batch *batch, int64_t heads, float scale,
                                  struct fb_err *err);
/* The same for the last token of each segment.   q [segments, n]   kv [tokens, 2 n] */
struct fb_tensor *fb_op_attention_last(struct fb_graph *g, const struct fb_tensor *q,
                                       const struct fb_tensor *kv, const struct fb_batch *batch,
                                       int64_t heads, float scale, struct fb_err *err);
/* Row of the last token of each segment.   x [tokens, n]   result [segments, n] */
struct fb_tensor *fb_op_last(struct fb_graph *g, const struct fb_tensor *x,
                             const struct fb_batch *batch, struct fb_err *err);

#endif
