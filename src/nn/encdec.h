/* encdec.h - the operations that encoder-decoder models add to those of ops.h, by the same
 * rules. */
#ifndef FB_NN_ENCDEC_H
#define FB_NN_ENCDEC_H

#include "nn/ops.h"

/* Root-mean-square normalisation: weight [n], borrowed. */
struct fb_rms {
    const float *weight;
    float epsilon;
};

/* Bias of attention scores by the distance key - query: [heads][2 reach - 1]; borrowed. */
struct fb_distance_bias {
    const float *value;
    int64_t reach; /* more than any distance of the batch */
};

struct fb_tensor *fb_op_rms_norm(struct fb_graph *g, const struct fb_tensor *x,
                                 const struct fb_rms *norm, struct fb_err *err);
/* table[id]   id [rows]   table [.., n]   result [rows, n] */
struct fb_tensor *fb_op_lookup(struct fb_graph *g, const int32_t *id, int64_t rows,
                               const float *table, int64_t n, struct fb_err *err);
/* activation(x W) * (x V), element by element: a gated feed-forward layer (Shazeer 2020). */
struct fb_tensor *fb_op_gated(struct fb_graph *g, const struct fb_tensor *x,
                              const struct fb_linear *w, const struct fb_linear *v,
                              enum fb_activation activation, struct fb_err *err);
/* Every token attends to all of its sequence (one segment each).
 *   q, k, v, result [tokens, heads * dim] */
struct fb_tensor *fb_op_attention_both(struct fb_graph *g, const struct fb_tensor *q,
                                       const struct fb_tensor *k, const struct fb_tensor *v,
                                       const struct fb_batch *batch, int64_t heads,
                                       const struct fb_distance_bias *bias, struct fb_err *err);
/* One query per sequence over kept keys and values, unscaled.   q, result [rows, heads * dim]
 * `bias` [heads][ldbias] for the keys in order, or NULL. */
struct fb_tensor *fb_op_attention_step(struct fb_graph *g, const struct fb_tensor *q,
                                       const struct fb_span *span, int64_t heads, const float *bias,
                                       int64_t ldbias, struct fb_err *err);

#endif
