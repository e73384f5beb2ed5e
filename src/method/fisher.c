#include "method/fisher.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "kernel/squares.h"
#include "method/each.h"
#include "method/exclude.h"
#include "method/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 18 }; /* elements of a model read at a time */
#define LEAST 1e-30       /* of eps */

const struct fb_opt fb_fisher_opts[] = {
    FB_OPT_TEXTS(struct fb_fisher_opts, exclude_param_names_regex, "[]",
                 "keys that stay out of the merge and keep the base's values"),
    FB_OPT_BOOL(struct fb_fisher_opts, normalize_fisher_weight, "true",
                "divide each expert's Fisher weights by their norm"),
    FB_OPT_REAL(struct fb_fisher_opts, minimal_fisher_weight, "1e-6", 0, 1,
                "added to every Fisher weight"),
    FB_OPT_INT(struct fb_fisher_opts, num_fisher_examples, "256", 1, 1e9,
               "training examples per expert, rounded up to whole batches"),
    FB_OPT_TEXT(struct fb_fisher_opts, cache_dir, "outputs", "accepted, without effect"),
    FB_OPT_INT(struct fb_fisher_opts, batch_size, "32", 1, 65536,
               "examples whose derivatives are summed before they are squared"),
    FB_OPT_INT(struct fb_fisher_opts, num_workers, "0", 0, 4096, "accepted, without effect"),
    FB_OPT_INT(struct fb_fisher_opts, devices, "1", 1, 4096, "accepted, without effect"),
    FB_OPT_BOOL(struct fb_fisher_opts, shuffle, "true",
                "take examples in the order of the run's seed; false: in file order"),
    FB_OPT_TEXT(struct fb_fisher_opts, statistics_dir, "null",
                "folder where Fisher weights are kept for later runs"),
    FB_OPT_END,
};

static const char *expert_name(const struct fb_pool *pool, int i) {
    return fb_pool_model_name(pool, fb_pool_expert(pool, i));
}

int fb_fisher_check(const struct fb_fisher_kind *kind, const struct fb_fisher_opts *o,
                    const struct fb_merge *merge, struct fb_err *err) {
    if (fb_exclude_check(&o->exclude_param_names_regex, err) ||
        fb_statistics_check(o->statistics_dir, err))
        return err->code;
    if (fb_pool_base(merge->pool, err) < 0) return err->code;
    for (int i = 0; i < fb_pool_experts(merge->pool); i++)
        if (kind->check(merge->pool, fb_pool_expert(merge->pool, i), err))
            return fb_context(err, "expert '%s'", expert_name(merge->pool, i));
    return fb_trainset_check(merge, &kind->data, err);
}

/* ---- one expert's Fisher weights ------------------------------------------------------------- */

/* F of every key of the pool; owned. */
struct fisher {
    struct fb_entry *entry; /* [keys]; each data begins at a cache line of `block` */
    int64_t keys;
    void *block;
};

static void fisher_free(struct fisher *f) {
    free(f->block);
    free(f->entry);
    *f = (struct fisher){0};
}

static float *values_of(const struct fb_entry *entry) {
    return (float *)(uintptr_t)entry->data;
}

/* Bytes of a key's F, up to where the next one begins. */
static size_t room_of(const struct fb_pool_key *key) {
    return ((size_t)key->numel * sizeof(float) + FB_ALIGN - 1) / FB_ALIGN * FB_ALIGN;
}

static int fisher_create(struct fisher *f, const struct fb_pool *pool, struct fb_err *err) {
    int64_t n = fb_pool_keys(pool);
    size_t size = FB_ALIGN;
    char *at;

    for (int64_t k = 0; k < n; k++)
        size += room_of(fb_pool_key(pool, k));
    *f = (struct fisher){.entry = fb_calloc((size_t)n, sizeof *f->entry, err), .keys = n};
    if (!f->entry || !(f->block = fb_calloc(size, 1, err))) {
        fisher_free(f);
        return err->code;
    }
    fb_want_huge_pages(f->block, size);
    at = fb_aligned(f->block);
    for (int64_t k = 0; k < n; k++) {
        const struct fb_pool_key *key = fb_pool_key(pool, k);
        struct fb_entry *e = &f->entry[k];
        *e = (struct fb_entry){.name = key->name, .dtype = FB_F32, .ndim = key->ndim};
        memcpy(e->shape, key->shape, sizeof key->shape);
        e->numel = key->numel;
        e->size = (size_t)key->numel * sizeof(float);
        e->data = (const void *)at;
        at += room_of(key);
    }
    return FB_OK;
}

static struct fb_entry *find(const struct fisher *f, const char *name) {
    for (int64_t k = 0; k < f->keys; k++)
        if (!strcmp(f->entry[k].name, name)) return &f->entry[k];
    return NULL;
}

/* Each gradient learns which F its squares belong to. */
static int bind(const struct fisher *f, struct fb_grads *grads, struct fb_err *err) {
    for (int64_t i = 0; i < grads->names.count; i++) {
        struct fb_grad *g = &grads->item[i];
        const struct fb_entry *e = find(f, g->name);
        if (!e || e->numel != g->rows * g->cols)
            return fb_fail(err, FB_EMISMATCH, "the pool has no key '%s' of %jd elements", g->name,
                           (intmax_t)(g->rows * g->cols));
        g->squares = values_of(e);
    }
    return FB_OK;
}

/* F += g^2 where that is not done; of an embedding the rows that were used. */
static void add_gradients(const struct fb_grads *grads) {
    for (int64_t i = 0; i < grads->names.count; i++) {
        const struct fb_grad *g = &grads->item[i];
        if (g->fresh || g->squared) continue;
        if (!g->is_table) fb_add_squares(g->squares, g->data, g->rows * g->cols);
        for (int64_t r = 0; g->is_table && r < g->used_count; r++) {
            int64_t at = g->used[r] * g->cols;
            fb_add_squares(g->squares + at, g->data + at, g->cols);
        }
    }
}

int fb_fisher_derive(const struct fb_fisher_pass *pass, void *expert, int64_t first, int64_t count,
                     struct fb_err *err) {
    struct fb_sequences all = fb_examples_inputs(pass->examples);
    struct fb_sequences some = {count, all.id, all.offset + first};
    struct fb_batches plan = {0};
    int rc = fb_batches_plan_unshared(&plan, &some, pass->tokens, count, err);

    if (plan.count > 1) fb_grads_zero(pass->grads);
    else fb_grads_zero_to_square(pass->grads);
    for (int64_t b = 0; !rc && b < plan.count; b++)
        rc = pass->run(expert, &plan.batch[b], first + plan.batch[b].sequence[0], err);
    fb_batches_free(&plan);
    return rc;
}

/* All batches through an open expert. */
static int measure(const struct fisher *f, const struct fb_fisher_kind *kind, void *expert,
                   const struct fb_examples *e, int64_t batch_size, struct fb_progress *progress,
                   struct fb_err *err) {
    struct fb_grads *grads = kind->grads(expert);

    if (bind(f, grads, err)) return err->code;
    for (int64_t first = 0; first < e->count; first += batch_size) {
        int64_t left = e->count - first, count = left < batch_size ? left : batch_size;
        if (fb_interrupted(err) || kind->derive(expert, first, count, err)) return err->code;
        add_gradients(grads);
        fb_progress_add(progress, count);
    }
    for (int64_t k = 0; k < f->keys; k++)
        fb_divide(values_of(&f->entry[k]), (float)e->count, f->entry[k].numel);
    return FB_OK;
}

/* ---- the merge ------------------------------------------------------------------------------- */

struct run {
    const struct fb_fisher_kind *kind;
    const struct fb_fisher_opts *o;
    struct fb_merge *merge;
    struct fb_trainset set;
    bool *excluded; /* [keys] */
    float **weight; /* [keys]: denominators, the numerators being the result; NULL: excluded */
    int64_t keys;   /* of `weight` */
    float *scratch; /* [BLOCK] */
};

static int compute(struct run *run, struct fisher *f, int i, const struct fb_examples *e,
                   struct fb_err *err) {
    int model = fb_pool_expert(run->merge->pool, i);
    struct fb_progress progress;
    char label[96];
    void *expert = NULL;
    int rc = run->kind->open(&expert, run->merge->pool, model, e, err);

    /* The model has copied most of its tensors; rows of embeddings come back when they are used. */
    for (int64_t k = 0; !rc && k < f->keys; k++)
        fb_pool_forget(run->merge->pool, model, k, 0, f->entry[k].numel);
    snprintf(label, sizeof label, "Fisher weights of %.60s", expert_name(run->merge->pool, i));
    fb_progress_begin(&progress, run->merge->log, label, "examples", e->count);
    if (!rc) rc = measure(f, run->kind, expert, e, run->o->batch_size, &progress, err);
    fb_progress_end(&progress);
    run->kind->close(expert);
    return rc;
}

/* The name of the file that an expert's F is kept in; *path is NULL where nothing is kept. */
static int name_file(const struct run *run, char **path, int i, const struct fb_examples *e,
                     struct fb_err *err) {
    struct fb_pool *pool = run->merge->pool;
    int model = fb_pool_expert(pool, i);
    struct fb_digest id = {0};
    int rc;

    *path = NULL;
    if (!run->o->statistics_dir) return FB_OK;
    rc = fb_statistics_begin(&id, run->kind->name, err);
    if (!rc) rc = fb_statistics_add_model(&id, pool, model, err);
    if (!rc && run->kind->add_id) rc = run->kind->add_id(&id, pool, model, err);
    if (!rc) rc = fb_statistics_add_examples(&id, e, err);
    if (!rc) rc = fb_digest_add_int(&id, run->o->batch_size, err);
    if (!rc)
        rc = fb_statistics_path(path, run->o->statistics_dir, run->kind->name, expert_name(pool, i),
                                &id, err);
    fb_digest_free(&id);
    return rc;
}

static int load(const struct run *run, struct fisher *f, const char *path, bool *found,
                struct fb_err *err) {
    struct fb_ckpt *stored;

    *found = false;
    if (fb_statistics_load(&stored, path, f->entry, f->keys, run->merge->log, err))
        return err->code;
    if (!stored) return FB_OK;
    for (int64_t k = 0; k < f->keys; k++)
        fb_dtype_to_f32(values_of(&f->entry[k]), fb_ckpt_find(stored, f->entry[k].name)->data,
                        FB_F32, f->entry[k].numel);
    fb_ckpt_close(stored);
    *found = true;
    return FB_OK;
}

/* F of the i-th expert, computed or found. */
static int get(struct run *run, struct fisher *f, int i, struct fb_err *err) {
    const struct fb_fisher_opts *o = run->o;
    struct fb_trainset_order order = {o->num_fisher_examples, o->batch_size, o->shuffle, 0};
    struct fb_pool *pool = run->merge->pool;
    struct fb_examples e;
    char *path = NULL;
    bool found = false;
    int rc = fb_trainset_pick(&run->set, i, &order, &e, err);

    if (!rc) rc = run->kind->encode(&e, pool, fb_pool_expert(pool, i), run->set.encoder, err);
    if (!rc) rc = name_file(run, &path, i, &e, err);
    if (!rc) rc = fisher_create(f, pool, err);
    if (!rc) rc = load(run, f, path, &found, err);
    if (!rc && !found) rc = compute(run, f, i, &e, err);
    if (!rc && !found) rc = fb_statistics_save(path, f->entry, f->keys, run->merge->log, err);
    free(path);
    fb_examples_free(&e);
    return rc;
}

/* eps. Where all F are zero, as in rows of an embedding that no example used, 0 would give 0 / 0: a
 * number that is lost beside any other F stands for it, and the limit comes out. */
static float minimum(const struct run *run) {
    double least = run->o->minimal_fisher_weight;

    return (float)(least > LEAST ? least : LEAST);
}

static float coefficient(const struct run *run, const struct fisher *f) {
    double sum = 0;

    if (!run->o->normalize_fisher_weight) return 1.0f;
    for (int64_t k = 0; k < f->keys; k++)
        if (!run->excluded[k]) sum += fb_sum_squares(f->entry[k].data, f->entry[k].numel);
    return (float)(1.0 / (sqrt(sum) + (double)minimum(run)));
}

/* Adds one key of an expert to its numerator and denominator; the first one begins them, since
 * their memory is not needed while its gradients are. */
static int add_key(struct run *run, const struct fb_entry *f, int model, int64_t k, float c,
                   bool first, struct fb_err *err) {
    struct fb_pool *pool = run->merge->pool;
    float *numerator = run->merge->weights.item[k].owned, *denominator = run->weight[k];

    for (int64_t at = 0; at < f->numel; at += BLOCK) {
        int64_t n = f->numel - at < BLOCK ? f->numel - at : BLOCK;
        const float *x = fb_pool_block(pool, model, k, at, n, run->scratch, err);
        if (!x) return err->code;
        if (first) {
            memset(numerator + at, 0, (size_t)n * sizeof *x);
            memset(denominator + at, 0, (size_t)n * sizeof *x);
        }
        fb_add_weighed(&(struct fb_weighing){.sum = numerator + at,
                                             .weight = denominator + at,
                                             .x = x,
                                             .f = values_of(f) + at,
                                             .c = c,
                                             .epsilon = minimum(run),
                                             .n = n});
        fb_pool_forget(pool, model, k, at, n);
    }
    return FB_OK;
}

static int add_expert(struct run *run, int i, struct fb_err *err) {
    int model = fb_pool_expert(run->merge->pool, i);
    struct fisher f = {0};
    float c;
    int rc = get(run, &f, i, err);

    if (rc) goto done;
    c = coefficient(run, &f);
    if (!isfinite(c)) {
        rc = fb_fail(err, FB_EFORMAT, "its Fisher weights are not finite numbers");
        goto done;
    }
    for (int64_t k = 0; !rc && k < run->keys; k++)
        if (!run->excluded[k]) rc = add_key(run, &f.entry[k], model, k, c, i == 0, err);
done:
    fisher_free(&f);
    return rc ? fb_context(err, "expert '%s'", expert_name(run->merge->pool, i)) : FB_OK;
}

/* Numerators and denominators, which the first expert begins; the base's values where a key is
 * excluded. */
static int prepare(struct run *run, int base, struct fb_err *err) {
    struct fb_pool *pool = run->merge->pool;
    int64_t n = fb_pool_keys(pool);

    if (fb_exclude_find(&run->excluded, &run->o->exclude_param_names_regex, pool, run->merge->arena,
                        err) ||
        !(run->scratch = fb_malloc(BLOCK * sizeof *run->scratch, err)) ||
        !(run->weight = fb_calloc((size_t)n, sizeof *run->weight, err)))
        return err->code;
    run->keys = n;
    for (int64_t k = 0; k < n; k++) {
        const struct fb_pool_key *key = fb_pool_key(pool, k);
        size_t size = (size_t)key->numel * sizeof(float);
        struct fb_weight *w =
            fb_weights_add(&run->merge->weights, key->name, key->ndim, key->shape, err);
        if (!w) return err->code;
        fb_want_huge_pages(w->owned, size);
        if (!run->excluded[k]) {
            if (!(run->weight[k] = fb_malloc(size, err))) return err->code;
            fb_want_huge_pages(run->weight[k], size);
            continue;
        }
        for (int64_t at = 0; at < key->numel; at += BLOCK) {
            int64_t count = key->numel - at < BLOCK ? key->numel - at : BLOCK;
            const float *x = fb_pool_block(pool, base, k, at, count, run->scratch, err);
            if (!x) return err->code;
            memcpy(w->owned + at, x, (size_t)count * sizeof *x);
        }
    }
    return FB_OK;
}

static void finish(struct run *run) {
    for (int64_t k = 0; k < run->keys; k++) {
        struct fb_weight *w = &run->merge->weights.item[k];
        if (run->weight[k]) fb_divide_each(w->owned, run->weight[k], w->numel);
    }
}

static void run_free(struct run *run) {
    for (int64_t k = 0; k < run->keys; k++)
        free(run->weight[k]);
    free(run->weight);
    free(run->scratch);
    fb_trainset_close(&run->set);
}

int fb_fisher_run(const struct fb_fisher_kind *kind, const struct fb_fisher_opts *o,
                  struct fb_merge *merge, struct fb_err *err) {
    struct run run = {.kind = kind, .o = o, .merge = merge};
    int base, rc = fb_each_align(merge, true, err);

    if (rc) return rc;
    if ((base = fb_pool_base(merge->pool, err)) < 0) return err->code;
    merge->model = base;
    if (o->num_fisher_examples % o->batch_size)
        fb_info(merge->log, "num_fisher_examples %jd is rounded up to whole batches of %jd",
                (intmax_t)o->num_fisher_examples, (intmax_t)o->batch_size);
    rc = fb_trainset_open(&run.set, merge, &kind->data, err);
    if (!rc) rc = prepare(&run, base, err);
    for (int i = 0; !rc && i < fb_pool_experts(merge->pool); i++)
        rc = add_expert(&run, i, err);
    if (!rc) finish(&run);
    run_free(&run);
    return rc;
}
