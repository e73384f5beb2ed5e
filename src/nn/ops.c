#include "nn/ops.h"

#include "base/rng.h"
#include "kernel/grad.h"
#include "nn/attention.h"
#include "nn/derive.h"

#include <assert.h>
#include <string.h>

/* ---- linear layers ---- */

/* A layer, or some of its columns (`how`), and its result. */
struct product {
    const struct fb_linear *layer;
    const struct fb_tensor *add;
    struct fb_gemm how;
    struct fb_tensor *y;
};

static struct fb_gemm gemm_of(struct fb_gemm how, const struct fb_tensor *x,
                              const struct fb_linear *layer) {
    assert(x->cols == layer->weight.in);
    how.x = x->data;
    how.ldx = x->cols;
    how.rows = x->rows;
    how.weight = &layer->weight;
    return how;
}

static int prepare(struct fb_graph *g, const struct fb_tensor *x, struct product *p,
                   struct fb_err *err) {
    if (g->observer && g->observer->linear(g->observer->self, p->layer->name, x, err))
        return err->code;
    if (!(p->y = fb_tensor_new(g, x->rows, p->how.columns, err))) return err->code;
    p->how = gemm_of(p->how, x, p->layer);
    p->how.y = p->y->data;
    p->how.ldy = p->y->cols;
    if (!p->add) return FB_OK;
    assert(p->add->rows == x->rows && p->add->cols == p->how.columns);
    p->how.add = p->add->data;
    p->how.ldadd = p->add->cols;
    return FB_OK;
}

static struct fb_tensor *record(struct fb_graph *g, const struct fb_tensor *x,
                                const struct product *p, struct fb_err *err) {
    struct fb_linear_how part = {p->layer, p->how.column, p->how.columns};
    struct fb_op op = {.derive = fb_linear_derive, .out = p->y, .in = {x, p->add}, .in_place = 2};

    if (!g->tape) return p->y;
    if (!(op.how = fb_graph_copy(g, &part, sizeof part, err))) return NULL;
    op.parameter[0] = fb_parameter(g, p->layer->name, "weight");
    op.parameter[1] = fb_parameter(g, p->layer->name, "bias");
    return fb_recorded(g, &op, err);
}

/* Layers of one input, without activations or updates. */
static int multiply(struct fb_graph *g, const struct fb_tensor *x, struct product *p, int count,
                    struct fb_err *err) {
    struct fb_gemm how[FB_GEMM_JOINT] = {0};

    for (int i = 0; i < count; i++) {
        if (prepare(g, x, &p[i], err)) return err->code;
        how[i] = p[i].how;
    }
    if (fb_gemm_joint(how, count, err)) return err->code;
    for (int i = 0; i < count; i++)
        if (!(p[i].y = record(g, x, &p[i], err))) return err->code;
    return FB_OK;
}

/* The product with the update of low rank, as operations of their own. */
static struct fb_tensor *update(struct fb_graph *g, const struct fb_tensor *x,
                                const struct product *p, struct fb_err *err) {
    const struct fb_lora_layer *lora = p->layer->lora;
    struct product last = *p;
    struct fb_tensor *low;

    if (!lora) return p->y;
    low = fb_op_dropout(g, x, lora->dropout, err);
    low = fb_op_scale(g, fb_op_linear(g, low, &lora->a, FB_LINEAR, NULL, err), lora->scale, err);
    last.layer = &lora->b;
    last.add = p->y;
    return low && !multiply(g, low, &last, 1, err) ? last.y : NULL;
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

/* The derivative of an activation wants what it is given, and an update comes before it. */
static bool at_once(const struct fb_graph *g, const struct fb_layer_use *use) {
    return use->activation == FB_LINEAR || (!g->tape && !use->layer->lora);
}

/* What is left of a layer after its product. */
static struct fb_tensor *complete(struct fb_graph *g, const struct fb_tensor *x,
                                  const struct fb_layer_use *use, const struct product *p,
                                  struct fb_err *err) {
    struct fb_tensor *y = update(g, x, p, err);

    if (at_once(g, use)) return y;
    y = activate(g, y, use->activation, err);
    return use->add ? fb_op_add(g, y, use->add, err) : y;
}

static int use_layers(struct fb_graph *g, const struct fb_tensor *x, struct fb_layer_use *use,
                      int count, struct fb_err *err) {
    struct product p[FB_GEMM_JOINT] = {{0}};

    for (int i = 0; i < count; i++) {
        bool whole = at_once(g, &use[i]);
        p[i].layer = use[i].layer;
        p[i].add = whole ? use[i].add : NULL;
        p[i].how.columns = use[i].layer->weight.out;
        p[i].how.activation = whole ? use[i].activation : FB_LINEAR;
    }
    if (multiply(g, x, p, count, err)) return err->code;
    for (int i = 0; i < count; i++)
        if (!(use[i].y = complete(g, x, &use[i], &p[i], err))) return err->code;
    return FB_OK;
}

/* A tape has one layer with its update after another, which is the order derivatives are added in.
 */
int fb_op_linear_joint(struct fb_graph *g, const struct fb_tensor *x, struct fb_layer_use *use,
                       int count, struct fb_err *err) {
    int together = g->tape ? 1 : count;

    if (!x) return err->code;
    for (int i = 0; i < count; i += together)
        if (use_layers(g, x, use + i, together, err)) return err->code;
    return FB_OK;
}

struct fb_tensor *fb_op_linear(struct fb_graph *g, const struct fb_tensor *x,
                               const struct fb_linear *layer, enum fb_activation activation,
                               const struct fb_tensor *add, struct fb_err *err) {
    struct fb_layer_use use = {.layer = layer, .activation = activation, .add = add};

    return x && !fb_op_linear_joint(g, x, &use, 1, err) ? use.y : NULL;
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
    struct product p = {.layer = layer, .how = {.column = column, .columns = columns}};

    return x && !multiply(g, x, &p, 1, err) ? update(g, x, &p, err) : NULL;
}

int fb_op_linear_into(struct fb_graph *g, const struct fb_tensor *x, const struct fb_layer_into *to,
                      int count, struct fb_err *err) {
    struct fb_gemm how[FB_GEMM_JOINT] = {0};
    int products = 0;

    assert(!g->tape);
    for (int i = 0; i < count; i++) {
        const struct fb_linear *layer = to[i].layer;
        int64_t out = layer->weight.out;
        if (layer->lora) {
            const struct fb_tensor *made = fb_op_linear(g, x, layer, FB_LINEAR, NULL, err);
            if (!made) return err->code;
            memcpy(to[i].y, made->data, (size_t)(made->rows * out) * sizeof *made->data);
            continue;
        }
        if (g->observer && g->observer->linear(g->observer->self, layer->name, x, err))
            return err->code;
        how[products++] =
            gemm_of((struct fb_gemm){.y = to[i].y, .ldy = out, .columns = out}, x, layer);
    }
    return products ? fb_gemm_joint(how, products, err) : FB_OK;
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
