/* attention.c - attention over a forest of segments, as small matrix products.
 *
 * A task is one head of one segment. The keys of all positions before and in it are copied as
 * panels [dim, cols], the values as panels [keys, cols], and isa->tile does both products for
 * isa->rows queries at a time: an element's sum then runs over dim, or over the keys from position
 * 0 on, whether its sequence shares a prefix or not. Keys after a query get probability 0. */
#include "kernel/attention.h"

#include "base/alloc.h"
#include "kernel/cpu.h"
#include "kernel/keep.h"
#include "kernel/panels.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN_FLOATS = 16 };

struct job {
    const struct fb_attention *how;
    const struct fb_isa *isa;
    const float *q, *k, *v;
    float *out;
    int64_t ldq, ldkv, ldout;
    int64_t keys; /* of the longest sequence, rounded up to whole panels */
    struct fb_keep keep;
};

/* A thread's memory. */
struct scratch {
    float *keys;   /* panels of [dim, cols] */
    float *values; /* panels of [keys, cols] */
    float *query;  /* [rows, dim] */
    float *score;  /* [rows, keys] */
    float *packed; /* one of the two above as isa->pack has it */
};

static size_t scratch_floats(const struct job *job) {
    int64_t dim = job->how->dim, wide = fb_up(dim, job->isa->cols), rows = job->isa->rows;

    return (size_t)fb_up(job->keys * (dim + wide + 2 * rows) + 2 * rows * dim, ALIGN_FLOATS);
}

static struct scratch scratch_at(const struct job *job, float *memory) {
    int64_t dim = job->how->dim, wide = fb_up(dim, job->isa->cols), rows = job->isa->rows;
    struct scratch s = {.keys = memory};

    s.values = s.keys + job->keys * dim;
    s.score = s.values + job->keys * wide;
    s.query = s.score + job->keys * rows;
    s.packed = s.query + dim * rows;
    return s;
}

/* Keys and values of positions [0, count) of a segment and of those before it. */
static void collect(const struct job *job, struct scratch *s, int64_t segment, int64_t head,
                    int64_t count) {
    const struct fb_isa *isa = job->isa;
    int64_t dim = job->how->dim, keys = count;

    while (count > 0) {
        const struct fb_segment *g = fb_attention_source(job->how, segment);
        for (int64_t p = g->position; p < count; p++) {
            int64_t at = (g->row + p - g->position) * job->ldkv + head * dim;
            fb_panels_set_column(s->keys, isa, dim, p, job->k + at);
            fb_panels_set_row(s->values, isa, keys, p, job->v + at, dim);
        }
        count = fb_least(count, g->position);
        segment = g->parent;
    }
    fb_panels_fill_up(s->keys, isa, dim, keys);
}

/* Takes probabilities away; the others are divided later. */
static void drop(const struct job *job, float *score, int64_t head, int64_t row, int64_t keys) {
    uint64_t seed = fb_keep_row(job->how->seed, head, row);

    for (int64_t j = 0; j < keys; j++)
        if (fb_keep_factor(&job->keep, seed, (uint64_t)j) == 0.0f) score[j] = 0.0f;
}

/* `rows` queries from row `first` of q on; the first one stands at `position`. `all` keys have been
 * collected. */
static void queries(const struct job *job, struct scratch *s, int64_t head, int64_t first,
                    int64_t rows, int64_t position, int64_t all) {
    const struct fb_isa *isa = job->isa;
    int64_t cols = isa->cols, dim = job->how->dim;
    int64_t keys = fb_attention_seen(job->how, position + rows - 1, all), wide = fb_up(keys, cols);
    float inverse[FB_TILE_ROWS] = {0}, tile[FB_TILE_ROWS * FB_TILE_COLS];

    for (int64_t r = 0; r < rows; r++) {
        const float *q = job->q + (first + r) * job->ldq + head * dim;
        for (int64_t d = 0; d < dim; d++)
            s->query[r * dim + d] = q[d] * job->how->scale;
    }
    isa->pack(s->packed, s->query, dim, rows, dim);
    for (int64_t j = 0; j < keys; j += cols)
        isa->tile(s->score + j, wide, s->packed, s->keys + j * dim, dim, false);
    for (int64_t r = 0; r < rows; r++) {
        float *score = s->score + r * wide;
        int64_t seen = fb_attention_seen(job->how, position + r, all);
        if (job->how->bias) fb_attention_add_bias(job->how, isa, score, head, position + r, seen);
        inverse[r] = 1.0f / isa->exponentials(score, seen, keys);
        if (job->how->dropout > 0.0) {
            drop(job, score, head, first + r, seen);
            inverse[r] *= job->keep.scale;
        }
    }
    isa->pack(s->packed, s->score, wide, rows, keys);
    for (int64_t d = 0; d < dim; d += cols) {
        isa->tile(tile, cols, s->packed, s->values + d * all, keys, false);
        for (int64_t r = 0; r < rows; r++) {
            float *out = job->out + (first + r) * job->ldout + head * dim + d;
            for (int64_t j = 0; j < fb_least(cols, dim - d); j++)
                out[j] = tile[r * cols + j] * inverse[r];
        }
    }
}

static void attend_segment(const struct job *job, struct scratch *s, int64_t segment,
                           int64_t head) {
    const struct fb_segment *g = &job->how->segment[segment];
    int64_t keys = fb_attention_keys(fb_attention_source(job->how, segment));

    collect(job, s, segment, head, keys);
    if (job->how->last_only) {
        queries(job, s, head, segment, 1, g->position + g->count - 1, keys);
        return;
    }
    for (int64_t t = 0; t < g->count; t += job->isa->rows)
        queries(job, s, head, g->row + t, fb_least(job->isa->rows, g->count - t), g->position + t,
                keys);
}

int fb_attend(float *out, int64_t ldout, const float *q, int64_t ldq, const float *k,
              const float *v, int64_t ldkv, const struct fb_attention *how, struct fb_err *err) {
    struct job job = {
        how, fb_cpu_isa(), q, k, v, out, ldq, ldkv, ldout, 1, fb_keep_of(how->dropout)};
    int64_t threads = omp_get_max_threads(), chunk = 1;
    size_t each;
    float *memory, *aligned;

    assert(!how->key_segment || how->bidirectional);
    for (int64_t i = 0; i < how->segments; i++) {
        int64_t keys = fb_attention_keys(fb_attention_source(how, i));
        if (keys > job.keys) job.keys = keys;
    }
    job.keys = fb_up(job.keys, job.isa->cols);
    each = scratch_floats(&job);
    memory = fb_calloc((size_t)threads * each + ALIGN_FLOATS, sizeof *memory, err);
    if (!memory) return err->code;
    aligned =
        memory + (ALIGN_FLOATS - (uintptr_t)memory / sizeof *memory % ALIGN_FLOATS) % ALIGN_FLOATS;
    /* A segment's rows are read once for all its heads when there are enough segments. */
    if (how->segments >= 8 * threads) chunk = how->heads;
#pragma omp parallel for schedule(dynamic, chunk)
    for (int64_t t = 0; t < how->segments * how->heads; t++) {
        struct scratch s = scratch_at(&job, aligned + (size_t)omp_get_thread_num() * each);
        attend_segment(&job, &s, t / how->heads, t % how->heads);
    }
    free(memory);
    return FB_OK;
}
