/* gpt2.c - the forward pass, block by block:
 *
 *     x = wte[id] + wpe[position]
 *     x = x + c_proj(attention(c_attn(ln_1(x))))
 *     x = x + mlp.c_proj(activation(mlp.c_fc(ln_2(x))))
 *     hidden = ln_f(x)
 *
 * Only the last token of each sequence is asked for, so the last block computes keys and values for
 * all tokens and everything else for the last ones. */
#include "model/gpt2.h"

#include "base/alloc.h"
#include "model/bind.h"
#include "nn/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 64, PARTS = 6 };

struct block {
    struct fb_norm ln_1, ln_2;
    struct fb_linear c_attn, c_proj, c_fc, mlp_c_proj;
    char names[PARTS][NAME];
};

struct fb_gpt2 {
    struct fb_gpt2_config config;
    struct fb_table wte, wpe;
    struct fb_norm ln_f;
    struct block block[];
};

/* ---- binding ---- */

enum width { NORM, EMBD, EMBD3, INNER };

/* Layers of a block in the order of a state dict; a norm has no inputs. */
static const struct {
    const char *name;
    size_t offset;
    enum width in, out;
} parts[PARTS] = {
    {"ln_1", offsetof(struct block, ln_1), NORM, EMBD},
    {"attn.c_attn", offsetof(struct block, c_attn), EMBD, EMBD3},
    {"attn.c_proj", offsetof(struct block, c_proj), EMBD, EMBD},
    {"ln_2", offsetof(struct block, ln_2), NORM, EMBD},
    {"mlp.c_fc", offsetof(struct block, c_fc), EMBD, INNER},
    {"mlp.c_proj", offsetof(struct block, mlp_c_proj), INNER, EMBD},
};

static int64_t size_of(const struct fb_gpt2_config *c, enum width width) {
    switch (width) {
    case NORM: return 0;
    case EMBD: return c->n_embd;
    case EMBD3: return 3 * c->n_embd;
    case INNER: break;
    }
    return c->n_inner;
}

static struct fb_linear *linear_of(struct block *block, int part) {
    return (struct fb_linear *)(void *)((char *)block + parts[part].offset);
}

static int bind_norm(struct fb_norm *norm, const char *name, const struct fb_gpt2_config *c,
                     const struct fb_weights *weights, struct fb_err *err) {
    norm->name = name;
    norm->epsilon = (float)c->layer_norm_epsilon;
    norm->weight = fb_bind(weights, name, "weight", 0, c->n_embd, err);
    norm->bias = norm->weight ? fb_bind(weights, name, "bias", 0, c->n_embd, err) : NULL;
    return norm->bias ? FB_OK : err->code;
}

static int bind_table(struct fb_table *table, const char *name, int64_t rows, int64_t cols,
                      const struct fb_weights *weights, struct fb_err *err) {
    *table = (struct fb_table){.name = name, .cols = cols};
    table->data = fb_bind(weights, name, "weight", rows, cols, err);
    return table->data ? FB_OK : err->code;
}

/* `used` is `weights` when what is copied may be released, else NULL. */
static int bind_linear(struct fb_linear *to, const char *name, int64_t in, int64_t out,
                       const struct fb_weights *weights, struct fb_weights *used,
                       struct fb_err *err) {
    const float *w, *b;

    to->name = name;
    to->order = FB_IN_OUT;
    if (!(w = fb_bind(weights, name, "weight", in, out, err)) ||
        !(b = fb_bind(weights, name, "bias", 0, out, err)))
        return err->code;
    if (to->weight.block) fb_pack_again(&to->weight, w, FB_IN_OUT, b);
    else if (fb_pack(&to->weight, w, FB_IN_OUT, b, in, out, NULL, err)) return err->code;
    if (!used) return FB_OK;
    fb_bind_release(used, name, "weight");
    fb_bind_release(used, name, "bias");
    return FB_OK;
}

static int bind_block(struct block *block, const struct fb_gpt2_config *c, int64_t layer,
                      const struct fb_weights *weights, struct fb_weights *used,
                      struct fb_err *err) {
    for (int i = 0; i < PARTS; i++) {
        int64_t in = size_of(c, parts[i].in), out = size_of(c, parts[i].out);
        void *to = (char *)block + parts[i].offset;
        snprintf(block->names[i], NAME, "h.%jd.%s", (intmax_t)layer, parts[i].name);
        if (in ? bind_linear(to, block->names[i], in, out, weights, used, err)
               : bind_norm(to, block->names[i], c, weights, err))
            return err->code;
    }
    return FB_OK;
}

static int bind(struct fb_gpt2 *m, const struct fb_weights *weights, struct fb_weights *used,
                struct fb_err *err) {
    const struct fb_gpt2_config *c = &m->config;

    if (bind_table(&m->wte, "wte", c->vocab_size, c->n_embd, weights, err) ||
        bind_table(&m->wpe, "wpe", c->n_positions, c->n_embd, weights, err) ||
        bind_norm(&m->ln_f, "ln_f", c, weights, err))
        return err->code;
    for (int64_t i = 0; i < c->n_layer; i++)
        if (bind_block(&m->block[i], c, i, weights, used, err)) return err->code;
    return FB_OK;
}

static int create(struct fb_gpt2 **out, const struct fb_gpt2_config *config,
                  const struct fb_weights *weights, struct fb_weights *used, struct fb_err *err) {
    struct fb_gpt2 *m = fb_calloc(1, sizeof *m + (size_t)config->n_layer * sizeof *m->block, err);

    *out = NULL;
    if (!m) return err->code;
    m->config = *config;
    if (bind(m, weights, used, err)) {
        fb_gpt2_free(m);
        return err->code;
    }
    *out = m;
    return FB_OK;
}

int fb_gpt2_create(struct fb_gpt2 **out, const struct fb_gpt2_config *config,
                   const struct fb_weights *weights, struct fb_err *err) {
    return create(out, config, weights, NULL, err);
}

int fb_gpt2_create_from(struct fb_gpt2 **out, const struct fb_gpt2_config *config,
                        struct fb_weights *weights, struct fb_err *err) {
    return create(out, config, weights, weights, err);
}

int fb_gpt2_refresh(struct fb_gpt2 *m, const struct fb_weights *weights, struct fb_err *err) {
    return bind(m, weights, NULL, err);
}

void fb_gpt2_free(struct fb_gpt2 *m) {
    for (int64_t i = 0; m && i < m->config.n_layer; i++)
        for (int k = 0; k < PARTS; k++)
            if (parts[k].in != NORM) fb_packed_free(&linear_of(&m->block[i], k)->weight);
    free(m);
}

static int want_part(struct fb_grads *grads, const struct fb_grads_filter *filter, const char *name,
                     int64_t in, int64_t out, struct fb_err *err) {
    if (fb_grads_want(grads, filter, name, "weight", in ? in : 1, out, false, err))
        return err->code;
    return fb_grads_want(grads, filter, name, "bias", 1, out, false, err);
}

int fb_gpt2_grads(struct fb_grads *grads, const struct fb_gpt2 *m,
                  const struct fb_grads_filter *filter, struct fb_err *err) {
    const struct fb_gpt2_config *c = &m->config;

    if (fb_grads_want(grads, filter, "wte", "weight", c->vocab_size, c->n_embd, true, err) ||
        fb_grads_want(grads, filter, "wpe", "weight", c->n_positions, c->n_embd, true, err))
        return err->code;
    for (int64_t i = 0; i < c->n_layer; i++)
        for (int k = 0; k < PARTS; k++)
            if (want_part(grads, filter, m->block[i].names[k], size_of(c, parts[k].in),
                          size_of(c, parts[k].out), err))
                return err->code;
    return want_part(grads, filter, "ln_f", 0, c->n_embd, err);
}

static int declare_part(struct fb_weights *weights, const char *name, int64_t in, int64_t out,
                        struct fb_err *err) {
    if (fb_weights_add_part(weights, name, "weight", in, out, err)) return err->code;
    return fb_weights_add_part(weights, name, "bias", 0, out, err);
}

int fb_gpt2_declare(struct fb_weights *weights, const struct fb_gpt2_config *c,
                    struct fb_err *err) {
    char name[NAME];

    if (fb_weights_add_part(weights, "wte", "weight", c->vocab_size, c->n_embd, err) ||
        fb_weights_add_part(weights, "wpe", "weight", c->n_positions, c->n_embd, err))
        return err->code;
    for (int64_t i = 0; i < c->n_layer; i++)
        for (int k = 0; k < PARTS; k++) {
            snprintf(name, NAME, "h.%jd.%s", (intmax_t)i, parts[k].name);
            if (declare_part(weights, name, size_of(c, parts[k].in), size_of(c, parts[k].out), err))
                return err->code;
        }
    return declare_part(weights, "ln_f", 0, c->n_embd, err);
}

struct fb_linear *fb_gpt2_linear(struct fb_gpt2 *m, const char *name) {
    for (int64_t i = 0; i < m->config.n_layer; i++)
        for (int k = 0; k < PARTS; k++)
            if (parts[k].in != NORM && !strcmp(m->block[i].names[k], name))
                return linear_of(&m->block[i], k);
    return NULL;
}

const struct fb_gpt2_config *fb_gpt2_config(const struct fb_gpt2 *m) {
    return &m->config;
}

/* ---- forward ---- */

static int check(const struct fb_gpt2 *m, const struct fb_batch *batch, struct fb_err *err) {
    for (int64_t i = 0; i < batch->tokens; i++) {
        if (batch->id[i] < 0 || batch->id[i] >= m->config.vocab_size)
            return fb_fail(
                err, FB_EMISMATCH, "token id %d at position %d is outside the vocabulary of %jd",
                (int)batch->id[i], (int)batch->position[i], (intmax_t)m->config.vocab_size);
        if (batch->position[i] >= m->config.n_positions)
            return fb_fail(err, FB_EMISMATCH,
                           "a sequence has more than the %jd tokens the model has positions for",
                           (intmax_t)m->config.n_positions);
    }
    return FB_OK;
}

/* x + c_proj(attention) for all tokens. */
static struct fb_tensor *attend(struct fb_graph *g, const struct fb_gpt2 *m, const struct block *b,
                                const struct fb_tensor *x, const struct fb_batch *batch,
                                const struct fb_heads *heads, struct fb_err *err) {
    struct fb_tensor *normed = fb_op_layer_norm(g, x, &b->ln_1, err);
    struct fb_tensor *qkv = fb_op_linear(g, normed, &b->c_attn, FB_LINEAR, NULL, err);
    struct fb_tensor *mixed = fb_op_attention(g, qkv, batch, heads, err);

    return fb_op_linear_dropped(g, mixed, &b->c_proj, m->config.resid_pdrop, x, err);
}

/* The same for the last tokens only. */
static struct fb_tensor *attend_last(struct fb_graph *g, const struct fb_gpt2 *m,
                                     const struct block *b, const struct fb_tensor *x,
                                     const struct fb_batch *batch, const struct fb_heads *heads,
                                     struct fb_err *err) {
    struct fb_tensor *normed = fb_op_layer_norm(g, x, &b->ln_1, err);
    struct fb_tensor *last = fb_op_last(g, normed, batch, err);
    int64_t n = b->c_attn.weight.in;
    struct fb_tensor *kv = fb_op_linear_part(g, normed, &b->c_attn, n, 2 * n, err);
    struct fb_tensor *q = fb_op_linear_part(g, last, &b->c_attn, 0, n, err);
    struct fb_tensor *mixed = fb_op_attention_last(g, q, kv, batch, heads, err);
    struct fb_tensor *rest = fb_op_last(g, x, batch, err);

    return fb_op_linear_dropped(g, mixed, &b->c_proj, m->config.resid_pdrop, rest, err);
}

static float attention_scale(const struct fb_gpt2_config *c, int64_t layer) {
    const int64_t head = c->n_embd / c->n_head;
    double scale = 1.0;

    if (c->scale_attn_weights) scale /= sqrt((double)head);
    if (c->scale_attn_by_inverse_layer_idx) scale /= (double)(layer + 1);
    return (float)scale;
}

/* Places of dropout as in GPT2Model, GPT2Attention and GPT2MLP. */
static struct fb_tensor *forward(const struct fb_gpt2 *m, const struct fb_batch *batch, bool whole,
                                 struct fb_graph *g, struct fb_err *err) {
    const struct fb_gpt2_config *c = &m->config;
    struct fb_tensor *x, *mid;

    if (check(m, batch, err)) return NULL;
    fb_graph_reset(g);
    x = fb_op_dropout(g, fb_op_embed(g, batch, &m->wte, &m->wpe, err), c->embd_pdrop, err);
    for (int64_t i = 0; x && i < c->n_layer; i++) {
        const struct block *b = &m->block[i];
        bool all = whole || i + 1 < c->n_layer;
        struct fb_heads heads = {c->n_head, attention_scale(c, i), c->attn_pdrop};
        fb_graph_next(g);
        x = (all ? attend : attend_last)(g, m, b, x, batch, &heads, err);
        fb_graph_next(g);
        mid = fb_op_linear(g, fb_op_layer_norm(g, x, &b->ln_2, err), &b->c_fc, c->activation, NULL,
                           err);
        x = fb_op_linear_dropped(g, mid, &b->mlp_c_proj, c->resid_pdrop, x, err);
    }
    return x;
}

struct fb_tensor *fb_gpt2_forward(const struct fb_gpt2 *m, const struct fb_batch *batch,
                                  struct fb_graph *g, struct fb_err *err) {
    bool whole = g->observer != NULL;
    struct fb_tensor *x = forward(m, batch, whole, g, err);

    if (whole) x = fb_op_last(g, x, batch, err);
    return fb_op_layer_norm(g, x, &m->ln_f, err);
}

struct fb_tensor *fb_gpt2_states(const struct fb_gpt2 *m, const struct fb_batch *batch,
                                 struct fb_graph *g, struct fb_err *err) {
    return fb_op_layer_norm(g, forward(m, batch, true, g, err), &m->ln_f, err);
}

int fb_gpt2_last_hidden(const struct fb_gpt2 *m, const struct fb_batch *batch, float *out,
                        struct fb_graph *g, struct fb_err *err) {
    const struct fb_tensor *x = fb_gpt2_forward(m, batch, g, err);

    if (!x) return err->code;
    fb_gather(out, x->data, batch->end, batch->sequences, x->cols);
    return FB_OK;
}

int fb_gpt2_head(struct fb_linear *head, const struct fb_weight *score, int64_t n_embd,
                 struct fb_err *err) {
    *head = (struct fb_linear){.name = "score", .order = FB_OUT_IN};
    if (score->ndim != 2 || score->shape[1] != n_embd || score->shape[0] < 1)
        return fb_fail(err, FB_EMISMATCH, "tensor '%s' is not a matrix of %jd columns", score->name,
                       (intmax_t)n_embd);
    return fb_pack(&head->weight, score->data, FB_OUT_IN, NULL, n_embd, score->shape[0], NULL, err);
}

int fb_gpt2_logits(float *out, const float *hidden, int64_t rows, int64_t n_embd,
                   const struct fb_weight *score, struct fb_err *err) {
    struct fb_linear head;
    int result;

    if (fb_gpt2_head(&head, score, n_embd, err)) return err->code;
    result = fb_gemm(&(struct fb_gemm){.y = out,
                                       .ldy = score->shape[0],
                                       .x = hidden,
                                       .ldx = n_embd,
                                       .rows = rows,
                                       .weight = &head.weight,
                                       .columns = score->shape[0]},
                     err);
    fb_packed_free(&head.weight);
    return result;
}
