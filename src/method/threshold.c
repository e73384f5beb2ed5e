/* threshold.c - one scan if a sample says roughly where to look, and three if it misleads.
 *
 * Each scan reads the base and the experts once (select.h says what is counted). The sample decides
 * how much is read, never what comes out. */
#include "method/threshold.h"

#include "base/alloc.h"
#include "method/each.h"
#include "method/select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256, PIECE = 1 << 13 };

/* The threshold of one expert, as far as it is known. */
struct rank {
    uint32_t upper; /* its bin in the long way */
    int64_t rank;   /* its rank in that bin */
    bool found;     /* it is in `least` */
};

struct threshold {
    const bool *removed; /* [keys] */
    struct rank *of;     /* [experts] */
    float *least;        /* [experts]: result */
};

/* What a thread counts, and where it met a value that is no number. */
struct tally {
    struct fb_window *windows; /* [experts], */
    int64_t *bins;             /* or [experts][bins of the scan] */
    int64_t bad_block;
    int64_t bad_element;
    int bad_expert;
    const struct fb_pool_key *bad_key;
};

static void magnitudes(uint32_t *out, const float *expert, const float *base, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float tau = expert[i] - base[i];
        uint32_t bits;
        memcpy(&bits, &tau, sizeof bits);
        out[i] = bits & 0x7fffffff;
    }
}

/* All experts of a piece in turn: the base comes from the cache from the second one on. */
static void scan_near(void *accumulator, const void *state, const struct fb_block *in) {
    const struct threshold *t = state;
    struct tally *tally = accumulator;
    fb_near_fn *near = fb_select_near(0);

    if (t->removed[in->key_index]) return;
    for (int64_t at = 0; at < in->count; at += PIECE) {
        int64_t n = in->count - at < PIECE ? in->count - at : PIECE;
        for (int e = 0; e < in->experts; e++)
            near(&tally->windows[e], in->expert[e] + at, in->base + at, n, in->key->copies);
    }
}

FB_CLONES static void scan_upper(void *accumulator, const void *state, const struct fb_block *in) {
    const struct threshold *t = state;
    struct tally *tally = accumulator;
    uint32_t m[CHUNK];

    if (t->removed[in->key_index]) return;
    for (int e = 0; e < in->experts; e++) {
        int64_t *bins = tally->bins + (int64_t)e * FB_SELECT_UPPER;
        if (t->of[e].found) continue;
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
        if (t->of[e].found) continue;
        for (int64_t at = 0; at < in->count; at += CHUNK) {
            int64_t n = in->count - at < CHUNK ? in->count - at : CHUNK;
            magnitudes(m, in->expert[e] + at, in->base + at, n);
            fb_select_lower(bins, t->of[e].upper, m, n, in->key->copies);
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

/* ---- what the threads counted ---------------------------------------------------------------- */

struct tallies {
    struct tally *tally;
    void **pointer; /* to each of `tally` */
    int threads;
};

static void tallies_free(struct tallies *all) {
    for (int i = 0; all->tally && i < all->threads; i++) {
        free(all->tally[i].bins);
        free(all->tally[i].windows);
    }
    free(all->tally);
    free(all->pointer);
}

/* One of `bins` and `windows` is 0. */
static int tallies_make(struct tallies *all, size_t bins, size_t windows, struct fb_err *err) {
    *all = (struct tallies){.threads = fb_each_threads()};
    all->tally = fb_calloc((size_t)all->threads, sizeof *all->tally, err);
    all->pointer = fb_calloc((size_t)all->threads, sizeof *all->pointer, err);
    if (!all->tally || !all->pointer) return err->code;
    for (int i = 0; i < all->threads; i++) {
        struct tally *t = all->pointer[i] = &all->tally[i];
        if (bins && !(t->bins = fb_calloc(bins, sizeof *t->bins, err))) return err->code;
        if (windows && !(t->windows = fb_calloc(windows, sizeof *t->windows, err)))
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

/* ---- the scans ------------------------------------------------------------------------------- */

/* The part of all elements that the k smallest are. */
static double part_of_all(const struct fb_merge *merge, const bool *removed, int64_t k) {
    int64_t elements = 0;

    for (int64_t i = 0; i < fb_pool_keys(merge->pool); i++) {
        const struct fb_pool_key *key = fb_pool_key(merge->pool, i);
        if (!removed[i]) elements += key->numel * key->copies;
    }
    return elements ? (double)k / (double)elements : 0;
}

/* Places the windows of all threads by a sample. */
static int guess(struct fb_merge *merge, const struct threshold *t, int64_t k,
                 const struct tallies *near, struct fb_err *err) {
    int experts = fb_pool_experts(merge->pool);
    double part = part_of_all(merge, t->removed, k);
    struct tallies all;
    int rc = tallies_make(&all, (size_t)experts * FB_SELECT_UPPER, 0, err);

    if (!rc) rc = fb_scan_sample(merge, "sample", true, scan_upper, t, all.pointer, err);
    for (int e = 0; e < experts && !rc; e++) {
        uint32_t first = fb_select_guess(total(&all, e, FB_SELECT_UPPER), part);
        for (int i = 0; i < near->threads; i++)
            near->tally[i].windows[e].first = first;
    }
    tallies_free(&all);
    return rc;
}

/* Looks into the windows of an expert; whether one of them met a value that is no number. */
static bool look(struct threshold *t, int e, int64_t k, const struct tallies *near,
                 const struct fb_window **windows, int64_t *sum) {
    bool bad = false;

    for (int i = 0; i < near->threads; i++) {
        windows[i] = &near->tally[i].windows[e];
        bad = bad || windows[i]->nonfinite;
    }
    t->of[e].found = k == 0 || fb_select_inside(&t->least[e], windows, near->threads, k, sum);
    return bad;
}

static int find_near(struct fb_merge *merge, struct threshold *t, int64_t k, struct tallies *near,
                     struct fb_err *err) {
    int experts = fb_pool_experts(merge->pool);
    const struct fb_window **windows = fb_calloc((size_t)near->threads, sizeof *windows, err);
    int64_t *sum = fb_calloc(FB_SELECT_WINDOW, sizeof *sum, err);
    bool bad = false;
    int rc = windows && sum ? FB_OK : err->code;

    if (!rc && k) rc = guess(merge, t, k, near, err);
    if (!rc) rc = fb_scan_each(merge, "threshold", true, scan_near, t, near->pointer, err);
    for (int e = 0; e < experts && !rc; e++)
        bad = look(t, e, k, near, windows, sum) || bad;
    if (!rc && bad) rc = report_bad(merge, t, near, err);
    free(windows);
    free(sum);
    return rc;
}

/* The bins of the thresholds that are not found. */
static int find_upper(struct fb_merge *merge, struct threshold *t, int64_t k, struct fb_err *err) {
    int experts = fb_pool_experts(merge->pool);
    struct tallies all;
    int rc = tallies_make(&all, (size_t)experts * FB_SELECT_UPPER, 0, err);

    if (!rc) rc = fb_scan_each(merge, "threshold 1/2", true, scan_upper, t, all.pointer, err);
    for (int e = 0; e < experts && !rc; e++) {
        t->of[e].rank = k;
        t->of[e].upper =
            fb_select_bin(total(&all, e, FB_SELECT_UPPER), FB_SELECT_UPPER, &t->of[e].rank);
    }
    tallies_free(&all);
    return rc;
}

/* The thresholds that are not found, in their bins. */
static int find_lower(struct fb_merge *merge, struct threshold *t, struct fb_err *err) {
    int experts = fb_pool_experts(merge->pool);
    struct tallies all;
    int rc = tallies_make(&all, (size_t)experts * FB_SELECT_LOWER, 0, err);

    if (!rc) rc = fb_scan_each(merge, "threshold 2/2", true, scan_lower, t, all.pointer, err);
    for (int e = 0; e < experts && !rc; e++) {
        const int64_t *bins = total(&all, e, FB_SELECT_LOWER);
        if (t->of[e].found) continue;
        t->least[e] =
            fb_select_value(t->of[e].upper, fb_select_bin(bins, FB_SELECT_LOWER, &t->of[e].rank));
        t->of[e].found = true;
    }
    tallies_free(&all);
    return rc;
}

static int find_all(struct fb_merge *merge, struct threshold *t, int64_t k, struct fb_err *err) {
    int experts = fb_pool_experts(merge->pool), found = 0;
    struct tallies near;
    int rc = tallies_make(&near, 0, (size_t)experts, err);

    if (!rc) rc = find_near(merge, t, k, &near, err);
    tallies_free(&near);
    for (int e = 0; e < experts; e++)
        found += t->of[e].found;
    if (!rc && found < experts) rc = find_upper(merge, t, k, err);
    if (!rc && found < experts) rc = find_lower(merge, t, err);
    return rc;
}

int fb_threshold_find(struct fb_merge *merge, const bool *removed, int64_t k, float *least,
                      struct fb_err *err) {
    int experts = fb_pool_experts(merge->pool);
    struct threshold t = {.removed = removed, .least = least};

    memset(least, 0, (size_t)experts * sizeof *least);
    t.of = fb_arena_calloc(merge->arena, (size_t)experts, sizeof *t.of, err);
    if (!t.of || find_all(merge, &t, k, err)) return err->code;
    for (int e = 0; e < experts && k; e++)
        fb_detail(merge->log, "%s: keeping |tau| >= %g",
                  fb_pool_model_name(merge->pool, fb_pool_expert(merge->pool, e)),
                  (double)least[e]);
    return FB_OK;
}
