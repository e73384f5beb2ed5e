/* decoder.c - a step, block by block:
 *
 *     x = shared[id]
 *     x = x + o(attention over the tokens so far, with position bias)
 *     x = x + o(attention over the encoder states, without)
 *     x = x + feed-forward
 *     hidden = rms_norm(x) */
#include "model/decoder.h"

#include "base/alloc.h"
#include "model/t5_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
    LOGIT_COLUMNS = 1024
}; /* at once: a block of them stays in the cache until it is looked at */

/* What a layer keeps. */
struct kept {
    float *k, *v;             /* [sequences, steps, inner] of the tokens so far */
    float *cross_k, *cross_v; /* [tokens, inner] of the encoder states */
};

struct fb_decoder {
    const struct fb_t5 *m;
    int64_t sequences, rows, steps, done; /* done: steps so far */
    int64_t inner;
    int64_t *sequence;     /* [rows] */
    int64_t *begin, *keys; /* [sequences] rows of the encoder states */
    struct kept *kept;     /* [layers] */
    float *memory;         /* what they point into */
    float *bias;           /* [heads][2 steps - 1] */
    struct fb_span *span;  /* [rows], of the layer at hand */
    struct fb_graph graph;
};

/* ---- beginning ---- */

static int allocate(struct fb_decoder *d, int64_t tokens, struct fb_err *err) {
    int64_t layers = d->m->decoder.layers, heads = d->m->config.num_heads;
    size_t n = (size_t)d->sequences, own = n * (size_t)(d->steps * d->inner);
    size_t cross = (size_t)(tokens * d->inner);
    float *at;

    d->sequence = fb_calloc(n, sizeof *d->sequence, err);
    d->begin = fb_calloc(n, sizeof *d->begin, err);
    d->keys = fb_calloc(n, sizeof *d->keys, err);
    d->span = fb_calloc(n, sizeof *d->span, err);
    d->kept = fb_calloc((size_t)layers, sizeof *d->kept, err);
    d->bias = fb_calloc((size_t)heads, (size_t)(2 * d->steps - 1) * sizeof *d->bias, err);
    d->memory = fb_calloc((size_t)layers, 2 * (own + cross) * sizeof *d->memory, err);
    if (!d->sequence || !d->begin || !d->keys || !d->span || !d->kept || !d->bias || !d->memory)
        return err->code;
    at = d->memory;
    for (int64_t i = 0; i < layers; i++, at += 2 * (own + cross))
        d->kept[i] = (struct kept){at, at + own, at + 2 * own, at + 2 * own + cross};
    return FB_OK;
}

/* Copies a layer's result out of the graph, which is empty before and after. */
static int project(float *out, const struct fb_linear *layer, const struct fb_tensor *x,
                   struct fb_graph *g, struct fb_err *err) {
    const struct fb_tensor *y = fb_op_linear(g, x, layer, FB_LINEAR, NULL, err);

    if (!y) return err->code;
    memcpy(out, y->data, (size_t)(y->rows * y->cols) * sizeof *out);
    fb_graph_reset(g);
    return FB_OK;
}

int fb_decoder_begin(struct fb_decoder **out, const struct fb_t5 *m, const struct fb_batch *batch,
                     const float *states, int64_t steps, struct fb_err *err) {
    struct fb_decoder *d = fb_calloc(1, sizeof *d, err);
    const struct fb_tensor x = {(float *)(uintptr_t)states, batch->tokens, m->config.d_model};

    *out = NULL;
    if (!d) return err->code;
    d->m = m;
    d->sequences = d->rows = batch->sequences;
    d->steps = steps;
    d->inner = m->config.num_heads * m->config.d_kv;
    if (allocate(d, batch->tokens, err)) goto fail;
    fb_relative_bias(d->bias, &m->decoder.relative, m->decoder.bias.data, m->config.num_heads,
                     steps);
    for (int64_t i = 0; i < batch->sequences; i++) {
        const struct fb_segment *segment = &batch->segment[batch->end[i]];
        d->sequence[i] = i;
        d->begin[i] = segment->row;
        d->keys[i] = segment->count;
    }
    for (int64_t i = 0; i < m->decoder.layers; i++) {
        const struct fb_t5_attention *a = &m->decoder.block[i].cross;
        if (project(d->kept[i].cross_k, &a->k, &x, &d->graph, err) ||
            project(d->kept[i].cross_v, &a->v, &x, &d->graph, err))
            goto fail;
    }
    *out = d;
    return FB_OK;
fail:
    fb_decoder_free(d);
    return err->code;
}

void fb_decoder_free(struct fb_decoder *d) {
    if (!d) return;
    free(d->sequence);
    free(d->begin);
    free(d->keys);
    free(d->span);
    free(d->kept);
    free(d->bias);
    free(d->memory);
    fb_graph_free(&d->graph);
    free(d);
}

int64_t fb_decoder_rows(const struct fb_decoder *d) {
    return d->rows;
}

int64_t fb_decoder_sequence(const struct fb_decoder *d, int64_t row) {
    return d->sequence[row];
}

void fb_decoder_keep(struct fb_decoder *d, const bool *keep) {
    int64_t rows = 0;

    for (int64_t i = 0; i < d->rows; i++)
        if (keep[i]) d->sequence[rows++] = d->sequence[i];
    d->rows = rows;
}

/* ---- a step ---- */

/* Puts this step's keys and values behind those before it. */
static void remember(struct fb_decoder *d, const struct kept *kept, const struct fb_tensor *k,
                     const struct fb_tensor *v) {
    size_t size = (size_t)d->inner * sizeof(float);

    for (int64_t i = 0; i < d->rows; i++) {
        int64_t first = d->sequence[i] * d->steps * d->inner, at = first + d->done * d->inner;
        memcpy(kept->k + at, k->data + i * d->inner, size);
        memcpy(kept->v + at, v->data + i * d->inner, size);
        d->span[i] = (struct fb_span){kept->k + first, kept->v + first, d->done + 1};
    }
}

static struct fb_tensor *attend(struct fb_decoder *d, const struct fb_t5_attention *a,
                                const struct kept *kept, const struct fb_tensor *x,
                                struct fb_err *err) {
    struct fb_graph *g = &d->graph;
    struct fb_tensor *normed = fb_op_rms_norm(g, x, &a->norm, err);
    struct fb_tensor *q = fb_op_linear(g, normed, &a->q, FB_LINEAR, NULL, err);
    struct fb_tensor *k = fb_op_linear(g, normed, &a->k, FB_LINEAR, NULL, err);
    struct fb_tensor *v = fb_op_linear(g, normed, &a->v, FB_LINEAR, NULL, err), *mixed;
    const float *bias = d->bias + d->steps - 1 - d->done; /* of the first token */

    if (!q || !k || !v) return NULL;
    remember(d, kept, k, v);
    mixed =
        fb_op_attention_step(g, q, d->span, d->m->config.num_heads, bias, 2 * d->steps - 1, err);
    return fb_op_linear(g, mixed, &a->o, FB_LINEAR, x, err);
}

static struct fb_tensor *attend_encoder(struct fb_decoder *d, const struct fb_t5_attention *a,
                                        const struct kept *kept, const struct fb_tensor *x,
                                        struct fb_err *err) {
    struct fb_graph *g = &d->graph;
    struct fb_tensor *normed = fb_op_rms_norm(g, x, &a->norm, err);
    struct fb_tensor *q = fb_op_linear(g, normed, &a->q, FB_LINEAR, NULL, err), *mixed;

    for (int64_t i = 0; i < d->rows; i++) {
        int64_t at = d->begin[d->sequence[i]] * d->inner;
        d->span[i] =
            (struct fb_span){kept->cross_k + at, kept->cross_v + at, d->keys[d->sequence[i]]};
    }
    mixed = fb_op_attention_step(g, q, d->span, d->m->config.num_heads, NULL, 0, err);
    return fb_op_linear(g, mixed, &a->o, FB_LINEAR, x, err);
}

int fb_decoder_step(struct fb_decoder *d, const int32_t *id, float *out, struct fb_err *err) {
    const struct fb_t5 *m = d->m;
    struct fb_graph *g = &d->graph;
    struct fb_tensor *x;

    if (d->done >= d->steps)
        return fb_fail(err, FB_EMISMATCH, "more than the %jd steps agreed", (intmax_t)d->steps);
    if (fb_t5_check_ids(m, id, d->rows, err)) return err->code;
    fb_graph_reset(g);
    x = fb_op_lookup(g, id, d->rows, &m->shared, err);
    for (int64_t i = 0; x && i < m->decoder.layers; i++) {
        const struct fb_t5_block *b = &m->decoder.block[i];
        fb_graph_next(g);
        x = attend(d, &b->self, &d->kept[i], x, err);
        fb_graph_next(g);
        if (x) x = attend_encoder(d, &b->cross, &d->kept[i], x, err);
        fb_graph_next(g);
        x = fb_t5_feed_forward(g, m, b, x, err);
    }
    if (!(x = fb_op_rms_norm(g, x, &m->decoder.norm, err))) return err->code;
    for (int64_t i = 0; i < x->rows * x->cols; i++)
        out[i] = x->data[i] * m->head_scale;
    d->done++;
    return FB_OK;
}

/* ---- the head ---- */

int fb_t5_logits(const struct fb_t5 *m, const float *hidden, int64_t rows, float *logits,
                 struct fb_err *err) {
    const struct fb_tensor x = {(float *)(uintptr_t)hidden, rows, m->config.d_model};
    struct fb_graph g = {0};
    int rc = project(logits, &m->head, &x, &g, err);

    fb_graph_free(&g);
    return rc;
}

/* As torch.argmax: a NaN is larger than everything. */
static void look(float *best, int32_t *id, const float *logit, int64_t first, int64_t n) {
    for (int64_t j = 0; j < n; j++)
        if (logit[j] > *best || (logit[j] != logit[j] && *best == *best)) {
            *best = logit[j];
            *id = (int32_t)(first + j);
        }
}

int fb_t5_argmax(const struct fb_t5 *m, const float *hidden, int64_t rows, int32_t *id,
                 struct fb_err *err) {
    const struct fb_tensor x = {(float *)(uintptr_t)hidden, rows, m->config.d_model}, *logits;
    float *best = fb_malloc((size_t)rows * sizeof *best, err);
    struct fb_graph g = {0};

    for (int64_t i = 0; best && i < rows; i++)
        id[i] = 0;
    for (int64_t first = 0, left; best && (left = m->config.vocab_size - first) > 0;
         first += LOGIT_COLUMNS) {
        fb_graph_reset(&g);
        logits = fb_op_linear_part(&g, &x, &m->head, first,
                                   left < LOGIT_COLUMNS ? left : LOGIT_COLUMNS, err);
        if (!logits) break;
        for (int64_t i = 0; i < rows; i++) {
            const float *row = logits->data + i * logits->cols;
            if (first == 0) best[i] = row[0];
            look(&best[i], &id[i], row, first, logits->cols);
        }
    }
    fb_graph_free(&g);
    free(best);
    return err->code;
}
