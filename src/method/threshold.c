/* threshold.c - two scans: which bin of neighbouring floats, then which float of the bin. */
#include "method/threshold.h"

#include "base/alloc.h"
#include "method/each.h"
#include "method/select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256 };

struct threshold {
    const bool *removed; /* [keys] */
    uint32_t *upper;     /* [experts]: bin of the threshold in the first pass */
    int64_t *rank;       /* [experts]: its rank in that bin */
    float *least;        /* [experts]: result */
};

static void magnitudes(uint32_t *out, const float *expert, const float *base, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float tau = expert[i] - base[i];
        uint32_t bits;
        memcpy(&bits, &tau, sizeof bits);
        out[i] = bits & 0x7fffffff;
    }
}

/* What a thread counts: [experts][bins of the pass], and where it met a value that is no number. */
struct tally {
    int64_t *bins;
    int64_t bad_block;
    int64_t bad_element;
    int bad_expert;
    const struct fb_pool_key *bad_key;
};

FB_CLONES static void scan_upper(void *accumulator, const void *state, const struct fb_block *in) {
    const struct threshold *t = state;
    struct tally *tally = accumulator;
    uint32_t m[CHUNK];

    if (t->removed[in->key_index]) return;
    for (int e = 0; e < in->experts; e++) {
        int64_t *bins = tally->bins + (int64_t)e * FB_SELECT_UPPER;
        for (int64_t at = 0; at < in->count; at += CHUNK) {
            int64_t n = in->count - at < CHUNK ? in->count - at : CHUNK;
            magnitudes(m, in->expert[e] + at, in->base + at, n);
            fb_select_upper(bins, m, n, in->key->copies);
        }
    }
}

FB_CLONES static void scan_lower(void *accumulator, const void *state, const struct fb_block *in) {
    const struct threshold *t = state;
    struct tally *tally = accumulator;
    uint32_t m[CHUNK];

    if (t->removed[in->key_index]) return;
    for (int e = 0; e < in->experts; e++) {
        int64_t *bins = tally->bins + (int64_t)e * FB_SELECT_LOWER;
        for (int64_t at = 0; at < in->count; at += CHUNK) {
            int64_t n = in->count - at < CHUNK ? in->count - at : CHUNK;
            magnitudes(m, in->expert[e] + at, in->base + at, n);
            fb_select_lower(bins, t->upper[e], m, n, in->key->copies);
        }
    }
}

/* The first element, in the order of blocks, experts and elements, that is infinite or NaN. */
static void scan_bad(void *accumulator, const void *state, const struct fb_block *in) {
    const struct threshold *t = state;
    struct tally *tally = accumulator;

    if (t->removed[in->key_index] || (tally->bad_key && tally->bad_block < in->index)) return;
    for (int e = 0; e < in->experts; e++) {
        for (int64_t i = 0; i < in->count; i++) {
            if (isfinite(in->expert[e][i] - in->base[i])) continue;
            tally->bad_block = in->index;
            tally->bad_expert = e;
            tally->bad_element = in->begin + i;
            tally->bad_key = in->key;
            return;
        }
    }
}

struct tallies {
    struct tally *tally;
    void **pointer; /* to each of `tally` */
    int threads;
};

static void tallies_free(struct tallies *all) {
    for (int i = 0; all->tally && i < all->threads; i++)
        free(all->tally[i].bins);
    free(all->tally);
    free(all->pointer);
}

static int tallies_make(struct tallies *all, size_t bins, struct fb_err *err) {
    *all = (struct tallies){.threads = fb_each_threads()};
    all->tally = fb_calloc((size_t)all->threads, sizeof *all->tally, err);
    all->pointer = fb_calloc((size_t)all->threads, sizeof *all->pointer, err);
    if (!all->tally || !all->pointer) return err->code;
    for (int i = 0; i < all->threads; i++) {
        all->pointer[i] = &all->tally[i];
        if (!(all->tally[i].bins = fb_calloc(bins, sizeof *all->tally[i].bins, err)))
            return err->code;
    }
    return FB_OK;
}

/* Adds the counts of all threads up in those of the first. */
static int64_t *total(struct tallies *all, int expert, int64_t bins) {
    int64_t *sum = all->tally[0].bins + expert * bins;

    for (int i = 1; i < all->threads; i++)
        for (int64_t b = 0; b < bins; b++)
            sum[b] += all->tally[i].bins[expert * bins + b];
    return sum;
}

static int report_bad(struct fb_merge *merge, const struct threshold *t, struct tallies *all,
                      struct fb_err *err) {
    const struct tally *first = NULL;

    if (fb_scan_each(merge, "check", true, scan_bad, t, all->pointer, err)) return err->code;
    for (int i = 0; i < all->threads; i++) {
        const struct tally *tally = &all->tally[i];
        if (tally->bad_key && (!first || tally->bad_block < first->bad_block)) first = tally;
    }
    if (!first) return fb_fail(err, FB_EFORMAT, "a model changed while it was read");
    return fb_fail(err, FB_EFORMAT,
                   "tensor '%s', element %jd: the difference between '%s' and the base is not a "
                   "finite number, so its magnitude has no rank",
                   first->bad_key->name, (intmax_t)first->bad_element,
                   fb_pool_model_name(merge->pool, fb_pool_expert(merge->pool, first->bad_expert)));
}

static int find_upper(struct fb_merge *merge, struct threshold *t, int64_t k, struct fb_err *err) {
    int experts = fb_pool_experts(merge->pool);
    struct tallies all;
    bool bad = false;
    int rc = tallies_make(&all, (size_t)experts * FB_SELECT_UPPER, err);

    if (!rc) rc = fb_scan_each(merge, "threshold 1/2", true, scan_upper, t, all.pointer, err);
    for (int e = 0; e < experts && !rc; e++) {
        const int64_t *bins = total(&all, e, FB_SELECT_UPPER);
        bad = bad || fb_select_has_nonfinite(bins);
        t->rank[e] = k;
        if (k) t->upper[e] = fb_select_bin(bins, FB_SELECT_UPPER, &t->rank[e]);
    }
    if (!rc && bad) rc = report_bad(merge, t, &all, err);
    tallies_free(&all);
    return rc;
}

static int find_lower(struct fb_merge *merge, struct threshold *t, struct fb_err *err) {
    int experts = fb_pool_experts(merge->pool);
    struct tallies all;
    int rc = tallies_make(&all, (size_t)experts * FB_SELECT_LOWER, err);

    if (!rc) rc = fb_scan_each(merge, "threshold 2/2", true, scan_lower, t, all.pointer, err);
    for (int e = 0; e < experts && !rc; e++) {
        const int64_t *bins = total(&all, e, FB_SELECT_LOWER);
        t->least[e] =
            fb_select_value(t->upper[e], fb_select_bin(bins, FB_SELECT_LOWER, &t->rank[e]));
        fb_detail(merge->log, "%s: keeping |tau| >= %g",
                  fb_pool_model_name(merge->pool, fb_pool_expert(merge->pool, e)),
                  (double)t->least[e]);
    }
    tallies_free(&all);
    return rc;
}

int fb_threshold_find(struct fb_merge *merge, const bool *removed, int64_t k, float *least,
                      struct fb_err *err) {
    size_t experts = (size_t)fb_pool_experts(merge->pool);
    struct threshold t = {.removed = removed, .least = least};

    t.upper = fb_arena_calloc(merge->arena, experts, sizeof *t.upper, err);
    t.rank = fb_arena_calloc(merge->arena, experts, sizeof *t.rank, err);
    if (!t.upper || !t.rank || find_upper(merge, &t, k, err)) return err->code;
    if (k > 0) return find_lower(merge, &t, err);
    memset(least, 0, experts * sizeof *least);
    return FB_OK;
}
