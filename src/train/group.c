#include "train/group.h"

#include <assert.h>
#include <string.h>

static int64_t length(const struct fb_sequences *s, int64_t i) {
    return s->offset[i + 1] - s->offset[i];
}

int64_t fb_group_labels(const struct fb_corpus *c, int64_t sequence) {
    if (c->objective == FB_CLASSIFICATION) return 1;
    if (c->objective == FB_TEXT_TO_TEXT) return length(&c->target, sequence);
    return length(&c->input, sequence) - 1;
}

static int64_t rows_of(const struct fb_corpus *c, int64_t sequence) {
    return c->objective == FB_LANGUAGE_MODEL ? length(&c->input, sequence)
                                             : fb_group_labels(c, sequence);
}

int64_t fb_group_fit(const struct fb_corpus *c, const int64_t *sequence, int64_t count,
                     const struct fb_group_limits *limits) {
    int64_t tokens = 0, rows = 0, n = 0;

    for (; n < count; n++) {
        tokens += length(&c->input, sequence[n]);
        rows += rows_of(c, sequence[n]);
        if (n && (tokens > limits->tokens || rows > limits->rows)) break;
    }
    return n;
}

/* Copies the chosen sequences end to end. */
static int pick(struct fb_sequences *out, struct fb_arena *arena, const struct fb_sequences *from,
                const int64_t *sequence, int64_t count, struct fb_err *err) {
    int64_t *offset = fb_arena_calloc(arena, (size_t)count + 1, sizeof *offset, err), total;
    int32_t *id;

    if (!offset) return err->code;
    for (int64_t i = 0; i < count; i++)
        offset[i + 1] = offset[i] + length(from, sequence[i]);
    total = offset[count];
    if (!(id = fb_arena_calloc(arena, (size_t)(total ? total : 1), sizeof *id, err)))
        return err->code;
    for (int64_t i = 0; i < count; i++)
        memcpy(id + offset[i], from->id + from->offset[sequence[i]],
               (size_t)length(from, sequence[i]) * sizeof *id);
    *out = (struct fb_sequences){count, id, offset};
    return FB_OK;
}

/* One batch of all the sequences, in their order. */
static int plan(struct fb_batches *out, const struct fb_sequences *s, struct fb_err *err) {
    if (fb_batches_plan_unshared(out, s, INT64_MAX, INT64_MAX, err)) return err->code;
    assert(out->count == 1 && out->batch[0].segments == s->count);
    return FB_OK;
}

static int expect_answers(struct fb_group *g, const struct fb_corpus *c, const int64_t *sequence,
                          int64_t count, int32_t start, struct fb_err *err) {
    struct fb_sequences answer;
    int32_t *id;

    if (pick(&answer, &g->arena, &c->target, sequence, count, err)) return err->code;
    g->rows = answer.offset[count];
    if (!(g->label = fb_arena_calloc(&g->arena, (size_t)g->rows, sizeof *g->label, err)))
        return err->code;
    memcpy(g->label, answer.id, (size_t)g->rows * sizeof *g->label);
    if (!(id = fb_arena_calloc(&g->arena, (size_t)g->rows, sizeof *id, err))) return err->code;
    fb_sequences_shift(id, &answer, start);
    answer.id = id;
    if (plan(&g->plan[1], &answer, err)) return err->code;
    g->target = g->plan[1].batch;
    return FB_OK;
}

/* The next token of each but the last. */
static int expect_tokens(struct fb_group *g, const struct fb_sequences *s, struct fb_err *err) {
    g->rows = s->offset[s->count];
    if (!(g->label = fb_arena_calloc(&g->arena, (size_t)g->rows, sizeof *g->label, err)))
        return err->code;
    for (int64_t i = 0; i < s->count; i++)
        for (int64_t t = s->offset[i]; t < s->offset[i + 1]; t++)
            g->label[t] = t + 1 < s->offset[i + 1] ? s->id[t + 1] : -1;
    return FB_OK;
}

static int expect_classes(struct fb_group *g, const struct fb_corpus *c, const int64_t *sequence,
                          int64_t count, struct fb_err *err) {
    g->rows = count;
    if (!(g->label = fb_arena_calloc(&g->arena, (size_t)count, sizeof *g->label, err)))
        return err->code;
    for (int64_t i = 0; i < count; i++)
        g->label[i] = c->label[sequence[i]];
    return FB_OK;
}

static void forget(struct fb_group *g) {
    fb_batches_free(&g->plan[0]);
    fb_batches_free(&g->plan[1]);
    fb_arena_reset(&g->arena);
    g->input = g->target = NULL;
    g->label = NULL;
    g->rows = 0;
}

int fb_group_make(struct fb_group *out, const struct fb_corpus *c, const int64_t *sequence,
                  int64_t count, int32_t start, struct fb_err *err) {
    struct fb_sequences input;

    forget(out);
    if (pick(&input, &out->arena, &c->input, sequence, count, err) ||
        plan(&out->plan[0], &input, err))
        return err->code;
    out->input = out->plan[0].batch;
    switch (c->objective) {
    case FB_CLASSIFICATION: return expect_classes(out, c, sequence, count, err);
    case FB_LANGUAGE_MODEL: return expect_tokens(out, &input, err);
    case FB_TEXT_TO_TEXT: break;
    }
    return expect_answers(out, c, sequence, count, start, err);
}

void fb_group_free(struct fb_group *g) {
    forget(g);
    fb_arena_free(&g->arena);
}
