/* attention_grad.c - the derivative of attention, as small matrix products.
 *
 * Of one head of one segment, with S = scale Q K^T + bias, P = softmax(S), A = dropout(P), O = A V:
 *   dV = A^T dO                        dA = dO V^T
 *   dS = P (dropout(dA) - sum over keys of P dropout(dA))
 *   dQ = scale dS K                    dK = dS^T (scale Q)
 * S and P are computed again. A task is one head of one segment; BLOCK queries at a time are taken
 * through S to dQ in tiles of isa->rows, then their parts of dK and dV are added. The key sums of a
 * block run over its queries in ascending order. */
#include "base/alloc.h"
#include "kernel/attention.h"
#include "kernel/cpu.h"
#include "kernel/grad.h"
#include "kernel/keep.h"
#include "kernel/panels.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>

enum { BLOCK = 96, ALIGN_FLOATS = 16 };

struct job {
    const struct fb_attention_grad *grad;
    const struct fb_attention *how;
    const struct fb_isa *isa;
    struct fb_keep keep;
    int64_t wide;    /* dim, rounded up to whole panels */
    int64_t queries; /* of a block at most, rounded up to whole tiles */
    int64_t keys;    /* of the longest sequence, with room for whole tiles and panels */
};

/* A thread's memory. `row` panels have one row per token, `column` panels one column. */
struct scratch {
    float *key_columns, *value_columns; /* [dim, keys] */
    float *key_rows;                    /* [keys, dim] */
    float *query_rows, *dout_rows;      /* [queries, dim] */
    float *dkeys, *dvalues;             /* [keys, wide]: sums */
    float *p, *ds;                      /* [queries, keys] */
    float *query;                       /* [rows, dim], scaled */
    float *factor;                      /* [keys] of dropout */
    float *packed;                      /* what isa->pack makes */
};

/* The queries of a block, and what they see. */
struct block {
    int64_t head;
    int64_t row, count; /* in q */
    int64_t position;   /* of the first */
    int64_t all;        /* keys that the segment's last query sees */
    int64_t ld;         /* of p and ds: beyond all keys there is room for a tile of zeros */
};

/* With NULL memory only counts. */
static int64_t lay_out(const struct job *job, struct scratch *s, float *memory) {
    int64_t dim = job->how->dim, rows = job->isa->rows;
    int64_t packed = job->keys > dim ? job->keys : dim;
    const struct {
        float **at;
        int64_t count;
    } part[] = {
        {&s->key_columns, dim * job->keys},
        {&s->value_columns, dim * job->keys},
        {&s->key_rows, job->keys * job->wide},
        {&s->query_rows, job->queries * job->wide},
        {&s->dout_rows, job->queries * job->wide},
        {&s->dkeys, job->keys * job->wide},
        {&s->dvalues, job->keys * job->wide},
        {&s->p, job->queries * job->keys},
        {&s->ds, job->queries * job->keys},
        {&s->query, rows * dim},
        {&s->factor, job->keys},
        {&s->packed, rows * (packed > job->queries ? packed : job->queries)},
    };
    int64_t total = 0;

    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (memory) *part[i].at = memory + total;
        total += fb_up(part[i].count, ALIGN_FLOATS);
    }
    return total;
}

static int64_t room_for(const struct fb_isa *isa, int64_t keys) {
    return fb_up(keys, isa->cols) + FB_TILE_ROWS;
}

static void collect_keys(const struct job *job, struct scratch *s, const struct fb_segment *from,
                         int64_t head, int64_t all) {
    const struct fb_attention_grad *g = job->grad;
    int64_t dim = job->how->dim;
    size_t sums = (size_t)(fb_up(all, job->isa->rows) * job->wide) * sizeof(float);

    for (int64_t p = 0; p < all; p++) {
        int64_t at = (from->row + p) * g->ldkv + head * dim;
        fb_panels_set_column(s->key_columns, job->isa, dim, p, g->k + at);
        fb_panels_set_column(s->value_columns, job->isa, dim, p, g->v + at);
        fb_panels_set_row(s->key_rows, job->isa, all, p, g->k + at, dim);
    }
    fb_panels_fill_up(s->key_columns, job->isa, dim, all);
    fb_panels_fill_up(s->value_columns, job->isa, dim, all);
    memset(s->dkeys, 0, sums);
    memset(s->dvalues, 0, sums);
}

/* Query r of the block: scores to probabilities that are kept, dA to dS. */
static void row_grad(const struct job *job, struct scratch *s, const struct block *b, int64_t r) {
    const struct fb_attention *how = job->how;
    const struct fb_isa *isa = job->isa;
    int64_t position = b->position + r, seen = fb_attention_seen(how, position, b->all);
    float *p = s->p + r * b->ld, *ds = s->ds + r * b->ld, inverse;

    if (how->bias) fb_attention_add_bias(how, isa, p, b->head, position, seen);
    inverse = 1.0f / isa->exponentials(p, seen, seen + isa->rows);
    if (how->dropout > 0.0) {
        uint64_t seed = fb_keep_row(how->seed, b->head, b->row + r);
        for (int64_t j = 0; j < seen; j++)
            s->factor[j] = fb_keep_factor(&job->keep, seed, (uint64_t)j);
        isa->multiply(ds, s->factor, seen);
    }
    isa->softmax_grad(ds, p, inverse, seen, seen + isa->rows);
    if (how->dropout > 0.0) isa->multiply(p, s->factor, seen);
    if (job->grad->dbias)
        isa->add_to(job->grad->dbias + b->head * (2 * how->reach - 1) + how->reach - 1 - position,
                    ds, seen);
}

/* to [rows, keys of p or ds] = x y^T, x [count, dim] with row stride ldx, y as column panels. */
static void scores(const struct job *job, struct scratch *s, float *to, int64_t ld, const float *x,
                   int64_t ldx, int64_t count, const float *columns, int64_t keys) {
    int64_t dim = job->how->dim;

    job->isa->pack(s->packed, x, ldx, count, dim);
    for (int64_t j = 0; j < keys; j += job->isa->cols)
        job->isa->tile(to + j, ld, s->packed, columns + j * dim, dim, false);
}

/* dQ of queries [r, r + count) of the block, which are `row` of q and dout; P, dS and the rows of
 * Q and dO stay for the keys. */
static void queries_grad(const struct job *job, struct scratch *s, const struct block *b, int64_t r,
                         int64_t count) {
    const struct fb_attention_grad *g = job->grad;
    const struct fb_isa *isa = job->isa;
    int64_t dim = job->how->dim, cols = isa->cols, row = b->row + r;
    int64_t keys = fb_attention_seen(job->how, b->position + r + count - 1, b->all);
    const float *dout = g->dout + row * g->lddout + b->head * dim;
    float tile[FB_TILE_ROWS * FB_TILE_COLS];

    for (int64_t i = 0; i < count; i++) {
        const float *q = g->q + (row + i) * g->ldq + b->head * dim;
        for (int64_t d = 0; d < dim; d++)
            s->query[i * dim + d] = q[d] * job->how->scale;
        fb_panels_set_row(s->query_rows, isa, b->count, r + i, s->query + i * dim, dim);
        fb_panels_set_row(s->dout_rows, isa, b->count, r + i, dout + i * g->lddout, dim);
    }
    scores(job, s, s->p + r * b->ld, b->ld, s->query, dim, count, s->key_columns, keys);
    scores(job, s, s->ds + r * b->ld, b->ld, dout, g->lddout, count, s->value_columns, keys);
    for (int64_t i = 0; i < count; i++)
        row_grad(job, s, b, r + i);
    isa->pack(s->packed, s->ds + r * b->ld, b->ld, count, keys);
    for (int64_t d = 0; d < dim; d += cols) {
        isa->tile(tile, cols, s->packed, s->key_rows + d * b->all, keys, false);
        for (int64_t i = 0; i < count; i++) {
            float *dq = g->dq + (row + i) * g->ldq + b->head * dim + d;
            for (int64_t j = 0; j < fb_least(cols, dim - d); j++)
                dq[j] = tile[i * cols + j] * job->how->scale;
        }
    }
}

/* sum [keys, wide] += weight^T x, where weight is p or ds and x [queries, dim] is in row panels.
 * Queries before `key` did not see it, nor those after it in the tile. */
static void keys_grad(const struct job *job, struct scratch *s, const struct block *b, float *sum,
                      const float *weight, const float *x) {
    const struct fb_isa *isa = job->isa;
    int64_t last = fb_attention_seen(job->how, b->position + b->count - 1, b->all);

    for (int64_t key = 0; key < last; key += isa->rows) {
        int64_t from = !job->how->bidirectional && key > b->position ? key - b->position : 0;
        isa->pack_columns(s->packed, weight + from * b->ld + key, b->ld, b->count - from);
        for (int64_t d = 0; d < job->how->dim; d += isa->cols)
            isa->tile(sum + key * job->wide + d, job->wide, s->packed,
                      x + d * b->count + from * isa->cols, b->count - from, true);
    }
}

static void block_grad(const struct job *job, struct scratch *s, const struct block *b) {
    for (int64_t r = 0; r < b->count; r += job->isa->rows)
        queries_grad(job, s, b, r, fb_least(job->isa->rows, b->count - r));
    keys_grad(job, s, b, s->dkeys, s->ds, s->query_rows);
    keys_grad(job, s, b, s->dvalues, s->p, s->dout_rows);
}

static void segment_grad(const struct job *job, struct scratch *s, int64_t segment, int64_t head) {
    const struct fb_attention_grad *g = job->grad;
    const struct fb_segment *to = &job->how->segment[segment];
    const struct fb_segment *from = fb_attention_source(job->how, segment);
    int64_t all = fb_attention_keys(from), dim = job->how->dim;
    int64_t count = job->how->last_only ? 1 : to->count;
    size_t size = (size_t)dim * sizeof(float);

    collect_keys(job, s, from, head, all);
    for (int64_t t = 0; t < count; t += BLOCK) {
        struct block b = {head, to->row + t, fb_least(BLOCK, count - t),
                          t,    all,         room_for(job->isa, all)};
        if (job->how->last_only) {
            b.row = segment;
            b.position = to->count - 1;
        }
        block_grad(job, s, &b);
    }
    for (int64_t p = 0; p < from->count; p++) {
        int64_t at = (from->row + p) * g->ldkv + head * dim;
        if (p < all) {
            memcpy(g->dk + at, s->dkeys + p * job->wide, size);
            memcpy(g->dv + at, s->dvalues + p * job->wide, size);
        } else {
            memset(g->dk + at, 0, size);
            memset(g->dv + at, 0, size);
        }
    }
}

static void measure(struct job *job) {
    const struct fb_attention *how = job->how;
    int64_t keys = 1, queries = 1;

    for (int64_t i = 0; i < how->segments; i++) {
        int64_t all = fb_attention_keys(fb_attention_source(how, i));
        assert(how->segment[i].parent < 0 && fb_attention_source(how, i)->parent < 0);
        if (all > keys) keys = all;
        if (how->segment[i].count > queries) queries = how->segment[i].count;
    }
    job->wide = fb_up(how->dim, job->isa->cols);
    job->queries = fb_up(how->last_only ? 1 : fb_least(queries, BLOCK), job->isa->rows);
    job->keys = room_for(job->isa, keys);
}

int fb_attend_grad(const struct fb_attention_grad *grad, struct fb_err *err) {
    const struct fb_attention *how = grad->how;
    struct job job = {.grad = grad,
                      .how = how,
                      .isa = grad->isa ? grad->isa : fb_cpu_isa(),
                      .keep = fb_keep_of(how->dropout)};
    /* A bias collects from all segments: they are taken in order then. */
    int64_t together = grad->dbias ? how->segments : 1;
    int64_t tasks = how->segments > 0 ? how->segments / together * how->heads : 0, each;
    struct scratch unused;
    float *memory, *aligned;

    measure(&job);
    each = lay_out(&job, &unused, NULL);
    memory = fb_calloc((size_t)(omp_get_max_threads() * each + ALIGN_FLOATS), sizeof *memory, err);
    if (!memory) return err->code;
    aligned =
        memory + (ALIGN_FLOATS - (uintptr_t)memory / sizeof *memory % ALIGN_FLOATS) % ALIGN_FLOATS;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t t = 0; t < tasks; t++) {
        struct scratch s;
        lay_out(&job, &s, aligned + omp_get_thread_num() * each);
        for (int64_t i = 0; i < together; i++)
            segment_grad(&job, &s, t / how->heads * together + i, t % how->heads);
    }
    free(memory);
    return FB_OK;
}
