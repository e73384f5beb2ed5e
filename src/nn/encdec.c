#include "nn/encdec.h"

#include <assert.h>
#include <string.h>

struct fb_tensor *fb_op_rms_norm(struct fb_graph *g, const struct fb_tensor *x,
                                 const struct fb_rms *norm, struct fb_err *err) {
    struct fb_tensor *y = x ? fb_tensor_new(g, x->rows, x->cols, err) : NULL;

    if (y) fb_rms_norm(y->data, x->data, norm->weight, x->rows, x->cols, norm->epsilon);
    return y;
}

struct fb_tensor *fb_op_lookup(struct fb_graph *g, const int32_t *id, int64_t rows,
                               const float *table, int64_t n, struct fb_err *err) {
    struct fb_tensor *y = fb_tensor_new(g, rows, n, err);

    for (int64_t i = 0; y && i < rows; i++)
        memcpy(y->data + i * n, table + id[i] * n, (size_t)n * sizeof *table);
    return y;
}

struct fb_tensor *fb_op_gated(struct fb_graph *g, const struct fb_tensor *x,
                              const struct fb_linear *w, const struct fb_linear *v,
                              enum fb_activation activation, struct fb_err *err) {
    struct fb_tensor *gate = fb_op_linear(g, x, w, activation, NULL, err);
    struct fb_tensor *y = gate ? fb_op_linear(g, x, v, FB_LINEAR, NULL, err) : NULL;

    if (y) fb_multiply(y->data, gate->data, y->rows, y->cols);
    return y;
}

struct fb_tensor *fb_op_attention_both(struct fb_graph *g, const struct fb_tensor *q,
                                       const struct fb_tensor *k, const struct fb_tensor *v,
                                       const struct fb_batch *batch, int64_t heads,
                                       const struct fb_distance_bias *bias, struct fb_err *err) {
    struct fb_attention how = {.segment = batch->segment,
                               .segments = batch->segments,
                               .heads = heads,
                               .scale = 1.0f,
                               .bidirectional = true,
                               .bias = bias->value,
                               .reach = bias->reach};
    struct fb_tensor *y;

    if (!q || !k || !v) return NULL;
    assert(k->cols == q->cols && v->cols == q->cols);
    how.dim = q->cols / heads;
    y = fb_tensor_new(g, q->rows, q->cols, err);
    if (!y || fb_attend(y->data, y->cols, q->data, q->cols, k->data, v->data, k->cols, &how, err))
        return NULL;
    return y;
}

struct fb_tensor *fb_op_attention_step(struct fb_graph *g, const struct fb_tensor *q,
                                       const struct fb_span *span, int64_t heads, const float *bias,
                                       int64_t ldbias, struct fb_err *err) {
    struct fb_step how = {
        .span = span, .heads = heads, .scale = 1.0f, .bias = bias, .ldbias = ldbias};
    struct fb_tensor *y;

    if (!q) return NULL;
    how.rows = q->rows;
    how.dim = q->cols / heads;
    how.ldkv = q->cols;
    y = fb_tensor_new(g, q->rows, q->cols, err);
    return y && !fb_attend_step(y->data, q->data, &how, err) ? y : NULL;
}
