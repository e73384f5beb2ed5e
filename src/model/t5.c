/* t5.c - the layers of a T5 model and the tensors they are made of. t5_forward.c and decoder.c run
 * them. */
#include "base/alloc.h"
#include "model/bind.h"
#include "model/t5_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- binding ---- */

enum width { NORM, MODEL, INNER, FEED };

/* The layers of a block in the order of a state dict; a norm has no inputs.
 * layer: index of the sublayer in an encoder block, and in a decoder block (-1: not there). */
static const struct {
    const char *name;
    size_t offset;
    int layer[2];
    enum width in, out;
    int gated; /* -1: always; 0, 1: only without or with gating */
} parts[FB_T5_PARTS + 1] = {
    {"SelfAttention.q", offsetof(struct fb_t5_block, self.q), {0, 0}, MODEL, INNER, -1},
    {"SelfAttention.k", offsetof(struct fb_t5_block, self.k), {0, 0}, MODEL, INNER, -1},
    {"SelfAttention.v", offsetof(struct fb_t5_block, self.v), {0, 0}, MODEL, INNER, -1},
    {"SelfAttention.o", offsetof(struct fb_t5_block, self.o), {0, 0}, INNER, MODEL, -1},
    {"layer_norm", offsetof(struct fb_t5_block, self.norm), {0, 0}, NORM, MODEL, -1},
    {"EncDecAttention.q", offsetof(struct fb_t5_block, cross.q), {-1, 1}, MODEL, INNER, -1},
    {"EncDecAttention.k", offsetof(struct fb_t5_block, cross.k), {-1, 1}, MODEL, INNER, -1},
    {"EncDecAttention.v", offsetof(struct fb_t5_block, cross.v), {-1, 1}, MODEL, INNER, -1},
    {"EncDecAttention.o", offsetof(struct fb_t5_block, cross.o), {-1, 1}, INNER, MODEL, -1},
    {"layer_norm", offsetof(struct fb_t5_block, cross.norm), {-1, 1}, NORM, MODEL, -1},
    {"DenseReluDense.wi", offsetof(struct fb_t5_block, wi), {1, 2}, MODEL, FEED, 0},
    {"DenseReluDense.wi_0", offsetof(struct fb_t5_block, wi), {1, 2}, MODEL, FEED, 1},
    {"DenseReluDense.wi_1", offsetof(struct fb_t5_block, wi_1), {1, 2}, MODEL, FEED, 1},
    {"DenseReluDense.wo", offsetof(struct fb_t5_block, wo), {1, 2}, FEED, MODEL, -1},
    {"layer_norm", offsetof(struct fb_t5_block, norm), {1, 2}, NORM, MODEL, -1},
};
enum { PARTS = sizeof parts / sizeof *parts, LAST_OF_SELF = 3 };

/* What differs between the stacks. */
static const struct {
    const char *name, *bias, *norm;
} stacks[] = {
    {"encoder", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias",
     "encoder.final_layer_norm"},
    {"decoder", "decoder.block.0.layer.0.SelfAttention.relative_attention_bias",
     "decoder.final_layer_norm"},
};

/* Where tensors come from; `used` is `weights` when what is copied may be released, else NULL. */
struct source {
    const struct fb_t5_config *config;
    const struct fb_weights *weights;
    struct fb_weights *used;
    int kind; /* 0 encoder, 1 decoder */
};

static int64_t size_of(const struct fb_t5_config *c, enum width width) {
    switch (width) {
    case NORM: return 0;
    case MODEL: return c->d_model;
    case INNER: return c->num_heads * c->d_kv;
    case FEED: break;
    }
    return c->d_ff;
}

/* Whether a block of that kind has part i. */
static bool has_part(const struct fb_t5_config *c, int kind, int i) {
    return parts[i].layer[kind] >= 0 && (parts[i].gated < 0 || parts[i].gated == c->gated);
}

static int bind_rms(struct fb_rms *norm, const char *name, const struct source *s,
                    struct fb_err *err) {
    norm->name = name;
    norm->epsilon = (float)s->config->layer_norm_epsilon;
    norm->weight = fb_bind(s->weights, name, "weight", 0, s->config->d_model, err);
    return norm->weight ? FB_OK : err->code;
}

static int bind_linear(struct fb_linear *to, const char *name, const struct source *s, int64_t in,
                       int64_t out, struct fb_err *err) {
    const float *w = fb_bind(s->weights, name, "weight", out, in, err);

    to->name = name;
    to->order = FB_OUT_IN;
    if (!w) return err->code;
    if (to->weight.block) fb_pack_again(&to->weight, w, FB_OUT_IN, NULL);
    else if (fb_pack(&to->weight, w, FB_OUT_IN, NULL, in, out, NULL, err)) return err->code;
    if (s->used) fb_bind_release(s->used, name, "weight");
    return FB_OK;
}

static int bind_table(struct fb_table *table, const char *name, const struct source *s,
                      int64_t rows, int64_t cols, struct fb_err *err) {
    *table = (struct fb_table){.name = name, .cols = cols};
    table->data = fb_bind(s->weights, name, "weight", rows, cols, err);
    return table->data ? FB_OK : err->code;
}

static void name_part(char name[FB_T5_NAME], int kind, int64_t block, int i) {
    snprintf(name, FB_T5_NAME, "%s.block.%jd.layer.%d.%s", stacks[kind].name, (intmax_t)block,
             parts[i].layer[kind], parts[i].name);
}

static int bind_block(struct fb_t5_block *block, const struct source *s, int64_t index,
                      struct fb_err *err) {
    char *name = block->names[0];

    for (int i = 0; i < PARTS; i++) {
        int64_t in = size_of(s->config, parts[i].in), out = size_of(s->config, parts[i].out);
        void *to = (char *)block + parts[i].offset;
        if (!has_part(s->config, s->kind, i)) continue;
        name_part(name, s->kind, index, i);
        if (in ? bind_linear(to, name, s, in, out, err) : bind_rms(to, name, s, err))
            return err->code;
        name += FB_T5_NAME;
    }
    return FB_OK;
}

static int bind_stack(struct fb_t5_stack *stack, const struct source *s, struct fb_err *err) {
    const struct fb_t5_config *c = s->config;

    stack->relative = (struct fb_relative){c->relative_attention_num_buckets,
                                           c->relative_attention_max_distance, s->kind == 0};
    if (bind_table(&stack->bias, stacks[s->kind].bias, s, c->relative_attention_num_buckets,
                   c->num_heads, err) ||
        bind_rms(&stack->norm, stacks[s->kind].norm, s, err))
        return err->code;
    for (int64_t i = 0; i < stack->layers; i++)
        if (bind_block(&stack->block[i], s, i, err)) return err->code;
    return FB_OK;
}

/* A tied head multiplies with the shared embedding what was scaled by d_model^-0.5. */
static int bind_head(struct fb_t5 *m, const struct source *s, struct fb_err *err) {
    const struct fb_t5_config *c = s->config;
    struct source head = *s;

    m->head_scale = c->tie_word_embeddings ? (float)pow((double)c->d_model, -0.5) : 1.0f;
    if (c->tie_word_embeddings) head.used = NULL; /* the embedding is read as it is, too */
    return bind_linear(&m->head, c->tie_word_embeddings ? "shared" : "lm_head", &head, c->d_model,
                       c->vocab_size, err);
}

static int bind(struct fb_t5 *m, const struct fb_weights *weights, struct fb_weights *used,
                struct fb_err *err) {
    struct source encoder = {&m->config, weights, used, 0},
                  decoder = {&m->config, weights, used, 1};

    if (bind_table(&m->shared, "shared", &encoder, m->config.vocab_size, m->config.d_model, err) ||
        bind_stack(&m->encoder, &encoder, err) || bind_stack(&m->decoder, &decoder, err) ||
        bind_head(m, &decoder, err))
        return err->code;
    return FB_OK;
}

/* ---- a model ---- */

static int allocate(struct fb_t5_stack *stack, int64_t layers, struct fb_err *err) {
    if (!(stack->block = fb_calloc((size_t)layers, sizeof *stack->block, err))) return err->code;
    stack->layers = layers;
    return FB_OK;
}

static int create(struct fb_t5 **out, const struct fb_t5_config *config,
                  const struct fb_weights *weights, struct fb_weights *used, struct fb_err *err) {
    struct fb_t5 *m = fb_calloc(1, sizeof *m, err);

    *out = NULL;
    if (!m) return err->code;
    m->config = *config;
    if (allocate(&m->encoder, config->num_layers, err) ||
        allocate(&m->decoder, config->num_decoder_layers, err) || bind(m, weights, used, err)) {
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

int fb_t5_refresh(struct fb_t5 *m, const struct fb_weights *weights, struct fb_err *err) {
    return bind(m, weights, NULL, err);
}

static struct fb_linear *linear_of(struct fb_t5_block *block, int part) {
    return (struct fb_linear *)(void *)((char *)block + parts[part].offset);
}

static void free_stack(struct fb_t5_stack *stack) {
    for (int64_t i = 0; i < stack->layers; i++)
        for (int k = 0; k < PARTS; k++)
            if (parts[k].in != NORM) fb_packed_free(&linear_of(&stack->block[i], k)->weight);
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

/* ---- parameters ---- */

static int want_block(struct fb_grads *grads, const struct fb_t5_config *c, int kind,
                      const struct fb_t5_block *block, bool first,
                      const struct fb_grads_filter *filter, struct fb_err *err) {
    int name = 0;

    for (int i = 0; i < PARTS; i++) {
        int64_t in = size_of(c, parts[i].in), out = size_of(c, parts[i].out);
        if (!has_part(c, kind, i)) continue;
        if (fb_grads_want(grads, filter, block->names[name++], "weight", in ? out : 1,
                          in ? in : out, false, err))
            return err->code;
        if (first && i == LAST_OF_SELF &&
            fb_grads_want(grads, filter, stacks[kind].bias, "weight",
                          c->relative_attention_num_buckets, c->num_heads, false, err))
            return err->code;
    }
    return FB_OK;
}

int fb_t5_grads(struct fb_grads *grads, const struct fb_t5 *m, const struct fb_grads_filter *filter,
                struct fb_err *err) {
    const struct fb_t5_config *c = &m->config;
    const struct fb_t5_stack *stack[] = {&m->encoder, &m->decoder};

    if (fb_grads_want(grads, filter, "shared", "weight", c->vocab_size, c->d_model, true, err))
        return err->code;
    for (int kind = 0; kind < 2; kind++) {
        for (int64_t i = 0; i < stack[kind]->layers; i++)
            if (want_block(grads, c, kind, &stack[kind]->block[i], i == 0, filter, err))
                return err->code;
        if (fb_grads_want(grads, filter, stacks[kind].norm, "weight", 1, c->d_model, false, err))
            return err->code;
    }
    if (c->tie_word_embeddings) return FB_OK;
    return fb_grads_want(grads, filter, "lm_head", "weight", c->vocab_size, c->d_model, false, err);
}

static int declare_block(struct fb_weights *weights, const struct fb_t5_config *c, int kind,
                         int64_t index, struct fb_err *err) {
    char name[FB_T5_NAME];

    for (int i = 0; i < PARTS; i++) {
        int64_t in = size_of(c, parts[i].in), out = size_of(c, parts[i].out);
        if (!has_part(c, kind, i)) continue;
        name_part(name, kind, index, i);
        if (fb_weights_add_part(weights, name, "weight", in ? out : 0, in ? in : out, err))
            return err->code;
        if (index == 0 && i == LAST_OF_SELF &&
            fb_weights_add_part(weights, stacks[kind].bias, "weight",
                                c->relative_attention_num_buckets, c->num_heads, err))
            return err->code;
    }
    return FB_OK;
}

int fb_t5_declare(struct fb_weights *weights, const struct fb_t5_config *c, struct fb_err *err) {
    const int64_t layers[] = {c->num_layers, c->num_decoder_layers};

    if (fb_weights_add_part(weights, "shared", "weight", c->vocab_size, c->d_model, err))
        return err->code;
    for (int kind = 0; kind < 2; kind++) {
        for (int64_t i = 0; i < layers[kind]; i++)
            if (declare_block(weights, c, kind, i, err)) return err->code;
        if (fb_weights_add_part(weights, stacks[kind].norm, "weight", 0, c->d_model, err))
            return err->code;
    }
    if (c->tie_word_embeddings) return FB_OK;
    return fb_weights_add_part(weights, "lm_head", "weight", c->vocab_size, c->d_model, err);
}

static struct fb_linear *find(struct fb_t5_stack *stack, const char *name) {
    for (int64_t i = 0; i < stack->layers; i++)
        for (int k = 0; k < PARTS; k++) {
            struct fb_linear *layer = parts[k].in == NORM ? NULL : linear_of(&stack->block[i], k);
            if (layer && layer->name && !strcmp(layer->name, name)) return layer;
        }
    return NULL;
}

struct fb_linear *fb_t5_linear(struct fb_t5 *m, const char *name) {
    struct fb_linear *layer = find(&m->encoder, name);

    if (!layer) layer = find(&m->decoder, name);
    return layer || m->config.tie_word_embeddings || strcmp(name, "lm_head") ? layer : &m->head;
}
