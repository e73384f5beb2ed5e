/* t5.c - binding of the weights, and the encoder, block by block:
 *
 *     x = shared[id]
 *     x = x + o(attention(q(n), k(n), v(n)) with position bias), n = rms_norm(x), no scaling
 *     x = x + wo(activation(wi_0(n)) * wi_1(n)), or wo(activation(wi(n)))
 *     states = rms_norm(x)
 *
 * No layer has a bias; the position bias of a stack's first block serves all of its blocks. */
#include "base/alloc.h"
#include "model/bind.h"
#include "model/t5_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- binding ---- */

enum width { MODEL, INNER, FEED };

/* layer: index of the sublayer in an encoder block, and in a decoder block (-1: not there). */
static const struct {
    const char *name;
    size_t offset;
    int layer[2];
    enum width in, out;
    int gated; /* -1: always; 0, 1: only without or with gating */
} linears[FB_T5_LINEARS + 1] = {
    {"SelfAttention.q", offsetof(struct fb_t5_block, self.q), {0, 0}, MODEL, INNER, -1},
    {"SelfAttention.k", offsetof(struct fb_t5_block, self.k), {0, 0}, MODEL, INNER, -1},
    {"SelfAttention.v", offsetof(struct fb_t5_block, self.v), {0, 0}, MODEL, INNER, -1},
    {"SelfAttention.o", offsetof(struct fb_t5_block, self.o), {0, 0}, INNER, MODEL, -1},
    {"EncDecAttention.q", offsetof(struct fb_t5_block, cross.q), {-1, 1}, MODEL, INNER, -1},
    {"EncDecAttention.k", offsetof(struct fb_t5_block, cross.k), {-1, 1}, MODEL, INNER, -1},
    {"EncDecAttention.v", offsetof(struct fb_t5_block, cross.v), {-1, 1}, MODEL, INNER, -1},
    {"EncDecAttention.o", offsetof(struct fb_t5_block, cross.o), {-1, 1}, INNER, MODEL, -1},
    {"DenseReluDense.wi", offsetof(struct fb_t5_block, wi), {1, 2}, MODEL, FEED, 0},
    {"DenseReluDense.wi_0", offsetof(struct fb_t5_block, wi), {1, 2}, MODEL, FEED, 1},
    {"DenseReluDense.wi_1", offsetof(struct fb_t5_block, wi_1), {1, 2}, MODEL, FEED, 1},
    {"DenseReluDense.wo", offsetof(struct fb_t5_block, wo), {1, 2}, FEED, MODEL, -1},
};
enum { LINEARS = sizeof linears / sizeof *linears };

static const struct {
    size_t offset;
    int layer[2];
} norms[] = {
    {offsetof(struct fb_t5_block, self.norm), {0, 0}},
    {offsetof(struct fb_t5_block, cross.norm), {-1, 1}},
    {offsetof(struct fb_t5_block, norm), {1, 2}},
};

/* Where tensors come from; `used` is `weights` when what is copied may be released, else NULL. */
struct source {
    const struct fb_t5_config *config;
    const struct fb_weights *weights;
    struct fb_weights *used;
    const char *stack; /* "encoder" */
    int kind;          /* 0 encoder, 1 decoder */
};

static int64_t size_of(const struct fb_t5_config *c, enum width width) {
    switch (width) {
    case MODEL: return c->d_model;
    case INNER: return c->num_heads * c->d_kv;
    case FEED: break;
    }
    return c->d_ff;
}

static int bind_rms(struct fb_rms *norm, const struct source *s, const char *name,
                    struct fb_err *err) {
    norm->epsilon = (float)s->config->layer_norm_epsilon;
    norm->weight = fb_bind(s->weights, name, "weight", 0, s->config->d_model, err);
    return norm->weight ? FB_OK : err->code;
}

static int bind_linear(struct fb_linear *to, const struct source *s, int64_t in, int64_t out,
                       struct fb_err *err) {
    const float *w = fb_bind(s->weights, to->name, "weight", out, in, err);

    if (!w || fb_pack(&to->weight, w, FB_OUT_IN, NULL, in, out, NULL, err)) return err->code;
    if (s->used) fb_bind_release(s->used, to->name, "weight");
    return FB_OK;
}

static int bind_block(struct fb_t5_block *block, const struct source *s, int64_t index,
                      struct fb_err *err) {
    char name[FB_T5_NAME];
    int used = 0;

    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++) {
        if (norms[i].layer[s->kind] < 0) continue;
        snprintf(name, sizeof name, "%s.block.%jd.layer.%d.layer_norm", s->stack, (intmax_t)index,
                 norms[i].layer[s->kind]);
        if (bind_rms((struct fb_rms *)(void *)((char *)block + norms[i].offset), s, name, err))
            return err->code;
    }
    for (int i = 0; i < LINEARS; i++) {
        struct fb_linear *to = (struct fb_linear *)(void *)((char *)block + linears[i].offset);
        if (linears[i].layer[s->kind] < 0) continue;
        if (linears[i].gated >= 0 && linears[i].gated != s->config->gated) continue;
        to->name = block->names[used];
        snprintf(block->names[used++], FB_T5_NAME, "%s.block.%jd.layer.%d.%s", s->stack,
                 (intmax_t)index, linears[i].layer[s->kind], linears[i].name);
        if (bind_linear(to, s, size_of(s->config, linears[i].in),
                        size_of(s->config, linears[i].out), err))
            return err->code;
    }
    return FB_OK;
}

static int bind_stack(struct fb_t5_stack *stack, const struct source *s, int64_t layers,
                      struct fb_err *err) {
    const struct fb_t5_config *c = s->config;
    char name[FB_T5_NAME];

    stack->relative = (struct fb_relative){c->relative_attention_num_buckets,
                                           c->relative_attention_max_distance, s->kind == 0};
    snprintf(name, sizeof name, "%s.block.0.layer.0.SelfAttention.relative_attention_bias",
             s->stack);
    stack->bias =
        fb_bind(s->weights, name, "weight", c->relative_attention_num_buckets, c->num_heads, err);
    snprintf(name, sizeof name, "%s.final_layer_norm", s->stack);
    if (!stack->bias || bind_rms(&stack->norm, s, name, err)) return err->code;
    if (!(stack->block = fb_calloc((size_t)layers, sizeof *stack->block, err))) return err->code;
    stack->layers = layers;
    for (int64_t i = 0; i < layers; i++)
        if (bind_block(&stack->block[i], s, i, err)) return err->code;
    return FB_OK;
}

/* A tied head multiplies with the shared embedding what was scaled by d_model^-0.5. */
static int bind_head(struct fb_t5 *m, const struct source *s, struct fb_err *err) {
    const struct fb_t5_config *c = s->config;
    struct source head = *s;

    m->head_scale = c->tie_word_embeddings ? (float)pow((double)c->d_model, -0.5) : 1.0f;
    m->head.name = c->tie_word_embeddings ? "shared" : "lm_head";
    if (c->tie_word_embeddings) head.used = NULL; /* the embedding is read as it is, too */
    return bind_linear(&m->head, &head, c->d_model, c->vocab_size, err);
}

static int create(struct fb_t5 **out, const struct fb_t5_config *config,
                  const struct fb_weights *weights, struct fb_weights *used, struct fb_err *err) {
    struct fb_t5 *m = fb_calloc(1, sizeof *m, err);
    struct source encoder = {config, weights, used, "encoder", 0};
    struct source decoder = {config, weights, used, "decoder", 1};

    *out = NULL;
    if (!m) return err->code;
    m->config = *config;
    m->shared = fb_bind(weights, "shared", "weight", config->vocab_size, config->d_model, err);
    if (!m->shared || bind_stack(&m->encoder, &encoder, config->num_layers, err) ||
        bind_stack(&m->decoder, &decoder, config->num_decoder_layers, err) ||
        bind_head(m, &decoder, err)) {
        fb_t5_free(m);
        return err->code;
    }
    *out = m;
    return FB_OK;
}

int fb_t5_create(struct fb_t5 **out, const struct fb_t5_config *config,
                 const struct fb_weights *weights, struct fb_err *err) {
    return create(out, config, weights, NULL, err);
}

int fb_t5_create_from(struct fb_t5 **out, const struct fb_t5_config *config,
                      struct fb_weights *weights, struct fb_err *err) {
    return create(out, config, weights, weights, err);
}

static void free_stack(struct fb_t5_stack *stack) {
    for (int64_t i = 0; i < stack->layers; i++)
        for (int k = 0; k < LINEARS; k++) {
            char *block = (char *)&stack->block[i];
            fb_packed_free(&((struct fb_linear *)(void *)(block + linears[k].offset))->weight);
        }
    free(stack->block);
}

void fb_t5_free(struct fb_t5 *m) {
    if (!m) return;
    free_stack(&m->encoder);
    free_stack(&m->decoder);
    fb_packed_free(&m->head.weight);
    free(m);
}

const struct fb_t5_config *fb_t5_config(const struct fb_t5 *m) {
    return &m->config;
}

/* ---- forward ---- */

int fb_t5_check_ids(const struct fb_t5 *m, const int32_t *id, int64_t n, struct fb_err *err) {
    for (int64_t i = 0; i < n; i++)
        if (id[i] < 0 || id[i] >= m->config.vocab_size)
            return fb_fail(err, FB_EMISMATCH, "token id %d is outside the vocabulary of %jd",
                           (int)id[i], (intmax_t)m->config.vocab_size);
    return FB_OK;
}

struct fb_tensor *fb_t5_feed_forward(struct fb_graph *g, const struct fb_t5 *m,
                                     const struct fb_t5_block *b, const struct fb_tensor *x,
                                     struct fb_err *err) {
    enum fb_activation activation = m->config.activation;
    struct fb_tensor *normed = fb_op_rms_norm(g, x, &b->norm, err);
    struct fb_tensor *mid = m->config.gated
                                ? fb_op_gated(g, normed, &b->wi, &b->wi_1, activation, err)
                                : fb_op_linear(g, normed, &b->wi, activation, NULL, err);

    return fb_op_linear(g, mid, &b->wo, FB_LINEAR, x, err);
}

static struct fb_tensor *attend(struct fb_graph *g, const struct fb_t5 *m,
                                const struct fb_t5_attention *a, const struct fb_tensor *x,
                                const struct fb_batch *batch, const struct fb_distance_bias *bias,
                                struct fb_err *err) {
    struct fb_tensor *normed = fb_op_rms_norm(g, x, &a->norm, err);
    struct fb_tensor *q = fb_op_linear(g, normed, &a->q, FB_LINEAR, NULL, err);
    struct fb_tensor *k = fb_op_linear(g, normed, &a->k, FB_LINEAR, NULL, err);
    struct fb_tensor *v = fb_op_linear(g, normed, &a->v, FB_LINEAR, NULL, err);
    struct fb_tensor *mixed =
        fb_op_attention_both(g, q, k, v, batch, m->config.num_heads, bias, err);

    return fb_op_linear(g, mixed, &a->o, FB_LINEAR, x, err);
}

/* The encoder's bias for every distance that occurs in the batch; owned. */
static float *distances(const struct fb_t5 *m, const struct fb_batch *batch, int64_t *reach,
                        struct fb_err *err) {
    int64_t heads = m->config.num_heads;
    float *bias;

    *reach = 1;
    for (int64_t i = 0; i < batch->segments; i++)
        if (batch->segment[i].count > *reach) *reach = batch->segment[i].count;
    bias = fb_calloc((size_t)heads, (size_t)(2 * *reach - 1) * sizeof *bias, err);
    if (bias) fb_relative_bias(bias, &m->encoder.relative, m->encoder.bias, heads, *reach);
    return bias;
}

int fb_t5_encode(const struct fb_t5 *m, const struct fb_batch *batch, float *out,
                 struct fb_graph *g, struct fb_err *err) {
    struct fb_distance_bias bias;
    struct fb_tensor *x;
    float *values;

    if (fb_t5_check_ids(m, batch->id, batch->tokens, err)) return err->code;
    if (!(values = distances(m, batch, &bias.reach, err))) return err->code;
    bias.value = values;
    fb_graph_reset(g);
    x = fb_op_lookup(g, batch->id, batch->tokens, m->shared, m->config.d_model, err);
    for (int64_t i = 0; x && i < m->encoder.layers; i++) {
        const struct fb_t5_block *b = &m->encoder.block[i];
        fb_graph_next(g);
        x = attend(g, m, &b->self, x, batch, &bias, err);
        fb_graph_next(g);
        x = fb_t5_feed_forward(g, m, b, x, err);
    }
    x = fb_op_rms_norm(g, x, &m->encoder.norm, err);
    if (x) memcpy(out, x->data, (size_t)(x->rows * x->cols) * sizeof *out);
    free(values);
    return x ? FB_OK : err->code;
}
