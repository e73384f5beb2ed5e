/* encdec.h - the operations that encoder-decoder models add to those of ops.h, by the same
 * rules. */
#ifndef FB_NN_ENCDEC_H
#define FB_NN_ENCDEC_H

#include "nn/ops.h"

/* Root-mean-square normalisation: weight [n], borrowed. */
struct fb_rms {
    const char *name;
    const float *weight;
    float epsilon;
};

struct fb_tensor *fb_op_rms_norm(struct fb_graph *g, const struct fb_tensor *x,
                                 const struct fb_rms *norm, struct fb_err *err);
/* activation(x W) * (x V), element by element: a gated feed-forward layer (Shazeer 2020). */
struct fb_tensor *fb_op_gated(struct fb_graph *g, const struct fb_tensor *x,
                              const struct fb_linear *w, const struct fb_linear *v,
                              enum fb_activation activation, struct fb_err *err);
/* A bias of attention scores by distance: table[bucket[d]] for each head.
 *   bucket [distances]   table [.., heads]   result [heads, distances] */
struct fb_tensor *fb_op_distance_bias(struct fb_graph *g, const struct fb_table *table,
                                      const int64_t *bucket, int64_t distances, struct fb_err *err);

/* Who attends to whom. Queries belong to the sequences of `queries`, keys and values to those of
 * `keys`; both have one segment for each sequence, in the same order.
 *   q, k, v, result [tokens, heads * dim]
 *   bias [heads, 2 reach - 1] by the distance key - query, reach more than any distance; or NULL */
struct fb_attend_in {
    const struct fb_tensor *q, *k, *v, *bias;
    const struct fb_batch *queries, *keys; /* keys: NULL for the same */
    bool causal;                           /* only the keys up to the query's position */
};
struct fb_tensor *fb_op_attend(struct fb_graph *g, const struct fb_attend_in *in,
                               const struct fb_heads *heads, struct fb_err *err);
/* One query per sequence over kept keys and values, unscaled.   q, result [rows, heads * dim]
 * `bias` [heads][ldbias] for the keys in order, or NULL. Cannot be walked back. */
struct fb_tensor *fb_op_attention_step(struct fb_graph *g, const struct fb_tensor *q,
                                       const struct fb_span *span, int64_t heads, const float *bias,
                                       int64_t ldbias, struct fb_err *err);

#endif
