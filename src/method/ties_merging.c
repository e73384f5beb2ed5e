/* ties_merging.c - trim, elect a sign, merge what agrees with it.
 *
 * Yadav et al., arXiv:2306.01708, in the arithmetic of the reference:
 *     tau_i  = expert_i - base, over all keys that are not in remove_keys
 *     trim     keep |tau_i| >= m_i, the k-th smallest |tau_i| of the whole expert,
 *              k = d - trunc(d * threshold); everything is kept when k = 0
 *     elect    g = sign(sum_i tau_i); where the sum is 0, the sign of the sum of all g
 *     merge    sum, mean or largest magnitude of the tau_i whose sign is g
 *     out    = base + scaling_factor * merged; base for the removed keys
 *
 * Two passes over the models find every m_i exactly (select.h), a third merges. The majority sign
 * is known only when the third pass is over: it is run as if the majority were positive, and the
 * blocks in which that made a difference are done again if it was not. */
#include "method/each.h"

#include "base/alloc.h"
#include "base/str.h"
#include "method/select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256 };

enum merge_func { MERGE_SUM, MERGE_MEAN, MERGE_MAX };

struct opts {
    double scaling_factor, threshold;
    struct fb_texts remove_keys;
    const char *merge_func;
};

static const struct fb_opt opts[] = {
    FB_OPT_REAL(struct opts, scaling_factor, "0.3", -1000, 1000,
                "weight of the merged task vector"),
    FB_OPT_REAL(struct opts, threshold, "20", 0, 100,
                "part of each task vector that is kept: a fraction up to 1, a percentage above"),
    FB_OPT_TEXTS(struct opts, remove_keys, "[]", "keys that keep the values of the base model"),
    FB_OPT_TEXT(struct opts, merge_func, "sum",
                "sum, mean or max of the values that agree with the elected sign"),
    FB_OPT_END,
};

struct ties {
    float scale;
    enum merge_func merge_func;
    bool *removed;   /* [keys] */
    float *least;    /* [experts]: m_i */
    uint32_t *upper; /* [experts]: bin of m_i in the first pass */
    int64_t *rank;   /* [experts]: rank of m_i in that bin */
    float majority;  /* sign that is taken where the election is a draw */
    int64_t blocks;
    int32_t *balance; /* [blocks]: sum of the elected signs before draws are settled */
    bool *draw;       /* [blocks]: some element depends on the majority */
    int64_t elements; /* d */
    double kept;      /* threshold as a fraction */
};

/* ---- magnitudes ------------------------------------------------------------------------------ */

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

static void scan_upper(void *accumulator, const void *state, const struct fb_block *in) {
    const struct ties *t = state;
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

static void scan_lower(void *accumulator, const void *state, const struct fb_block *in) {
    const struct ties *t = state;
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
    const struct ties *t = state;
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

/* ---- the passes before the merge ------------------------------------------------------------- */

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

static int report_bad(struct fb_merge *merge, const struct ties *t, struct tallies *all,
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

static int find_upper(struct fb_merge *merge, struct ties *t, int64_t k, struct fb_err *err) {
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

static int find_lower(struct fb_merge *merge, struct ties *t, struct fb_err *err) {
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

/* ---- the merge ------------------------------------------------------------------------------- */

/* torch's sum over the first of two dimensions: one running sum, which is carried into a second
 * one after 16 rows, that one into a third after 256, and so on. */
struct cascade {
    float level[4][CHUNK];
    int rows;
};

static void cascade_add(struct cascade *c, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        c->level[0][i] += x[i];
    c->rows++;
    for (int j = 1, span = 16; j < 4 && c->rows % span == 0; j++, span *= 16) {
        for (int64_t i = 0; i < n; i++)
            c->level[j][i] += c->level[j - 1][i];
        memset(c->level[j - 1], 0, (size_t)n * sizeof(float));
    }
}

static const float *cascade_sum(struct cascade *c, int64_t n) {
    for (int j = 1; j < 4 && c->rows >= 16; j++)
        for (int64_t i = 0; i < n; i++)
            c->level[0][i] += c->level[j][i];
    return c->level[0];
}

static void cascade_clear(struct cascade *c, int64_t n, int rows) {
    c->rows = 0;
    for (int j = 0; j < (rows < 16 ? 1 : 4); j++)
        memset(c->level[j], 0, (size_t)n * sizeof(float));
}

static void trim(float *tau, const float *expert, const float *base, float least, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float d = expert[i] - base[i];
        tau[i] = fabsf(d) >= least ? d : 0.0f;
    }
}

static void note_kept(uint32_t *kept, const float *tau, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        kept[i] |= tau[i] != 0.0f;
}

/* Signs of the sums; returns their total. */
static int32_t signs(float *sign, const float *sum, int64_t n) {
    int32_t balance = 0;

    for (int64_t i = 0; i < n; i++) {
        int32_t s = (sum[i] > 0.0f) - (sum[i] < 0.0f);
        sign[i] = (float)s;
        balance += s;
    }
    return balance;
}

/* Gives the majority to every element without a sign. Returns whether that matters: it does where
 * kept values cancel, and for `max` where the base is -0, since 0 times the sign has a sign. */
static bool settle(float *sign, const uint32_t *kept, const float *base, const struct ties *t,
                   int64_t n) {
    uint32_t matters = 0, zero = t->merge_func == MERGE_MAX;

    for (int64_t i = 0; i < n; i++) {
        uint32_t drawn = sign[i] == 0.0f, bits;
        memcpy(&bits, &base[i], sizeof bits);
        matters |= drawn & (kept[i] | (zero & (bits == 0x80000000u)));
        sign[i] = drawn ? t->majority : sign[i];
    }
    return matters;
}

/* In place: what agrees with the elected sign stays, all else becomes 0. */
static void agree(float *tau, const float *sign, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float positive = tau[i] > 0.0f ? tau[i] : 0.0f, negative = tau[i] < 0.0f ? tau[i] : 0.0f;
        tau[i] = sign[i] > 0.0f ? positive : negative;
    }
}

static void count(float *counts, const float *tau, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        counts[i] += tau[i] != 0.0f ? 1.0f : 0.0f;
}

static void largest(float *most, const float *tau, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        most[i] = fabsf(tau[i]) > most[i] ? fabsf(tau[i]) : most[i];
}

static void apply(float *out, const float *base, const float *merged, float scale, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        out[i] = base[i] + scale * merged[i];
}

struct work {
    struct cascade sum;
    float tau[CHUNK], sign[CHUNK], other[CHUNK]; /* other: counts for mean, maxima for max */
    uint32_t kept[CHUNK];
};

static void elect(struct work *w, const struct ties *t, const struct fb_block *in, int64_t at,
                  int64_t n) {
    cascade_clear(&w->sum, n, in->experts);
    memset(w->kept, 0, sizeof w->kept);
    for (int e = 0; e < in->experts; e++) {
        trim(w->tau, in->expert[e] + at, in->base + at, t->least[e], n);
        note_kept(w->kept, w->tau, n);
        cascade_add(&w->sum, w->tau, n);
    }
    t->balance[in->index] += in->key->copies * signs(w->sign, cascade_sum(&w->sum, n), n);
    if (settle(w->sign, w->kept, in->base + at, t, n)) t->draw[in->index] = true;
}

static const float *merge_agreeing(struct work *w, const struct ties *t, const struct fb_block *in,
                                   int64_t at, int64_t n) {
    cascade_clear(&w->sum, n, in->experts);
    memset(w->other, 0, sizeof w->other);
    for (int e = 0; e < in->experts; e++) {
        trim(w->tau, in->expert[e] + at, in->base + at, t->least[e], n);
        agree(w->tau, w->sign, n);
        if (t->merge_func == MERGE_MAX) {
            largest(w->other, w->tau, n);
            continue;
        }
        if (t->merge_func == MERGE_MEAN) count(w->other, w->tau, n);
        cascade_add(&w->sum, w->tau, n);
    }
    if (t->merge_func == MERGE_SUM) return cascade_sum(&w->sum, n);
    if (t->merge_func == MERGE_MEAN) {
        const float *sum = cascade_sum(&w->sum, n);
        for (int64_t i = 0; i < n; i++)
            w->other[i] = sum[i] / (w->other[i] > 1.0f ? w->other[i] : 1.0f);
    } else {
        for (int64_t i = 0; i < n; i++)
            w->other[i] *= w->sign[i];
    }
    return w->other;
}

static void merge_block(const void *state, const struct fb_block *in, float *out) {
    const struct ties *t = state;
    struct work w;

    if (t->removed[in->key_index]) {
        memcpy(out, in->base, (size_t)in->count * sizeof *out);
        return;
    }
    t->balance[in->index] = 0;
    for (int64_t at = 0; at < in->count; at += CHUNK) {
        int64_t n = in->count - at < CHUNK ? in->count - at : CHUNK;
        elect(&w, t, in, at, n);
        apply(out + at, in->base + at, merge_agreeing(&w, t, in, at, n), t->scale, n);
    }
}

/* Settles the majority; whether it differs from what the first round assumed. */
static bool again(void *state) {
    struct ties *t = state;
    float assumed = t->majority;
    int64_t balance = 0;

    for (int64_t i = 0; i < t->blocks; i++)
        balance += t->balance[i];
    t->majority = (float)((balance > 0) - (balance < 0));
    return t->majority != assumed;
}

/* ---- the method ------------------------------------------------------------------------------ */

static bool parse_merge_func(const char *text, enum merge_func *out) {
    static const char *const words[] = {"sum", "mean", "max"};
    const char *dash = text ? strrchr(text, '-') : NULL; /* "dis-sum" is "sum" */

    for (int i = 0; text && i < 3; i++) {
        if (strcmp(dash ? dash + 1 : text, words[i])) continue;
        *out = (enum merge_func)i;
        return true;
    }
    return false;
}

static int check(const void *options, const struct fb_pool *pool, struct fb_err *err) {
    const struct opts *o = options;
    enum merge_func f;

    (void)pool;
    if (!parse_merge_func(o->merge_func, &f))
        return fb_fail(err, FB_ECONFIG, "option 'merge_func': '%s' is none of sum, mean, max",
                       o->merge_func ? o->merge_func : "null");
    return FB_OK;
}

static int mark_removed(struct ties *t, struct fb_merge *merge, const struct fb_texts *remove,
                        struct fb_err *err) {
    int64_t keys = fb_pool_keys(merge->pool);

    if (!(t->removed = fb_arena_calloc(merge->arena, (size_t)keys, sizeof(bool), err)))
        return err->code;
    for (int64_t r = 0; r < remove->count; r++) {
        bool found = false;
        for (int64_t k = 0; k < keys; k++)
            if (!strcmp(fb_pool_key(merge->pool, k)->name, remove->item[r]))
                found = t->removed[k] = true;
        if (!found)
            fb_warn(merge->log, "ties_merging: remove_keys: the models have no key '%s'",
                    remove->item[r]);
    }
    for (int64_t k = 0; k < keys; k++) {
        const struct fb_pool_key *key = fb_pool_key(merge->pool, k);
        if (!t->removed[k]) t->elements += key->numel * key->copies;
    }
    return FB_OK;
}

static int prepare(struct ties *t, struct fb_merge *merge, const struct opts *o,
                   struct fb_err *err) {
    struct fb_arena *a = merge->arena;
    size_t experts = (size_t)fb_pool_experts(merge->pool), blocks = (size_t)fb_each_blocks(merge);

    t->scale = (float)o->scaling_factor;
    t->kept = o->threshold > 1 ? o->threshold / 100 : o->threshold;
    t->majority = 1;
    t->blocks = (int64_t)blocks;
    t->least = fb_arena_calloc(a, experts, sizeof *t->least, err);
    t->upper = fb_arena_calloc(a, experts, sizeof *t->upper, err);
    t->rank = fb_arena_calloc(a, experts, sizeof *t->rank, err);
    t->balance = fb_arena_calloc(a, blocks, sizeof *t->balance, err);
    t->draw = fb_arena_calloc(a, blocks, sizeof *t->draw, err);
    if (!t->least || !t->upper || !t->rank || !t->balance || !t->draw) return err->code;
    return mark_removed(t, merge, &o->remove_keys, err);
}

static int run(const void *options, struct fb_merge *merge, struct fb_err *err) {
    const struct opts *o = options;
    struct ties t = {0};
    int64_t k;

    if (!parse_merge_func(o->merge_func, &t.merge_func)) return check(o, merge->pool, err);
    if (fb_each_align(merge, true, err)) return err->code;
    merge->model = fb_pool_base(merge->pool, err);
    if (prepare(&t, merge, o, err)) return err->code;
    k = t.elements - (int64_t)((double)t.elements * t.kept);
    if (find_upper(merge, &t, k, err)) return err->code;
    if (k > 0 && find_lower(merge, &t, err)) return err->code;
    return fb_merge_twice(merge, true, merge_block, &t, again, t.draw, err);
}

static const char *const aliases[] = {"TiesMergingAlgorithm", NULL};

const struct fb_method fb_method_ties_merging = {
    .name = "ties_merging",
    .aliases = aliases,
    .summary = "Trim the task vectors, elect a sign per element, add what agrees with it.",
    .formula = "tau_i = expert_i - base\n"
               "trim:  tau_i where |tau_i| is among the largest `threshold` of the expert, else 0\n"
               "elect: g = sign(sum_i tau_i), the majority of all signs where the sum is 0\n"
               "merge: merge_func of the tau_i with the sign g\n"
               "out = base + scaling_factor * merged",
    .cite = "arXiv:2306.01708",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .check = check,
    .run = run,
};
