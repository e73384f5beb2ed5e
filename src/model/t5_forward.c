/* t5_forward.c - the encoder, and the decoder over given targets, block by block:
 *
 *     x = shared[id]
 *     x = x + o(attention(q(n), k(n), v(n)) with position bias), n = rms_norm(x), no scaling
 *     x = x + o(attention(q(n), k(states), v(states)) without),  in the decoder
 *     x = x + wo(activation(wi_0(n)) * wi_1(n)), or wo(activation(wi(n)))
 *     states = rms_norm(x)
 *
 * No layer has a bias; the position bias of a stack's first block serves all of its blocks. Places
 * of dropout as in T5Stack, T5Attention and the layers of transformers 4.46. */
#include "model/t5_parts.h"

#include <assert.h>
#include <string.h>

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
    double dropout = m->config.dropout_rate;
    struct fb_tensor *normed = fb_op_rms_norm(g, x, &b->norm, err);
    struct fb_tensor *mid = m->config.gated
                                ? fb_op_gated(g, normed, &b->wi, &b->wi_1, activation, err)
                                : fb_op_linear(g, normed, &b->wi, activation, NULL, err);

    return fb_op_linear_dropped(g, fb_op_dropout(g, mid, dropout, err), &b->wo, dropout, x, err);
}

/* x + o(attention): `in` says who attends to whom, and to what (`states`; NULL: to x itself). */
static struct fb_tensor *attend(struct fb_graph *g, const struct fb_t5 *m,
                                const struct fb_t5_attention *a, const struct fb_tensor *x,
                                const struct fb_tensor *states, struct fb_attend_in in,
                                struct fb_err *err) {
    const double dropout = m->config.dropout_rate;
    const struct fb_heads heads = {m->config.num_heads, 1.0f, dropout};
    struct fb_tensor *normed = fb_op_rms_norm(g, x, &a->norm, err);
    struct fb_layer_use use[] = {{.layer = &a->q}, {.layer = &a->k}, {.layer = &a->v}};
    int own = states ? 1 : 3; /* layers of `normed` */

    if (!normed || fb_op_linear_joint(g, normed, use, own, err) ||
        (own < 3 && fb_op_linear_joint(g, states, use + own, 3 - own, err)))
        return NULL;
    in.q = use[0].y;
    in.k = use[1].y;
    in.v = use[2].y;
    return fb_op_linear_dropped(g, fb_op_attend(g, &in, &heads, err), &a->o, dropout, x, err);
}

/* The stack's bias for every distance that occurs in the batch. */
static struct fb_tensor *distance_bias(struct fb_graph *g, const struct fb_t5_stack *stack,
                                       const struct fb_batch *batch, struct fb_err *err) {
    struct fb_tensor *bias;
    int64_t reach = 1, *bucket;

    for (int64_t i = 0; i < batch->segments; i++)
        if (batch->segment[i].count > reach) reach = batch->segment[i].count;
    bucket = fb_arena_calloc(&g->kept, (size_t)(2 * reach - 1), sizeof *bucket, err);
    if (!bucket) return NULL;
    fb_relative_buckets(bucket, &stack->relative, reach);
    g->keep = true;
    bias = fb_op_distance_bias(g, &stack->bias, bucket, 2 * reach - 1, err);
    g->keep = false;
    return bias;
}

/* The result of a stack, which outlives the stages. */
static struct fb_tensor *finish(struct fb_graph *g, const struct fb_t5 *m,
                                const struct fb_t5_stack *stack, const struct fb_tensor *x,
                                struct fb_err *err) {
    struct fb_tensor *states;

    g->keep = true;
    states = fb_op_dropout(g, fb_op_rms_norm(g, x, &stack->norm, err), m->config.dropout_rate, err);
    g->keep = false;
    return states;
}

/* Embeds, and gives the bias; NULL after a failure of either. */
static struct fb_tensor *begin(struct fb_graph *g, const struct fb_t5 *m,
                               const struct fb_t5_stack *stack, const struct fb_batch *batch,
                               struct fb_tensor **bias, struct fb_err *err) {
    if (fb_t5_check_ids(m, batch->id, batch->tokens, err)) return NULL;
    if (!(*bias = distance_bias(g, stack, batch, err))) return NULL;
    return fb_op_dropout(g, fb_op_lookup(g, batch->id, batch->tokens, &m->shared, err),
                         m->config.dropout_rate, err);
}

static struct fb_tensor *encode(const struct fb_t5 *m, const struct fb_batch *batch,
                                struct fb_graph *g, struct fb_err *err) {
    struct fb_tensor *bias, *x;

    fb_graph_reset(g);
    x = begin(g, m, &m->encoder, batch, &bias, err);
    for (int64_t i = 0; x && i < m->encoder.layers; i++) {
        const struct fb_t5_block *b = &m->encoder.block[i];
        const struct fb_attend_in self = {.queries = batch, .bias = bias};
        fb_graph_next(g);
        x = attend(g, m, &b->self, x, NULL, self, err);
        fb_graph_next(g);
        x = fb_t5_feed_forward(g, m, b, x, err);
    }
    return finish(g, m, &m->encoder, x, err);
}

int fb_t5_encode(const struct fb_t5 *m, const struct fb_batch *batch, float *out,
                 struct fb_graph *g, struct fb_err *err) {
    const struct fb_tensor *x = encode(m, batch, g, err);

    if (!x) return err->code;
    memcpy(out, x->data, (size_t)(x->rows * x->cols) * sizeof *out);
    return FB_OK;
}

struct fb_tensor *fb_t5_forward(const struct fb_t5 *m, const struct fb_batch *inputs,
                                const struct fb_batch *targets, struct fb_graph *g,
                                struct fb_err *err) {
    struct fb_tensor *states = encode(m, inputs, g, err), *bias, *x;

    assert(inputs->segments == targets->segments);
    x = states ? begin(g, m, &m->decoder, targets, &bias, err) : NULL;
    for (int64_t i = 0; x && i < m->decoder.layers; i++) {
        const struct fb_t5_block *b = &m->decoder.block[i];
        const struct fb_attend_in self = {.queries = targets, .bias = bias, .causal = true};
        const struct fb_attend_in cross = {.queries = targets, .keys = inputs};
        fb_graph_next(g);
        x = attend(g, m, &b->self, x, NULL, self, err);
        fb_graph_next(g);
        if (x) x = attend(g, m, &b->cross, x, states, cross, err);
        fb_graph_next(g);
        x = fb_t5_feed_forward(g, m, b, x, err);
    }
    return finish(g, m, &m->decoder, x, err);
}

struct fb_tensor *fb_t5_head(const struct fb_t5 *m, const struct fb_tensor *states,
                             struct fb_graph *g, struct fb_err *err) {
    if (m->config.tie_word_embeddings) states = fb_op_scale(g, states, m->head_scale, err);
    return fb_op_linear(g, states, &m->head, FB_LINEAR, NULL, err);
}
