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
 * Sums over the experts are taken in torch's order (cascade.h), for which the elements have the
 * position of the reference: keys sorted by name, one after the other.
 *
 * One pass over the models finds every m_i exactly (threshold.h), a second merges. The majority
 * sign is known only when the second pass is over: it is run as if the majority were positive, and
 * the blocks in which that made a difference are done again if it was not. */
#include "method/each.h"

#include "base/alloc.h"
#include "method/cascade.h"
#include "method/threshold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = FB_CASCADE_WIDTH };

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
    bool *removed;     /* [keys] */
    int64_t *position; /* [keys]: of the first element in the flattened model */
    int64_t elements;  /* d */
    float *least;      /* [experts]: m_i */
    float majority;    /* sign that is taken where the election is a draw */
    int64_t blocks;
    int32_t *balance; /* [blocks]: sum of the elected signs before draws are settled */
    bool *draw;       /* [blocks]: some element depends on the majority */
};

/* ---- the merge ------------------------------------------------------------------------------- */

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
    float majority = t->majority;

    for (int64_t i = 0; i < n; i++) {
        uint32_t drawn = sign[i] == 0.0f, bits;
        memcpy(&bits, &base[i], sizeof bits);
        matters |= drawn & (kept[i] | (zero & (bits == 0x80000000u)));
        sign[i] = drawn ? majority : sign[i];
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

static void multiply(float *x, const float *by, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        x[i] *= by[i];
}

/* counts = sum / max(counts, 1) */
static void divide(float *counts, const float *sum, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        counts[i] = sum[i] / (counts[i] > 1.0f ? counts[i] : 1.0f);
}

static void apply(float *out, const float *base, const float *merged, float scale, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        out[i] = base[i] + scale * merged[i];
}

struct work {
    struct fb_cascade sum;
    float tau[CHUNK], sign[CHUNK], other[CHUNK]; /* other: counts for mean, maxima for max */
    uint32_t kept[CHUNK];
};

/* One column of the left-over ones at the end of the flattened model. */
struct column {
    const struct ties *ties;
    const struct fb_block *in;
    int64_t at;
    const float *sign; /* elected, or NULL: all kept values are summed */
};

static float column_value(const void *column, int row) {
    const struct column *c = column;
    float tau;

    trim(&tau, c->in->expert[row] + c->at, c->in->base + c->at, c->ties->least[row], 1);
    if (c->sign) agree(&tau, c->sign, 1);
    return tau;
}

/* Ends the sums of a chunk; those of left-over columns are taken anew in their own order. */
static const float *end_sum(struct work *w, const struct ties *t, const struct fb_block *in,
                            int64_t at, int64_t n, bool elected) {
    int64_t whole = t->elements - t->elements % FB_CASCADE_GROUP;
    int64_t i = whole - t->position[in->key_index] - in->begin - at;
    float *sum = fb_cascade_end(&w->sum, n);

    for (i = i > 0 ? i : 0; i < n; i++) {
        struct column c = {t, in, at + i, elected ? &w->sign[i] : NULL};
        sum[i] = fb_column_sum(column_value, &c, in->experts);
    }
    return sum;
}

FB_CLONES static void elect(struct work *w, const struct ties *t, const struct fb_block *in,
                            int64_t at, int64_t n) {
    fb_cascade_begin(&w->sum, n, in->experts);
    memset(w->kept, 0, sizeof w->kept);
    for (int e = 0; e < in->experts; e++) {
        trim(w->tau, in->expert[e] + at, in->base + at, t->least[e], n);
        note_kept(w->kept, w->tau, n);
        fb_cascade_add(&w->sum, w->tau, n);
    }
    t->balance[in->index] += in->key->copies * signs(w->sign, end_sum(w, t, in, at, n, false), n);
    if (settle(w->sign, w->kept, in->base + at, t, n)) t->draw[in->index] = true;
}

FB_CLONES static const float *merge_agreeing(struct work *w, const struct ties *t,
                                             const struct fb_block *in, int64_t at, int64_t n) {
    const float *sum;

    fb_cascade_begin(&w->sum, n, in->experts);
    memset(w->other, 0, sizeof w->other);
    for (int e = 0; e < in->experts; e++) {
        trim(w->tau, in->expert[e] + at, in->base + at, t->least[e], n);
        agree(w->tau, w->sign, n);
        if (t->merge_func == MERGE_MAX) largest(w->other, w->tau, n);
        else fb_cascade_add(&w->sum, w->tau, n);
        if (t->merge_func == MERGE_MEAN) count(w->other, w->tau, n);
    }
    if (t->merge_func == MERGE_MAX) {
        multiply(w->other, w->sign, n);
        return w->other;
    }
    sum = end_sum(w, t, in, at, n, true);
    if (t->merge_func == MERGE_SUM) return sum;
    divide(w->other, sum, n);
    return w->other;
}

FB_CLONES static void merge_block(const void *state, const struct fb_block *in, float *out) {
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

static int check(const void *options, const struct fb_merge *merge, struct fb_err *err) {
    const struct opts *o = options;
    enum merge_func f;

    (void)merge;
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
    return FB_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(const struct fb_pool_key *const *)a)->name,
                  (*(const struct fb_pool_key *const *)b)->name);
}

/* Where each key lies in the flattened model, and how long that is. */
static int find_positions(struct ties *t, struct fb_merge *merge, struct fb_err *err) {
    size_t keys = (size_t)fb_pool_keys(merge->pool);
    const struct fb_pool_key *first = fb_pool_key(merge->pool, 0);
    const struct fb_pool_key **sorted = fb_arena_calloc(merge->arena, keys, sizeof *sorted, err);

    t->position = fb_arena_calloc(merge->arena, keys, sizeof *t->position, err);
    if (!sorted || !t->position) return err->code;
    for (size_t k = 0; k < keys; k++)
        sorted[k] = first + k;
    qsort(sorted, keys, sizeof *sorted, by_name);
    for (size_t k = 0; k < keys; k++) {
        t->position[sorted[k] - first] = t->elements;
        if (!t->removed[sorted[k] - first]) t->elements += sorted[k]->numel * sorted[k]->copies;
    }
    return FB_OK;
}

static int prepare(struct ties *t, struct fb_merge *merge, const struct opts *o,
                   struct fb_err *err) {
    struct fb_arena *a = merge->arena;
    size_t experts = (size_t)fb_pool_experts(merge->pool), blocks = (size_t)fb_each_blocks(merge);

    t->scale = (float)o->scaling_factor;
    t->majority = 1;
    t->blocks = (int64_t)blocks;
    t->least = fb_arena_calloc(a, experts, sizeof *t->least, err);
    t->balance = fb_arena_calloc(a, blocks, sizeof *t->balance, err);
    t->draw = fb_arena_calloc(a, blocks, sizeof *t->draw, err);
    if (!t->least || !t->balance || !t->draw) return err->code;
    if (mark_removed(t, merge, &o->remove_keys, err)) return err->code;
    return find_positions(t, merge, err);
}

static int run(const void *options, struct fb_merge *merge, struct fb_err *err) {
    const struct opts *o = options;
    double kept = o->threshold > 1 ? o->threshold / 100 : o->threshold;
    struct ties t = {0};
    int64_t k;

    if (!parse_merge_func(o->merge_func, &t.merge_func)) return check(o, merge, err);
    if (fb_each_align(merge, true, err)) return err->code;
    merge->model = fb_pool_base(merge->pool, err);
    if (prepare(&t, merge, o, err)) return err->code;
    k = t.elements - (int64_t)((double)t.elements * kept);
    if (fb_threshold_find(merge, t.removed, k, t.least, err)) return err->code;
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
