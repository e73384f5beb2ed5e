#include "method/regression.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "kernel/linalg.h"
#include "kernel/outer.h"
#include "method/cascade.h"
#include "method/each.h"
#include "method/exclude.h"

#include <stdlib.h>
#include <string.h>

enum { SOLVED_AT_ONCE = 16 }; /* systems between two looks at an interrupt */

static const char suffix[] = ".weight";

/* ---- room ------------------------------------------------------------------------------------ */

static int open_layer(struct fb_regression *r, int64_t key, struct fb_err *err) {
    const struct fb_pool_key *k = fb_pool_key(r->merge->pool, key);
    struct fb_regression_layer *l = &r->layer[r->layers++];
    size_t in, out;

    l->key = key;
    l->in = k->shape[r->out_in ? 1 : 0];
    l->out = k->shape[r->out_in ? 0 : 1];
    in = (size_t)l->in;
    out = (size_t)l->out;
    l->name = fb_arena_printf(r->merge->arena, err, "%.*s",
                              (int)(strlen(k->name) - sizeof suffix + 1), k->name);
    if (!l->name) return err->code;
    if (in && (in > SIZE_MAX / sizeof(float) / in))
        return fb_fail(err, FB_ENOMEM, "out of memory: layer '%s' has %jd inputs", l->name,
                       (intmax_t)l->in);
    if (!(l->a = fb_calloc(in * in, sizeof *l->a, err)) ||
        !(l->b = fb_calloc(in * out, sizeof *l->b, err)))
        return err->code;
    return FB_OK;
}

static bool is_layer(const struct fb_regression *r, const struct fb_regression_form *form,
                     int64_t key) {
    const struct fb_pool_key *k = fb_pool_key(r->merge->pool, key);

    return k->ndim == 2 && k->numel && !r->excluded[key] && fb_ends_with(k->name, suffix) &&
           form->wants(r->merge->pool, k);
}

static int open_layers(struct fb_regression *r, const struct fb_regression_form *form,
                       struct fb_err *err) {
    struct fb_arena *arena = r->merge->arena;
    size_t keys = (size_t)fb_pool_keys(r->merge->pool);
    struct fb_gram *gram = fb_arena_calloc(arena, keys, sizeof *gram, err);

    r->layer = fb_arena_calloc(arena, keys, sizeof *r->layer, err);
    r->layer_of = fb_arena_calloc(arena, keys, sizeof *r->layer_of, err);
    if (!gram || !r->layer || !r->layer_of) return err->code;
    for (size_t k = 0; k < keys; k++) {
        r->layer_of[k] = -1;
        if (!is_layer(r, form, (int64_t)k)) continue;
        r->layer_of[k] = r->layers;
        if (open_layer(r, (int64_t)k, err)) return err->code;
        gram[r->layers - 1].layer = r->layer[r->layers - 1].name;
        gram[r->layers - 1].n = r->layer[r->layers - 1].in;
    }
    if (!r->layers)
        return fb_fail(
            err, FB_EMISMATCH,
            "the models have no linear layer that is not excluded; simple_average merges "
            "such models");
    return fb_grams_open(&r->grams, gram, r->layers, err);
}

int fb_regression_open(struct fb_regression *out, struct fb_merge *merge,
                       const struct fb_regression_form *form, struct fb_err *err) {
    *out =
        (struct fb_regression){.merge = merge, .out_in = form->out_in, .ratio = (float)form->ratio};
    if (fb_each_align(merge, true, err) ||
        fb_exclude_find(&out->excluded, form->exclude, merge->pool, merge->arena, err) ||
        open_layers(out, form, err)) {
        fb_regression_free(out);
        return err->code;
    }
    return FB_OK;
}

void fb_regression_free(struct fb_regression *r) {
    for (int64_t i = 0; i < r->layers; i++) {
        free(r->layer[i].a);
        free(r->layer[i].b);
    }
    fb_grams_free(&r->grams);
    *r = (struct fb_regression){0};
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* As the reference rounds: the diagonal is multiplied by (1 - ratio) + ratio. */
static void reduce(float *g, int64_t n, float ratio) {
    float diagonal = (1.0f - ratio) + ratio;

    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            g[i * n + j] *= i == j ? diagonal : ratio;
}

static void transpose(float *to, const float *from, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            to[j * rows + i] = from[i * cols + j];
}

/* The weight of a layer as [in, out], borrowed from the file or in `room` [2 * numel]. */
static const float *read_weight(const struct fb_regression *r, const struct fb_regression_layer *l,
                                int model, float *room, struct fb_err *err) {
    int64_t numel = l->in * l->out;
    const float *w = fb_pool_block(r->merge->pool, model, l->key, 0, numel, room, err);

    if (!w || !r->out_in) return w;
    transpose(room + numel, w, l->out, l->in);
    return room + numel;
}

/* a += G', b += G' W, which is G'^T W. */
static int add_layer(const struct fb_regression *r, int64_t i, int model, float *room,
                     struct fb_err *err) {
    const struct fb_regression_layer *l = &r->layer[i];
    float *g = r->grams.item[i].matrix;
    const float *w = read_weight(r, l, model, room, err);
    const struct fb_outer product = {.c = l->b,
                                     .ldc = l->out,
                                     .x = g,
                                     .ldx = l->in,
                                     .y = w,
                                     .ldy = l->out,
                                     .rows = l->in,
                                     .m = l->in,
                                     .n = l->out,
                                     .add = true};

    if (!w) return err->code;
    reduce(g, l->in, r->ratio);
    for (int64_t k = 0; k < l->in * l->in; k++)
        l->a[k] += g[k];
    return fb_outer(&product, err);
}

int fb_regression_add(struct fb_regression *r, int model, struct fb_err *err) {
    int64_t most = 0;
    float *room;
    int rc = FB_OK;

    for (int64_t i = 0; i < r->layers; i++)
        if (r->layer[i].in * r->layer[i].out > most) most = r->layer[i].in * r->layer[i].out;
    if (!(room = fb_calloc((size_t)most, 2 * sizeof *room, err))) return err->code;
    for (int64_t i = 0; !rc && i < r->layers; i++) {
        rc = fb_interrupted(err);
        if (!rc) rc = add_layer(r, i, model, room, err);
    }
    fb_grams_clear(&r->grams);
    free(room);
    return rc;
}

/* ---- solution -------------------------------------------------------------------------------- */

static int check_solution(const struct fb_regression_layer *l, const struct fb_system *s,
                          const struct fb_log *log, struct fb_err *err) {
    switch (s->solved) {
    case FB_SOLVED_CHOLESKY: return FB_OK;
    case FB_SOLVED_LU:
        fb_warn(
            log,
            "layer '%s': the sum of the Gram matrices is not positive definite to rounding: more "
            "examples or a smaller reduce_non_diagonal_ratio would make the result more certain",
            l->name);
        return FB_OK;
    case FB_NOT_FINITE:
        return fb_fail(err, FB_EMISMATCH,
                       "layer '%s': an expert's weights or the layer's inputs are not finite",
                       l->name);
    case FB_SINGULAR: break;
    }
    return fb_fail(err, FB_EMISMATCH,
                   "layer '%s': the sum of the Gram matrices is singular (input %jd of %jd depends "
                   "on those before it); take more examples or a smaller "
                   "reduce_non_diagonal_ratio, or exclude '%s%s'",
                   l->name, (intmax_t)s->pivot, (intmax_t)l->in, l->name, suffix);
}

static int solve_some(struct fb_regression *r, int64_t first, int count, struct fb_err *err) {
    struct fb_system s[SOLVED_AT_ONCE];
    int rc;

    for (int i = 0; i < count; i++) {
        struct fb_regression_layer *l = &r->layer[first + i];
        s[i] = (struct fb_system){.a = l->a, .b = l->b, .x = l->b, .n = l->in, .columns = l->out};
    }
    rc = fb_solve(s, count, err);
    for (int i = 0; i < count && !rc; i++)
        rc = check_solution(&r->layer[first + i], &s[i], r->merge->log, err);
    for (int i = 0; i < count; i++) {
        free(r->layer[first + i].a);
        r->layer[first + i].a = NULL;
    }
    return rc;
}

static int solve(struct fb_regression *r, struct fb_err *err) {
    struct fb_progress progress;
    int rc = FB_OK;

    fb_progress_begin(&progress, r->merge->log, "solve", "layers", r->layers);
    for (int64_t i = 0; !rc && i < r->layers; i += SOLVED_AT_ONCE) {
        int count = (int)(r->layers - i < SOLVED_AT_ONCE ? r->layers - i : SOLVED_AT_ONCE);
        rc = fb_interrupted(err);
        if (!rc) rc = solve_some(r, i, count, err);
        fb_progress_add(&progress, count);
    }
    fb_progress_end(&progress);
    return rc;
}

/* ---- everything ------------------------------------------------------------------------------ */

struct column {
    const struct fb_block *in;
    int64_t at;
};

static float column_value(const void *column, int row) {
    const struct column *c = column;

    return c->in->expert[row][c->at];
}

/* torch.stack(experts).mean(dim=0): the sum in torch's order (cascade.h), divided at the end. */
static void mean(const struct fb_block *in, float *out) {
    int64_t whole = in->key->numel - in->key->numel % FB_CASCADE_GROUP;
    struct fb_cascade cascade;

    for (int64_t at = 0; at < in->count; at += FB_CASCADE_WIDTH) {
        int64_t n = in->count - at < FB_CASCADE_WIDTH ? in->count - at : FB_CASCADE_WIDTH;
        const float *sum;
        fb_cascade_begin(&cascade, n, in->experts);
        for (int e = 0; e < in->experts; e++)
            fb_cascade_add(&cascade, in->expert[e] + at, n);
        sum = fb_cascade_end(&cascade, n);
        for (int64_t i = 0; i < n; i++) {
            struct column c = {in, at + i};
            float s =
                in->begin + at + i < whole ? sum[i] : fb_column_sum(column_value, &c, in->experts);
            out[at + i] = s / (float)in->experts;
        }
    }
}

static void copy_solution(const struct fb_regression_layer *l, bool out_in,
                          const struct fb_block *in, float *out) {
    if (!out_in) {
        memcpy(out, l->b + in->begin, (size_t)in->count * sizeof *out);
        return;
    }
    for (int64_t i = 0; i < in->count; i++) {
        int64_t row = (in->begin + i) / l->in, col = (in->begin + i) % l->in;
        out[i] = l->b[col * l->out + row];
    }
}

static void merge_block(const void *state, const struct fb_block *in, float *out) {
    const struct fb_regression *r = state;
    int64_t layer = r->layer_of[in->key_index];

    if (r->excluded[in->key_index]) memcpy(out, in->base, (size_t)in->count * sizeof *out);
    else if (layer >= 0) copy_solution(&r->layer[layer], r->out_in, in, out);
    else mean(in, out);
}

int fb_regression_merge(struct fb_regression *r, struct fb_err *err) {
    fb_grams_free(&r->grams);
    if (solve(r, err)) return err->code;
    r->merge->model = fb_pool_base(r->merge->pool, err);
    return fb_merge_each(r->merge, true, merge_block, r, err);
}
