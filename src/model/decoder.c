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

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOGIT_COLUMNS = 4096, /* at once: a block of them stays in the cache until it is looked at */
    ALIGNMENT = 64
};

/* What a layer keeps: rows of the encoder states from the beginning on, and from the end on the
 * tokens so far, `steps` rows for each sequence. */
struct kept {
    float *k, *v; /* [places, inner] */
};

struct fb_decoder {
    const struct fb_t5 *m;
    struct fb_decoder_room room;
    int64_t sequences, tokens; /* that have been added */
    int64_t rows, done;        /* done: steps so far */
    int64_t inner;
    int64_t *sequence;     /* [rows] */
    int64_t *begin, *keys; /* [sequences] rows of the encoder states */
    struct kept *kept;     /* [layers] */
    void *memory;          /* what they point into */
    float *bias;           /* [heads][2 steps - 1] */
    struct fb_span *span;  /* [rows], of the layer at hand */
    struct fb_graph graph;
};

/* ---- beginning ---- */

static int allocate_kept(struct fb_decoder *d, struct fb_err *err) {
    size_t layers = (size_t)d->m->decoder.layers, row = (size_t)d->inner * sizeof(float);
    size_t each, size;
    float *at;

    if ((size_t)d->room.places > (SIZE_MAX - ALIGNMENT) / 2 / layers / row)
        return fb_fail(err, FB_ENOMEM, "out of memory: keys and values of %jd tokens",
                       (intmax_t)d->room.places);
    each = (size_t)(d->room.places * d->inner);
    size = 2 * layers * each * sizeof *at + ALIGNMENT;
    if (!(d->memory = fb_malloc(size, err))) return err->code;
    fb_want_huge_pages(d->memory, size);
    at = d->memory;
    at += (ALIGNMENT - (uintptr_t)d->memory % ALIGNMENT) % ALIGNMENT / sizeof *at;
    for (size_t i = 0; i < layers; i++, at += 2 * each)
        d->kept[i] = (struct kept){at, at + each};
    return FB_OK;
}

static int allocate(struct fb_decoder *d, struct fb_err *err) {
    int64_t layers = d->m->decoder.layers, heads = d->m->config.num_heads;
    size_t n = (size_t)d->room.sequences;

    d->sequence = fb_calloc(n, sizeof *d->sequence, err);
    d->begin = fb_calloc(n, sizeof *d->begin, err);
    d->keys = fb_calloc(n, sizeof *d->keys, err);
    d->span = fb_calloc(n, sizeof *d->span, err);
    d->kept = fb_calloc((size_t)layers, sizeof *d->kept, err);
    d->bias = fb_calloc((size_t)heads, (size_t)(2 * d->room.steps - 1) * sizeof *d->bias, err);
    if (!d->sequence || !d->begin || !d->keys || !d->span || !d->kept || !d->bias) return err->code;
    return allocate_kept(d, err);
}

int fb_decoder_open(struct fb_decoder **out, const struct fb_t5 *m,
                    const struct fb_decoder_room *room, struct fb_err *err) {
    struct fb_decoder *d = fb_calloc(1, sizeof *d, err);

    *out = NULL;
    if (!d) return err->code;
    d->m = m;
    d->room = *room;
    d->inner = m->config.num_heads * m->config.d_kv;
    if (allocate(d, err)) {
        fb_decoder_free(d);
        return err->code;
    }
    fb_relative_bias(d->bias, &m->decoder.relative, m->decoder.bias.data, m->config.num_heads,
                     room->steps);
    *out = d;
    return FB_OK;
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

bool fb_decoder_fits(const struct fb_decoder *d, const struct fb_decoder_room *room) {
    return d->room.sequences >= room->sequences && d->room.places >= room->places &&
           d->room.steps == room->steps;
}

void fb_decoder_clear(struct fb_decoder *d) {
    d->sequences = d->tokens = d->rows = d->done = 0;
}

int fb_decoder_add(struct fb_decoder *d, const struct fb_batch *batch, const float *states,
                   struct fb_err *err) {
    const struct fb_tensor x = {(float *)(uintptr_t)states, batch->tokens, d->m->config.d_model};
    int64_t sequences = d->sequences + batch->sequences, at = d->tokens * d->inner;

    assert(d->done == 0);
    if (sequences > d->room.sequences ||
        d->tokens + batch->tokens + sequences * d->room.steps > d->room.places)
        return fb_fail(err, FB_EMISMATCH, "no room for %jd tokens of %jd sequences more",
                       (intmax_t)batch->tokens, (intmax_t)batch->sequences);
    for (int64_t i = 0; i < d->m->decoder.layers; i++) {
        const struct fb_t5_attention *a = &d->m->decoder.block[i].cross;
        const struct fb_layer_into to[] = {{&a->k, d->kept[i].k + at}, {&a->v, d->kept[i].v + at}};
        fb_graph_reset(&d->graph);
        if (fb_op_linear_into(&d->graph, &x, to, 2, err)) return err->code;
    }
    for (int64_t i = 0; i < batch->sequences; i++, d->sequences++) {
        const struct fb_segment *segment = &batch->segment[batch->end[i]];
        d->sequence[d->rows++] = d->sequences;
        d->begin[d->sequences] = d->tokens + segment->row;
        d->keys[d->sequences] = segment->count;
    }
    d->tokens += batch->tokens;
    return FB_OK;
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
        int64_t first = (d->room.places - (d->sequence[i] + 1) * d->room.steps) * d->inner;
        int64_t at = first + d->done * d->inner;
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
    struct fb_layer_use use[] = {{.layer = &a->q}, {.layer = &a->k}, {.layer = &a->v}};
    const float *bias = d->bias + d->room.steps - 1 - d->done; /* of the first token */
    struct fb_tensor *mixed;

    if (!normed || fb_op_linear_joint(g, normed, use, 3, err)) return NULL;
    remember(d, kept, use[1].y, use[2].y);
    mixed = fb_op_attention_step(g, use[0].y, d->span, d->m->config.num_heads, bias,
                                 2 * d->room.steps - 1, err);
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
        d->span[i] = (struct fb_span){kept->k + at, kept->v + at, d->keys[d->sequence[i]]};
    }
    mixed = fb_op_attention_step(g, q, d->span, d->m->config.num_heads, NULL, 0, err);
    return fb_op_linear(g, mixed, &a->o, FB_LINEAR, x, err);
}

int fb_decoder_step(struct fb_decoder *d, const int32_t *id, float *out, struct fb_err *err) {
    const struct fb_t5 *m = d->m;
    struct fb_graph *g = &d->graph;
    struct fb_tensor *x;

    if (d->done >= d->room.steps)
        return fb_fail(err, FB_EMISMATCH, "more than the %jd steps agreed",
                       (intmax_t)d->room.steps);
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
    int rc = fb_op_linear_into(&g, &x, &(struct fb_layer_into){&m->head, logits}, 1, err);

    fb_graph_free(&g);
    return rc;
}

int fb_t5_argmax(const struct fb_t5 *m, const float *hidden, int64_t rows, int32_t *id,
                 struct fb_err *err) {
    const struct fb_tensor x = {(float *)(uintptr_t)hidden, rows, m->config.d_model}, *logits;
    float *best = fb_malloc((size_t)rows * sizeof *best, err);
    struct fb_graph g = {0};

    for (int64_t first = 0, left; best && (left = m->config.vocab_size - first) > 0;
         first += LOGIT_COLUMNS) {
        fb_graph_reset(&g);
        logits = fb_op_linear_part(&g, &x, &m->head, first,
                                   left < LOGIT_COLUMNS ? left : LOGIT_COLUMNS, err);
        if (!logits) break;
        fb_columns_argmax(best, id, logits->data, rows, logits->cols, first);
    }
    fb_graph_free(&g);
    free(best);
    return err->code;
}
