/* ops.h - the operations models are written in.
 *
 * An operation runs at once, returns a new value of the graph and leaves its inputs alone; NULL
 * inputs are passed on as NULL, so that a forward pass checks for failure once, at its end. Shapes
 * that do not fit are a programming error.
 *
 * With a tape every operation can be walked back (derive.h). Parameters are known by the name of
 * their layer: "h.0.ln_1" has "h.0.ln_1.weight" and "h.0.ln_1.bias". Batches, ids, layers and
 * weights must live unchanged until the way back is done; segments must be whole sequences. */
#ifndef FB_NN_OPS_H
#define FB_NN_OPS_H

#include "data/batch.h"
#include "kernel/gemm.h"
#include "nn/tensor.h"

/* A linear layer. */
struct fb_linear {
    const char *name;
    struct fb_packed weight;          /* owned */
    enum fb_weight_order order;       /* of the parameter and its gradient */
    const struct fb_lora_layer *lora; /* NULL: none; borrowed */
};

/* An update of low rank beside a linear layer (Hu et al. 2021):
 *   y = x W + b + scale * (dropout(x) A) B,   a: in to rank, b: rank to out */
struct fb_lora_layer {
    struct fb_linear a, b;
    float scale;
    double dropout;
};

/* Layer normalisation: weight and bias [n], borrowed. */
struct fb_norm {
    const char *name;
    const float *weight, *bias;
    float epsilon;
};

/* Rows to look up; borrowed. */
struct fb_table {
    const char *name;
    const float *data; /* [.., cols] */
    int64_t cols;
};

/* How a layer attends. */
struct fb_heads {
    int64_t count;
    float scale;
    double dropout; /* of probabilities, while training */
};

/* activation(x W + b) + add.   x [rows, in]   add [rows, out] or NULL   result [rows, out] */
struct fb_tensor *fb_op_linear(struct fb_graph *g, const struct fb_tensor *x,
                               const struct fb_linear *layer, enum fb_activation activation,
                               const struct fb_tensor *add, struct fb_err *err);
/* A layer that shares its input with others: activation(x W + b) + add. */
struct fb_layer_use {
    const struct fb_linear *layer;
    enum fb_activation activation;
    const struct fb_tensor *add; /* or NULL */
    struct fb_tensor *y;         /* the result */
};
/* At most FB_GEMM_JOINT layers of the same input, which is prepared for the products once; results
 * as by fb_op_linear, in the order given. Results are not to be used after a failure. */
int fb_op_linear_joint(struct fb_graph *g, const struct fb_tensor *x, struct fb_layer_use *use,
                       int count, struct fb_err *err) FB_MUST_CHECK;
/* dropout(x W + b) + add */
struct fb_tensor *fb_op_linear_dropped(struct fb_graph *g, const struct fb_tensor *x,
                                       const struct fb_linear *layer, double dropout,
                                       const struct fb_tensor *add, struct fb_err *err);
/* Columns [column, column + columns) of x W + b only. A layer with an update of low rank computes
 * all of it. */
struct fb_tensor *fb_op_linear_part(struct fb_graph *g, const struct fb_tensor *x,
                                    const struct fb_linear *layer, int64_t column, int64_t columns,
                                    struct fb_err *err);
/* x W + b of at most FB_GEMM_JOINT layers into memory of the caller, y [rows, out] each. Cannot be
 * walked back. */
struct fb_layer_into {
    const struct fb_linear *layer;
    float *y;
};
int fb_op_linear_into(struct fb_graph *g, const struct fb_tensor *x, const struct fb_layer_into *to,
                      int count, struct fb_err *err) FB_MUST_CHECK;
struct fb_tensor *fb_op_layer_norm(struct fb_graph *g, const struct fb_tensor *x,
                                   const struct fb_norm *norm, struct fb_err *err);
/* table[id] + positions[position] for each token of the batch. */
struct fb_tensor *fb_op_embed(struct fb_graph *g, const struct fb_batch *batch,
                              const struct fb_table *table, const struct fb_table *positions,
                              struct fb_err *err);
/* table[id]   id [rows]   result [rows, table->cols] */
struct fb_tensor *fb_op_lookup(struct fb_graph *g, const int32_t *id, int64_t rows,
                               const struct fb_table *table, struct fb_err *err);
/* Causal attention of every token.   qkv [tokens, 3 n]: queries, keys, values   result [tokens, n]
 */
struct fb_tensor *fb_op_attention(struct fb_graph *g, const struct fb_tensor *qkv,
                                  const struct fb_batch *batch, const struct fb_heads *heads,
                                  struct fb_err *err);
/* The same for the last token of each segment.   q [segments, n]   kv [tokens, 2 n] */
struct fb_tensor *fb_op_attention_last(struct fb_graph *g, const struct fb_tensor *q,
                                       const struct fb_tensor *kv, const struct fb_batch *batch,
                                       const struct fb_heads *heads, struct fb_err *err);
/* Row of the last token of each segment.   x [tokens, n]   result [segments, n] */
struct fb_tensor *fb_op_last(struct fb_graph *g, const struct fb_tensor *x,
                             const struct fb_batch *batch, struct fb_err *err);
/* scale * x */
struct fb_tensor *fb_op_scale(struct fb_graph *g, const struct fb_tensor *x, float scale,
                              struct fb_err *err);
/* x + add */
struct fb_tensor *fb_op_add(struct fb_graph *g, const struct fb_tensor *x,
                            const struct fb_tensor *add, struct fb_err *err);
/* While training: x / (1 - dropout) where it is kept, else 0. Otherwise x itself. */
struct fb_tensor *fb_op_dropout(struct fb_graph *g, const struct fb_tensor *x, double dropout,
                                struct fb_err *err);

#endif
