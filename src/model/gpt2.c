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

enum { NAME = 64 };

struct block {
    struct fb_norm ln_1, ln_2;
    struct fb_linear c_attn, c_proj, c_fc, mlp_c_proj;
    char names[4][NAME]; /* of the linear layers */
};

struct fb_gpt2 {
    struct fb_gpt2_config config;
    const float *wte, *wpe;
    struct fb_norm ln_f;
    struct block block[];
};

/* ---- binding ---- */

enum width { EMBD, EMBD3, INNER };

static const struct {
    const char *name;
    size_t offset;
} norms[] = {{"ln_1", offsetof(struct block, ln_1)}, {"ln_2", offsetof(struct block, ln_2)}};

static const struct {
    const char *name;
    size_t offset;
    enum width in, out;
} linears[] = {
    {"attn.c_attn", offsetof(struct block, c_attn), EMBD, EMBD3},
    {"attn.c_proj", offsetof(struct block, c_proj), EMBD, EMBD},
    {"mlp.c_fc", offsetof(struct block, c_fc), EMBD, INNER},
    {"mlp.c_proj", offsetof(struct block, mlp_c_proj), INNER, EMBD},
};
enum { NORMS = sizeof norms / sizeof *norms, LINEARS = sizeof linears / sizeof *linears };

static int64_t size_of(const struct fb_gpt2_config *c, enum width width) {
    switch (width) {
    case EMBD: return c->n_embd;
    case EMBD3: return 3 * c->n_embd;
    case INNER: break;
    }
    return c->n_inner;
}

static int bind_norm(struct fb_norm *norm, const struct fb_gpt2_config *c,
                     const struct fb_weights *weights, const char *prefix, struct fb_err *err) {
    norm->epsilon = (float)c->layer_norm_epsilon;
    norm->weight = fb_bind(weights, prefix, "weight", 0, c->n_embd, err);
    norm->bias = norm->weight ? fb_bind(weights, prefix, "bias", 0, c->n_embd, err) : NULL;
    return norm->bias ? FB_OK : err->code;
}

/* `used` is `weights` when what is copied may be released, else NULL. */
static int bind_block(struct block *block, const struct fb_gpt2_config *c, int64_t layer,
                      const struct fb_weights *weights, struct fb_weights *used,
                      struct fb_err *err) {
    char name[NAME];

    for (int i = 0; i < NORMS; i++) {
        snprintf(name, sizeof name, "h.%jd.%s", (intmax_t)layer, norms[i].name);
        if (bind_norm((struct fb_norm *)(void *)((char *)block + norms[i].offset), c, weights, name,
                      err))
            return err->code;
    }
    for (int i = 0; i < LINEARS; i++) {
        struct fb_linear *to = (struct fb_linear *)(void *)((char *)block + linears[i].offset);
        int64_t in = size_of(c, linears[i].in), out = size_of(c, linears[i].out);
        const float *w, *b;
        to->name = block->names[i];
        snprintf(block->names[i], NAME, "h.%jd.%s", (intmax_t)layer, linears[i].name);
        if (!(w = fb_bind(weights, to->name, "weight", in, out, err)) ||
            !(b = fb_bind(weights, to->name, "bias", 0, out, err)) ||
            fb_pack(&to->weight, w, FB_IN_OUT, b, in, out, NULL, err))
            return err->code;
        if (!used) continue;
        fb_bind_release(used, to->name, "weight");
        fb_bind_release(used, to->name, "bias");
    }
    return FB_OK;
}

static int create(struct fb_gpt2 **out, const struct fb_gpt2_config *config,
                  const struct fb_weights *weights, struct fb_weights *used, struct fb_err *err) {
    struct fb_gpt2 *m = fb_calloc(1, sizeof *m + (size_t)config->n_layer * sizeof *m->block, err);

    *out = NULL;
    if (!m) return err->code;
    m->config = *config;
    if (!(m->wte = fb_bind(weights, "wte", "weight", config->vocab_size, config->n_embd, err)) ||
        !(m->wpe = fb_bind(weights, "wpe", "weight", config->n_positions, config->n_embd, err)) ||
        bind_norm(&m->ln_f, config, weights, "ln_f", err))
        goto fail;
    for (int64_t i = 0; i < config->n_layer; i++)
        if (bind_block(&m->block[i], config, i, weights, used, err)) goto fail;
    *out = m;
    return FB_OK;
fail:
    fb_gpt2_free(m);
    return err->code;
}

int fb_gpt2_create(struct fb_gpt2 **out, const struct fb_gpt2_config *config,
                   const struct fb_weights *weights, struct fb_err *err) {
    return create(out, config, weights, NULL, err);
}

int fb_gpt2_create_from(struct fb_gpt2 **out, const struct fb_gpt2_config *config,
                        struct fb_weights *weights, struct fb_err *err) {
    return create(out, config, weights, weights, err);
}

void fb_gpt2_free(struct fb_gpt2 *m) {
    for (int64_t i = 0; m && i < m->config.n_layer; i++)
        for (int k = 0; k < LINEARS; k++) {
            char *block = (char *)&m->block[i];
            fb_packed_free(&((struct fb_linear *)(void *)(block + linears[k].offset))->weight);
        }
    free(m);
}

const struct fb_gpt2_config *fb_gpt2_config(const struct fb_gpt2 *m) {
    return &m->config;
}

bool fb_gpt2_copies(const char *name) {
    const char *rest = strncmp(name, "h.", 2) == 0 ? strchr(name + 2, '.') : NULL;

    for (int i = 0; rest && i < LINEARS; i++) {
        size_t n = strlen(linears[i].name);
        if (strncmp(rest + 1, linears[i].name, n) == 0 && rest[1 + n] == '.') return true;
    }
    return false;
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
static struct fb_tensor *attend(struct fb_graph *g, const struct block *b,
                                const struct fb_tensor *x, const struct fb_batch *batch,
                                int64_t heads, float scale, struct fb_err *err) {
    struct fb_tensor *normed = fb_op_layer_norm(g, x, &b->ln_1, err);
    struct fb_tensor *qkv = fb_op_linear(g, normed, &b->c_attn, FB_LINEAR, NULL, err);
    struct fb_tensor *mixed = fb_op_attention(g, qkv, batch, heads, scale, err);

    return fb_op_linear(g, mixed, &b->c_proj, FB_LINEAR, x, err);
}

/* The same for the last tokens only. */
static struct fb_tensor *attend_last(struct fb_graph *g, const struct block *b,
                                     const struct fb_tensor *x, const struct fb_batch *batch,
                                     int64_t heads, float scale, struct fb_err *err) {
    struct fb_tensor *normed = fb_op_layer_norm(g, x, &b->ln_1, err);
    struct fb_tensor *last = fb_op_last(g, normed, batch, err);
    int64_t n = b->c_attn.weight.in;
    struct fb_tensor *kv = fb_op_linear_part(g, normed, &b->c_attn, n, 2 * n, err);
    struct fb_tensor *q = fb_op_linear_part(g, last, &b->c_attn, 0, n, err);
    struct fb_tensor *mixed = fb_op_attention_last(g, q, kv, batch, heads, scale, err);
    struct fb_tensor *rest = fb_op_last(g, x, batch, err);

    return rest ? fb_op_linear(g, mixed, &b->c_proj, FB_LINEAR, rest, err) : NULL;
}

static float attention_scale(const struct fb_gpt2_config *c, int64_t layer) {
    const int64_t head = c->n_embd / c->n_head;
    double scale = 1.0;

    if (c->scale_attn_weights) scale /= sqrt((double)head);
    if (c->scale_attn_by_inverse_layer_idx) scale /= (double)(layer + 1);
    return (float)scale;
}

int fb_gpt2_last_hidden(const struct fb_gpt2 *m, const struct fb_batch *batch, float *out,
                        struct fb_graph *g, struct fb_err *err) {
    const struct fb_gpt2_config *c = &m->config;
    struct fb_tensor *x, *mid;
    bool whole = g->observer != NULL;

    if (check(m, batch, err)) return err->code;
    fb_graph_reset(g);
    x = fb_op_embed(g, batch, m->wte, m->wpe, c->n_embd, err);
    for (int64_t i = 0; x && i < c->n_layer; i++) {
        const struct block *b = &m->block[i];
        bool all = whole || i + 1 < c->n_layer;
        fb_graph_next(g);
        x = (all ? attend : attend_last)(g, b, x, batch, c->n_head, attention_scale(c, i), err);
        fb_graph_next(g);
        mid = fb_op_linear(g, fb_op_layer_norm(g, x, &b->ln_2, err), &b->c_fc, c->activation, NULL,
                           err);
        x = fb_op_linear(g, mid, &b->mlp_c_proj, FB_LINEAR, x, err);
    }
    if (whole) x = fb_op_last(g, x, batch, err);
    if (!(x = fb_op_layer_norm(g, x, &m->ln_f, err))) return err->code;
    fb_gather(out, x->data, batch->end, batch->sequences, c->n_embd);
    return FB_OK;
}

int fb_gpt2_logits(float *out, const float *hidden, int64_t rows, int64_t n_embd,
                   const struct fb_weight *score, struct fb_err *err) {
    struct fb_packed head;
    int result;

    if (score->ndim != 2 || score->shape[1] != n_embd || score->shape[0] < 1)
        return fb_fail(err, FB_EMISMATCH, "tensor '%s' is not a matrix of %jd columns", score->name,
                       (intmax_t)n_embd);
    if (fb_pack(&head, score->data, FB_OUT_IN, NULL, n_embd, score->shape[0], NULL, err))
        return err->code;
    result = fb_gemm(&(struct fb_gemm){.y = out,
                                       .ldy = score->shape[0],
                                       .x = hidden,
                                       .ldx = n_embd,
                                       .rows = rows,
                                       .weight = &head,
                                       .columns = score->shape[0]},
                     err);
    fb_packed_free(&head);
    return result;
}
