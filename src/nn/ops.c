#include "nn/ops.h"

#include <assert.h>

static struct fb_tensor *linear(struct fb_graph *g, const struct fb_tensor *x,
                                const struct fb_linear *layer, struct fb_gemm how,
                                struct fb_err *err) {
    struct fb_tensor *y;

    if (!x) return NULL;
    assert(x->cols == layer->weight.in);
    if (g->observer && g->observer->linear(g->observer->self, layer->name, x, err)) return NULL;
    if (!(y = fb_tensor_new(g, x->rows, how.columns, err))) return NULL;
    how.y = y->data;
    how.ldy = y->cols;
    how.x = x->data;
    how.ldx = x->cols;
    how.rows = x->rows;
    how.weight = &layer->weight;
    return fb_gemm(&how, err) ? NULL : y;
}

struct fb_tensor *fb_op_linear(struct fb_graph *g, const struct fb_tensor *x,
                               const struct fb_linear *layer, enum fb_activation activation,
                               const struct fb_tensor *add, struct fb_err *err) {
    struct fb_gemm how = {.columns = layer->weight.out, .activation = activation};

    if (add) {
        how.add = add->data;
        how.ldadd = add->cols;
    }
    return linear(g, x, layer, how, err);
}

struct fb_tensor *fb_op_linear_part(struct fb_graph *g, const struct fb_tensor *x,
                                    const struct fb_linear *layer, int64_t column, int64_t columns,
                                    struct fb_err *err) {
    struct fb_gemm how = {.column = column, .columns = columns, .activation = FB_LINEAR};

    return linear(g, x, layer, how, err);
}

struct fb_tensor *fb_op_layer_norm(struct fb_graph *g, const struct fb_tensor *x,
                                   const struct fb_norm *norm, struct fb_err *err) {
    struct fb_tensor *y = x ? fb_tensor_new(g, x->rows, x->cols, err) : NULL;

    if (y)
        fb_layer_norm(y->data, x->data, norm->weight, norm->bias, x->rows, x->cols, norm->epsilon);
    return y;
}

struct fb_tensor *fb_op_embed(struct fb_graph *g, const struct fb_batch *batch, const float *table,
                              const float *positions, int64_t n, struct fb_err *err) {
    struct fb_tensor *y = fb_tensor_new(g, batch->tokens, n, err);

    if (y) fb_embed(y->data, table, batch->id, positions, batch->position, batch->tokens, n);
    return y;
}

static struct fb_tensor *attention(struct fb_graph *g, const struct fb_tensor *q, const float *keys,
                                   const float *values, int64_t stride,
                                   const struct fb_attention *how, struct fb_err *err) {
    struct fb_tensor *y = fb_tensor_new(g, q->rows, how->heads * how->dim, err);

    if (!y || fb_attend(y->data, y->cols, q->data, q->cols, keys, values, stride, how, err))
        return NULL;
    return y;
}

struct fb_tensor *fb_op_attention(struct fb_graph *g, const struct fb_tensor *qkv,
                                  const struct fb_batch *batch, int64_t heads, float scale,
                                  struct fb_err *err) {
    struct fb_attention how = {
        .segment = batch->segment, .segments = batch->segments, .heads = heads, .scale = scale};
    int64_t n;

    if (!qkv) return NULL;
    n = qkv->cols / 3;
    how.dim = n / heads;
    return attention(g, qkv, qkv->data + n, qkv->data + 2 * n, qkv->cols, &how, err);
}

struct fb_tensor *fb_op_attention_last(struct fb_graph *g, const struct fb_tensor *q,
                                       const struct fb_tensor *kv, const struct fb_batch *batch,
                                       int64_t heads, float scale, struct fb_err *err) {
    struct fb_attention how = {.segment = batch->segment,
                               .segments = batch->segments,
                               .heads = heads,
                               .scale = scale,
                               .last_only = true};

    if (!q || !kv) return NULL;
    how.dim = q->cols / heads;
    return attention(g, q, kv->data, kv->data + q->cols, kv->cols, &how, err);
}

struct fb_tensor *fb_op_last(struct fb_graph *g, const struct fb_tensor *x,
                             const struct fb_batch *batch, struct fb_err *err) {
    struct fb_tensor *y = x ? fb_tensor_new(g, batch->segments, x->cols, err) : NULL;

    for (int64_t s = 0; y && s < batch->segments; s++) {
        int64_t row = batch->segment[s].row + batch->segment[s].count - 1;
        fb_gather(y->data + s * x->cols, x->data, &row, 1, x->cols);
    }
    return y;
}
