#include "nn/ops.h"

#include "base/rng.h"
#include "kernel/grad.h"
#include "nn/attention.h"
#include "nn/derive.h"

#include <assert.h>
#include <string.h>

/* ---- linear layers ---- */

/* The layer without activation or update. */
static struct fb_tensor *multiply(struct fb_graph *g, const struct fb_tensor *x,
                                  const struct fb_linear *layer, struct fb_gemm how,
                                  const struct fb_tensor *add, struct fb_err *err) {
    struct fb_linear_how part = {layer, how.column, how.columns};
    struct fb_op op = {.derive = fb_linear_derive, .in = {x, add}, .in_place = 2};

    assert(x->cols == layer->weight.in);
    if (g->observer && g->observer->linear(g->observer->self, layer->name, x, err)) return NULL;
    if (!(op.out = fb_tensor_new(g, x->rows, how.columns, err))) return NULL;
    how.y = op.out->data;
    how.ldy = op.out->cols;
    how.x = x->data;
    how.ldx = x->cols;
    how.rows = x->rows;
    how.weight = &layer->weight;
    if (add) {
        assert(add->rows == x->rows && add->cols == how.columns);
        how.add = add->data;
        how.ldadd = add->cols;
    }
    if (fb_gemm(&how, err)) return NULL;
    if (!g->tape) return op.out;
    if (!(op.how = fb_graph_copy(g, &part, sizeof part, err))) return NULL;
    op.parameter[0] = fb_parameter(g, layer->name, "weight");
    op.parameter[1] = fb_parameter(g, layer->name, "bias");
    return fb_recorded(g, &op, err);
}

/* With the update of low rank, as operations of their own. */
static struct fb_tensor *linear(struct fb_graph *g, const struct fb_tensor *x,
                                const struct fb_linear *layer, struct fb_gemm how,
                                const struct fb_tensor *add, struct fb_err *err) {
    const struct fb_lora_layer *lora = layer->lora;
    struct fb_tensor *y = x ? multiply(g, x, layer, how, add, err) : NULL, *low;

    if (!y || !lora) return y;
    low = fb_op_dropout(g, x, lora->dropout, err);
    low = fb_op_scale(g, fb_op_linear(g, low, &lora->a, FB_LINEAR, NULL, err), lora->scale, err);
    return low ? multiply(g, low, &lora->b, how, y, err) : NULL;
}

static struct fb_tensor *activate(struct fb_graph *g, const struct fb_tensor *x,
                                  enum fb_activation activation, struct fb_err *err) {
    struct fb_tensor *y = x ? fb_tensor_new(g, x->rows, x->cols, err) : NULL;
    const void *how;

    if (!y) return NULL;
    fb_activate(y->data, x->data, x->rows, x->cols, activation);
    if (!g->tape) return y;
    if (!(how = fb_graph_copy(g, &activation, sizeof activation, err))) return NULL;
    return fb_recorded(
        g,
        &(struct fb_op){
            .derive = fb_activate_derive, .out = y, .in = {x}, .how = how, .in_place = 1},
        err);
}

struct fb_tensor *fb_op_linear(struct fb_graph *g, const struct fb_tensor *x,
                               const struct fb_linear *layer, enum fb_activation activation,
                               const struct fb_tensor *add, struct fb_err *err) {
    struct fb_gemm how = {.columns = layer->weight.out, .activation = activation};

    struct fb_tensor *y;

    if (activation == FB_LINEAR || (!g->tape && !layer->lora))
        return linear(g, x, layer, how, add, err);
    /* The derivative wants what the activation is given, and the update comes before it. */
    how.activation = FB_LINEAR;
    y = activate(g, linear(g, x, layer, how, NULL, err), activation, err);
    return add ? fb_op_add(g, y, add, err) : y;
}

struct fb_tensor *fb_op_linear_dropped(struct fb_graph *g, const struct fb_tensor *x,
                                       const struct fb_linear *layer, double dropout,
                                       const struct fb_tensor *add, struct fb_err *err) {
    struct fb_tensor *y;

    if (!add) return NULL;
    if (!g->training || dropout <= 0) return fb_op_linear(g, x, layer, FB_LINEAR, add, err);
    y = fb_op_dropout(g, fb_op_linear(g, x, layer, FB_LINEAR, NULL, err), dropout, err);
    return fb_op_add(g, y, add, err);
}

struct fb_tensor *fb_op_linear_part(struct fb_graph *g, const struct fb_tensor *x,
                                    const struct fb_linear *layer, int64_t column, int64_t columns,
                                    struct fb_err *err) {
    struct fb_gemm how = {.column = column, .columns = columns, .activation = FB_LINEAR};

    return linear(g, x, layer, how, NULL, err);
}

int fb_op_linear_into(struct fb_graph *g, float *y, const struct fb_tensor *x,
                      const struct fb_linear *layer, struct fb_err *err) {
    const struct fb_gemm how = {.y = y,
                                .ldy = layer->weight.out,
                                .x = x->data,
                                .ldx = x->cols,
                                .rows = x->rows,
                                .weight = &layer->weight,
                                .columns = layer->weight.out};
    const struct fb_tensor *made;

    assert(!g->tape && x->cols == layer->weight.in);
    if (layer->lora) {
        if (!(made = fb_op_linear(g, x, layer, FB_LINEAR, NULL, err))) return err->code;
        memcpy(y, made->data, (size_t)(made->rows * made->cols) * sizeof *y);
        return FB_OK;
    }
    if (g->observer && g->observer->linear(g->observer->self, layer->name, x, err))
        return err->code;
    return fb_gemm(&how, err);
}

/* ---- norms and tables ---- */

struct fb_tensor *fb_op_layer_norm(struct fb_graph *g, const struct fb_tensor *x,
                                   const struct fb_norm *norm, struct fb_err *err) {
    struct fb_tensor *y = x ? fb_tensor_new(g, x->rows, x->cols, err) : NULL;

    if (!y) return NULL;
    fb_layer_norm(y->data, x->data, norm->weight, norm->bias, x->rows, x->cols, norm->epsilon);
    return fb_recorded(g,
                       &(struct fb_op){.derive = fb_layer_norm_derive,
                                       .all = true,
                                       .out = y,
                                       .in = {x},
                                       .parameter = {fb_parameter(g, norm->name, "weight"),
                                                     fb_parameter(g, norm->name, "bias")},
                                       .how = norm},
                       err);
}

struct fb_tensor *fb_op_embed(struct fb_graph *g, const struct fb_batch *batch,
                              const struct fb_table *table, const struct fb_table *positions,
                              struct fb_err *err) {
    struct fb_tensor *y = fb_tensor_new(g, batch->tokens, table->cols, err);

    assert(positions->cols == table->cols);
    if (!y) return NULL;
    fb_embed(y->data, table->data, batch->id, positions->data, batch->position, batch->tokens,
             table->cols);
    return fb_recorded(g,
                       &(struct fb_op){.derive = fb_embed_derive,
                                       .out = y,
                                       .parameter = {fb_parameter(g, table->name, "weight"),
                                                     fb_parameter(g, positions->name, "weight")},
                                       .how = batch},
                       err);
}

struct fb_tensor *fb_op_lookup(struct fb_graph *g, const int32_t *id, int64_t rows,
                               const struct fb_table *table, struct fb_err *err) {
    struct fb_tensor *y = fb_tensor_new(g, rows, table->cols, err);
    int64_t n = table->cols;

    for (int64_t i = 0; y && i < rows; i++)
        memcpy(y->data + i * n, table->data + id[i] * n, (size_t)n * sizeof *y->data);
    if (!y) return NULL;
    return fb_recorded(g,
                       &(struct fb_op){.derive = fb_lookup_derive,
                                       .out = y,
                                       .parameter = {fb_parameter(g, table->name, "weight")},
                                       .how = id},
                       err);
}

/* ---- attention ---- */

struct fb_tensor *fb_op_attention(struct fb_graph *g, const struct fb_tensor *qkv,
                                  const struct fb_batch *batch, const struct fb_heads *heads,
                                  struct fb_err *err) {
    struct fb_attention how = {.segment = batch->segment, .segments = batch->segments};
    int64_t n = qkv ? qkv->cols / 3 : 0;

    return fb_attended(
        g, &(struct fb_attended){.q = qkv, .k = qkv, .v = qkv, .n = n, .k_at = n, .v_at = 2 * n},
        heads, &how, err);
}

struct fb_tensor *fb_op_attention_last(struct fb_graph *g, const struct fb_tensor *q,
                                       const struct fb_tensor *kv, const struct fb_batch *batch,
                                       const struct fb_heads *heads, struct fb_err *err) {
    struct fb_attention how = {
        .segment = batch->segment, .segments = batch->segments, .last_only = true};
    int64_t n = q ? q->cols : 0;

    return fb_attended(g, &(struct fb_attended){.q = q, .k = kv, .v = kv, .n = n, .v_at = n}, heads,
                       &how, err);
}

/* ---- the rest ---- */

struct fb_tensor *fb_op_last(struct fb_graph *g, const struct fb_tensor *x,
                             const struct fb_batch *batch, struct fb_err *err) {
    struct fb_tensor *y = x ? fb_tensor_new(g, batch->segments, x->cols, err) : NULL;

    for (int64_t s = 0; y && s < batch->segments; s++) {
        int64_t row = fb_last_row(&batch->segment[s]);
        fb_gather(y->data + s * x->cols, x->data, &row, 1, x->cols);
    }
    if (!y) return NULL;
    return fb_recorded(
        g, &(struct fb_op){.derive = fb_last_derive, .out = y, .in = {x}, .how = batch}, err);
}

struct fb_tensor *fb_op_scale(struct fb_graph *g, const struct fb_tensor *x, float scale,
                              struct fb_err *err) {
    struct fb_tensor *y = x ? fb_tensor_new(g, x->rows, x->cols, err) : NULL;
    const void *how;

    if (!y) return NULL;
    for (int64_t i = 0; i < x->rows * x->cols; i++)
        y->data[i] = x->data[i] * scale;
    if (!g->tape) return y;
    if (!(how = fb_graph_copy(g, &scale, sizeof scale, err))) return NULL;
    return fb_recorded(
        g,
        &(struct fb_op){.derive = fb_scale_derive, .out = y, .in = {x}, .how = how, .in_place = 1},
        err);
}

struct fb_tensor *fb_op_add(struct fb_graph *g, const struct fb_tensor *x,
                            const struct fb_tensor *add, struct fb_err *err) {
    struct fb_tensor *y = x && add ? fb_tensor_new(g, x->rows, x->cols, err) : NULL;

    if (!y) return NULL;
    assert(add->rows == x->rows && add->cols == x->cols);
    memcpy(y->data, x->data, (size_t)(x->rows * x->cols) * sizeof *y->data);
    fb_add_to(y->data, add->data, x->rows * x->cols);
    return fb_recorded(
        g, &(struct fb_op){.derive = fb_add_derive, .out = y, .in = {x, add}, .in_place = 2}, err);
}

uint64_t fb_graph_drop(struct fb_graph *g) {
    return fb_rng_bits(g->seed, g->drops++);
}

struct fb_tensor *fb_op_dropout(struct fb_graph *g, const struct fb_tensor *x, double dropout,
                                struct fb_err *err) {
    struct fb_dropout_how how = {.p = dropout};
    struct fb_op op = {.derive = fb_dropout_derive, .in = {x}, .in_place = 1};

    if (!x) return NULL;
    if (!g->training || dropout <= 0) return (struct fb_tensor *)x;
    how.seed = fb_graph_drop(g);
    if (!(op.out = fb_tensor_new(g, x->rows, x->cols, err))) return NULL;
    fb_dropout(op.out->data, x->data, x->rows * x->cols, dropout, how.seed);
    if (!g->tape) return op.out;
    if (!(op.how = fb_graph_copy(g, &how, sizeof how, err))) return NULL;
    return fb_recorded(g, &op, err);
}
