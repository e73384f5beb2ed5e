#include "nn/encdec.h"

#include "nn/attention.h"
#include "nn/derive.h"

#include <assert.h>
#include <string.h>

struct fb_tensor *fb_op_rms_norm(struct fb_graph *g, const struct fb_tensor *x,
                                 const struct fb_rms *norm, struct fb_err *err) {
    struct fb_tensor *y = x ? fb_tensor_new(g, x->rows, x->cols, err) : NULL;

    if (!y) return NULL;
    fb_rms_norm(y->data, x->data, norm->weight, x->rows, x->cols, norm->epsilon);
    return fb_recorded(g,
                       &(struct fb_op){.derive = fb_rms_norm_derive,
                                       .all = true,
                                       .out = y,
                                       .in = {x},
                                       .parameter = {fb_parameter(g, norm->name, "weight")},
                                       .how = norm},
                       err);
}

struct fb_tensor *fb_op_gated(struct fb_graph *g, const struct fb_tensor *x,
                              const struct fb_linear *w, const struct fb_linear *v,
                              enum fb_activation activation, struct fb_err *err) {
    struct fb_layer_use use[] = {{.layer = w, .activation = activation},
                                 {.layer = v, .activation = FB_LINEAR}};
    struct fb_tensor *gate, *value, *y;

    if (!x || fb_op_linear_joint(g, x, use, 2, err)) return NULL;
    gate = use[0].y;
    y = value = use[1].y;
    /* Both factors are kept when somebody wants their derivatives. */
    if (g->tape && (y = fb_tensor_new(g, value->rows, value->cols, err)))
        memcpy(y->data, value->data, (size_t)(y->rows * y->cols) * sizeof *y->data);
    if (!y) return NULL;
    fb_multiply(y->data, gate->data, y->rows, y->cols);
    return fb_recorded(
        g,
        &(struct fb_op){.derive = fb_multiply_derive, .out = y, .in = {gate, value}, .in_place = 2},
        err);
}

struct fb_tensor *fb_op_distance_bias(struct fb_graph *g, const struct fb_table *table,
                                      const int64_t *bucket, int64_t distances,
                                      struct fb_err *err) {
    struct fb_tensor *y = fb_tensor_new(g, table->cols, distances, err);

    if (!y) return NULL;
    for (int64_t h = 0; h < table->cols; h++)
        for (int64_t d = 0; d < distances; d++)
            y->data[h * distances + d] = table->data[bucket[d] * table->cols + h];
    return fb_recorded(g,
                       &(struct fb_op){.derive = fb_spread_derive,
                                       .out = y,
                                       .parameter = {fb_parameter(g, table->name, "weight")},
                                       .how = bucket},
                       err);
}

struct fb_tensor *fb_op_attend(struct fb_graph *g, const struct fb_attend_in *in,
                               const struct fb_heads *heads, struct fb_err *err) {
    struct fb_attention how = {.segment = in->queries->segment,
                               .segments = in->queries->segments,
                               .bidirectional = !in->causal};

    if (in->keys) {
        assert(in->keys->segments == in->queries->segments);
        how.key_segment = in->keys->segment;
    }
    return fb_attended(
        g,
        &(struct fb_attended){
            .q = in->q, .k = in->k, .v = in->v, .bias = in->bias, .n = in->q ? in->q->cols : 0},
        heads, &how, err);
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
