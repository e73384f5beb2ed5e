#include "data/batch.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

void fb_sequences_shift(int32_t *out, const struct fb_sequences *s, int32_t start) {
    for (int64_t i = 0; i < s->count; i++) {
        int64_t begin = s->offset[i], count = s->offset[i + 1] - begin;
        if (!count) continue;
        out[begin] = start;
        memcpy(out + begin + 1, s->id + begin, (size_t)(count - 1) * sizeof *out);
    }
}

/* One sequence while a plan is made. */
struct item {
    const int32_t *id;
    int64_t length, index;
};

static int compare(const void *left, const void *right) {
    const struct item *a = left, *b = right;
    int64_t n = a->length < b->length ? a->length : b->length;

    for (int64_t i = 0; i < n; i++)
        if (a->id[i] != b->id[i]) return a->id[i] < b->id[i] ? -1 : 1;
    if (a->length != b->length) return a->length < b->length ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/* Tokens that two neighbours have in common from the start. */
static int64_t shared(const struct item *a, const struct item *b) {
    int64_t n = a->length < b->length ? a->length : b->length, i = 0;

    while (i < n && a->id[i] == b->id[i])
        i++;
    return i;
}

/* Rows that item i adds to the batch that began with item `first`. */
static int64_t fresh_rows(const struct item *item, int64_t first, int64_t i, bool share) {
    return item[i].length - (share && i > first ? shared(&item[i - 1], &item[i]) : 0);
}

/* Where the batch that begins with item `first` ends, and how many rows it has. */
static int64_t cut(const struct item *item, int64_t count, int64_t first, int64_t max_tokens,
                   int64_t max_sequences, bool share, int64_t *rows) {
    int64_t i = first;

    for (*rows = 0; i < count && i - first < max_sequences; i++) {
        int64_t more = fresh_rows(item, first, i, share);
        if (i > first && more > max_tokens - *rows) break;
        *rows += more;
    }
    return i;
}

static int allocate(struct fb_batch *b, struct fb_arena *arena, int64_t sequences, int64_t rows,
                    struct fb_err *err) {
    size_t n = (size_t)sequences;

    b->id = fb_arena_calloc(arena, (size_t)rows, sizeof *b->id, err);
    if (b->id) b->position = fb_arena_calloc(arena, (size_t)rows, sizeof *b->position, err);
    if (b->position) b->segment = fb_arena_calloc(arena, n, sizeof *b->segment, err);
    if (b->segment) b->sequence = fb_arena_calloc(arena, n, sizeof *b->sequence, err);
    if (b->sequence) b->end = fb_arena_calloc(arena, n, sizeof *b->end, err);
    return b->end ? FB_OK : err->code;
}

/* Appends the tokens of `item` from `from` on as a segment after `before` (-1: none). */
static void add_segment(struct fb_batch *b, const struct item *item, int64_t from, int64_t before) {
    struct fb_segment *s = &b->segment[b->segments++];

    /* `before` is the neighbour's segment: go up to the one that holds token from - 1. */
    while (before >= 0 && b->segment[before].position >= from)
        before = b->segment[before].parent;
    *s = (struct fb_segment){before, b->tokens, item->length - from, from, 0};
    for (int64_t t = from; t < item->length; t++) {
        b->id[b->tokens] = item->id[t];
        b->position[b->tokens++] = (int32_t)t;
    }
}

static int fill(struct fb_batch *b, struct fb_arena *arena, const struct item *item, int64_t count,
                int64_t rows, bool share, struct fb_err *err) {
    *b = (struct fb_batch){0};
    if (allocate(b, arena, count, rows, err)) return err->code;
    for (int64_t i = 0; i < count; i++) {
        int64_t from = item[i].length - fresh_rows(item, 0, i, share);
        if (from < item[i].length) add_segment(b, &item[i], from, from ? b->segments - 1 : -1);
        b->sequence[b->sequences] = item[i].index;
        b->end[b->sequences++] = b->segments - 1;
    }
    return FB_OK;
}

static int list(struct item *item, struct fb_batches *out, const struct fb_sequences *sequences,
                struct fb_err *err) {
    for (int64_t i = 0; i < sequences->count; i++) {
        int64_t begin = sequences->offset[i], length = sequences->offset[i + 1] - begin;
        if (length <= 0 || length > INT32_MAX)
            return fb_fail(err, FB_EMISMATCH, "sequence %jd has %jd tokens, expected at least 1",
                           (intmax_t)i, (intmax_t)length);
        item[i] = (struct item){sequences->id + begin, length, i};
        out->tokens += length;
        if (length > out->longest) out->longest = length;
    }
    return FB_OK;
}

static int plan(struct fb_batches *out, const struct fb_sequences *sequences, int64_t max_tokens,
                int64_t max_sequences, bool share, struct fb_err *err) {
    int64_t count = sequences->count, rows;
    struct item *item = fb_calloc((size_t)count, sizeof *item, err);

    *out = (struct fb_batches){0};
    if (!item || list(item, out, sequences, err)) goto fail;
    if (share) qsort(item, (size_t)count, sizeof *item, compare);
    for (int64_t i = 0; i < count; out->count++)
        i = cut(item, count, i, max_tokens, max_sequences, share, &rows);
    out->batch = fb_arena_calloc(&out->arena, (size_t)out->count, sizeof *out->batch, err);
    if (!out->batch) goto fail;
    for (int64_t i = 0, next, b = 0; i < count; i = next, b++) {
        next = cut(item, count, i, max_tokens, max_sequences, share, &rows);
        if (fill(&out->batch[b], &out->arena, item + i, next - i, rows, share, err)) goto fail;
        out->rows += rows;
    }
    free(item);
    return FB_OK;
fail:
    free(item);
    fb_batches_free(out);
    return err->code;
}

int fb_batches_plan(struct fb_batches *out, const struct fb_sequences *sequences,
                    int64_t max_tokens, int64_t max_sequences, struct fb_err *err) {
    return plan(out, sequences, max_tokens, max_sequences, true, err);
}

int fb_batches_plan_unshared(struct fb_batches *out, const struct fb_sequences *sequences,
                             int64_t max_tokens, int64_t max_sequences, struct fb_err *err) {
    return plan(out, sequences, max_tokens, max_sequences, false, err);
}

/* Copies the sequences, each filled up. */
static int pad_all(int32_t **id, int64_t **offset, const struct fb_sequences *from, int64_t length,
                   int32_t pad, struct fb_err *err) {
    int32_t *to = NULL;

    if ((*offset = fb_calloc((size_t)from->count + 1, sizeof **offset, err)))
        *id = to = fb_calloc((size_t)from->count, (size_t)length * sizeof **id, err);
    if (!to) return err->code;
    for (int64_t i = 0; i < from->count; i++) {
        int64_t begin = from->offset[i], n = from->offset[i + 1] - begin;
        if (n <= 0 || n > length)
            return fb_fail(err, FB_EMISMATCH, "sequence %jd has %jd tokens, limit 1 to %jd",
                           (intmax_t)i, (intmax_t)n, (intmax_t)length);
        memcpy(to, from->id + begin, (size_t)n * sizeof *to);
        for (int64_t t = n; t < length; t++)
            to[t] = pad;
        to += length;
        (*offset)[i + 1] = (*offset)[i] + length;
    }
    return FB_OK;
}

int fb_batches_plan_padded(struct fb_batches *out, const struct fb_sequences *sequences,
                           int64_t length, int32_t pad, int64_t max_tokens, struct fb_err *err) {
    int32_t *id = NULL;
    int64_t *offset = NULL;
    int rc = pad_all(&id, &offset, sequences, length, pad, err);

    *out = (struct fb_batches){0};
    if (!rc)
        rc = fb_batches_plan_unshared(out, &(struct fb_sequences){sequences->count, id, offset},
                                      max_tokens, INT64_MAX, err);
    for (int64_t b = 0; !rc && b < out->count; b++)
        for (int64_t s = 0; s < out->batch[b].segments; s++) {
            int64_t i = out->batch[b].sequence[s];
            out->batch[b].segment[s].visible = sequences->offset[i + 1] - sequences->offset[i];
        }
    free(id);
    free(offset);
    return rc;
}

void fb_batches_free(struct fb_batches *batches) {
    fb_arena_free(&batches->arena);
    *batches = (struct fb_batches){0};
}
