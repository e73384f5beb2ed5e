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

/* The input called `name`, added when it is new; -1 after a failure. */
static int64_t find_input(struct fb_regression *r, const char *name, int64_t n,
                          struct fb_err *err) {
    struct fb_regression_input *input;

    for (int64_t i = 0; i < r->inputs; i++)
        if (r->input[i].n == n && !strcmp(r->input[i].name, name)) return i;
    input = &r->input[r->inputs];
    input->n = n;
    if (!(input->name = fb_arena_printf(r->merge->arena, err, "%s", name))) return -1;
    return r->inputs++;
}

static int add_layer(struct fb_regression *r, const struct fb_regression_form *form, int64_t key,
                     struct fb_err *err) {
    const struct fb_pool_key *k = fb_pool_key(r->merge->pool, key);
    struct fb_regression_layer *l = &r->layer[r->layers];
    char *name = NULL;

    l->key = key;
    l->out = k->shape[r->out_in ? 0 : 1];
    l->name = fb_arena_printf(r->merge->arena, err, "%.*s",
                              (int)(strlen(k->name) - sizeof suffix + 1), k->name);
    if (!l->name || (form->input_of && !(name = form->input_of(l->name, err)))) return err->code;
    l->input = find_input(r, name ? name : l->name, k->shape[r->out_in ? 1 : 0], err);
    free(name);
    if (l->input < 0) return err->code;
    l->column = r->input[l->input].columns;
    r->input[l->input].columns += l->out;
    r->layer_of[key] = r->layers++;
    return FB_OK;
}

static bool is_layer(const struct fb_regression *r, const struct fb_regression_form *form,
                     int64_t key) {
    const struct fb_pool_key *k = fb_pool_key(r->merge->pool, key);

    return k->ndim == 2 && k->numel && !r->excluded[key] && fb_ends_with(k->name, suffix) &&
           form->wants(r->merge->pool, k);
}

static int find_layers(struct fb_regression *r, const struct fb_regression_form *form,
                       struct fb_err *err) {
    struct fb_arena *arena = r->merge->arena;
    size_t keys = (size_t)fb_pool_keys(r->merge->pool);

    r->layer = fb_arena_calloc(arena, keys, sizeof *r->layer, err);
    r->input = fb_arena_calloc(arena, keys, sizeof *r->input, err);
    r->layer_of = fb_arena_calloc(arena, keys, sizeof *r->layer_of, err);
    if (!r->layer || !r->input || !r->layer_of) return err->code;
    for (size_t k = 0; k < keys; k++) {
        r->layer_of[k] = -1;
        if (is_layer(r, form, (int64_t)k) && add_layer(r, form, (int64_t)k, err)) return err->code;
    }
    if (r->layers) return FB_OK;
    return fb_fail(err, FB_EMISMATCH,
                   "the models have no linear layer that is not excluded; simple_average merges "
                   "such models");
}

static int open_input(struct fb_regression_input *input, struct fb_err *err) {
    size_t n = (size_t)input->n, columns = (size_t)input->columns;

    if (n > SIZE_MAX / sizeof(float) / n || columns > SIZE_MAX / sizeof(float) / n)
        return fb_fail(err, FB_ENOMEM, "out of memory: layer '%s' has %jd inputs", input->name,
                       (intmax_t)input->n);
    if (!(input->a = fb_calloc(n * n, sizeof *input->a, err)) ||
        !(input->b = fb_calloc(n * columns, sizeof *input->b, err)))
        return err->code;
    return FB_OK;
}

static int open_inputs(struct fb_regression *r, struct fb_err *err) {
    struct fb_gram *gram = fb_arena_calloc(r->merge->arena, (size_t)r->inputs, sizeof *gram, err);

    if (!gram) return err->code;
    for (int64_t i = 0; i < r->inputs; i++) {
        gram[i].layer = r->input[i].name;
        gram[i].n = r->input[i].n;
        if (open_input(&r->input[i], err)) return err->code;
    }
    return fb_grams_open(&r->grams, gram, r->inputs, err);
}

int fb_regression_open(struct fb_regression *out, struct fb_merge *merge,
                       const struct fb_regression_form *form, struct fb_err *err) {
    *out =
        (struct fb_regression){.merge = merge, .out_in = form->out_in, .ratio = (float)form->ratio};
    if (fb_each_align(merge, true, err) ||
        fb_exclude_find(&out->excluded, form->exclude, merge->pool, merge->arena, err) ||
        find_layers(out, form, err) || open_inputs(out, err)) {
        fb_regression_free(out);
        return err->code;
    }
    return FB_OK;
}

void fb_regression_free(struct fb_regression *r) {
    for (int64_t i = 0; i < r->inputs; i++) {
        free(r->input[i].a);
        free(r->input[i].b);
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
    int64_t n = r->input[l->input].n, numel = n * l->out;
    const float *w = fb_pool_block(r->merge->pool, model, l->key, 0, numel, room, err);

    if (!w || !r->out_in) return w;
    transpose(room + numel, w, l->out, n);
    return room + numel;
}

/* a += G' */
static void add_input(const struct fb_regression *r, int64_t i) {
    float *g = r->grams.item[i].matrix, *a = r->input[i].a;
    int64_t n = r->input[i].n;

    reduce(g, n, r->ratio);
    for (int64_t k = 0; k < n * n; k++)
        a[k] += g[k];
}

/* b += G' W, which is G'^T W. */
static int add_weight(const struct fb_regression *r, const struct fb_regression_layer *l, int model,
                      float *room, struct fb_err *err) {
    const struct fb_regression_input *input = &r->input[l->input];
    const float *w = read_weight(r, l, model, room, err);
    const struct fb_outer product = {.c = input->b + l->column,
                                     .ldc = input->columns,
                                     .x = r->grams.item[l->input].matrix,
                                     .ldx = input->n,
                                     .y = w,
                                     .ldy = l->out,
                                     .rows = input->n,
                                     .m = input->n,
                                     .n = l->out,
                                     .into = FB_OUTER_ADD};

    return w ? fb_outer(&product, err) : err->code;
}

int fb_regression_add(struct fb_regression *r, int model, struct fb_err *err) {
    int64_t most = 0;
    float *room;
    int rc = FB_OK;

    for (int64_t i = 0; i < r->layers; i++) {
        int64_t numel = fb_pool_key(r->merge->pool, r->layer[i].key)->numel;
        if (numel > most) most = numel;
    }
    if (!(room = fb_calloc((size_t)most, 2 * sizeof *room, err))) return err->code;
    for (int64_t i = 0; i < r->inputs; i++)
        add_input(r, i);
    for (int64_t i = 0; !rc && i < r->layers; i++) {
        rc = fb_interrupted(err);
        if (!rc) rc = add_weight(r, &r->layer[i], model, room, err);
    }
    fb_grams_clear(&r->grams);
    free(room);
    return rc;
}

/* ---- solution -------------------------------------------------------------------------------- */

static int check_solution(const struct fb_regression_input *l, const struct fb_system *s,
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
                   l->name, (intmax_t)s->pivot, (intmax_t)l->n, l->name, suffix);
}

static int solve_some(struct fb_regression *r, int64_t first, int count, struct fb_err *err) {
    struct fb_system s[SOLVED_AT_ONCE];
    int rc;

    for (int i = 0; i < count; i++) {
        struct fb_regression_input *l = &r->input[first + i];
        s[i] =
            (struct fb_system){.a = l->a, .b = l->b, .x = l->b, .n = l->n, .columns = l->columns};
    }
    rc = fb_solve(s, count, err);
    for (int i = 0; i < count && !rc; i++)
        rc = check_solution(&r->input[first + i], &s[i], r->merge->log, err);
    for (int i = 0; i < count; i++) {
        free(r->input[first + i].a);
        r->input[first + i].a = NULL;
    }
    return rc;
}

static int solve(struct fb_regression *r, struct fb_err *err) {
    struct fb_progress progress;
    int rc = FB_OK;

    fb_progress_begin(&progress, r->merge->log, "solve", "systems", r->inputs);
    for (int64_t i = 0; !rc && i < r->inputs; i += SOLVED_AT_ONCE) {
        int count = (int)(r->inputs - i < SOLVED_AT_ONCE ? r->inputs - i : SOLVED_AT_ONCE);
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

static void copy_solution(const struct fb_regression *r, const struct fb_regression_layer *l,
                          const struct fb_block *in, float *out) {
    const struct fb_regression_input *from = &r->input[l->input];

    for (int64_t i = 0; i < in->count; i++) {
        int64_t at = in->begin + i, width = r->out_in ? from->n : l->out;
        int64_t row = at / width, column = at % width;
        out[i] = r->out_in ? from->b[column * from->columns + l->column + row]
                           : from->b[row * from->columns + l->column + column];
    }
}

static void merge_block(const void *state, const struct fb_block *in, float *out) {
    const struct fb_regression *r = state;
    int64_t layer = r->layer_of[in->key_index];

    if (r->excluded[in->key_index]) memcpy(out, in->base, (size_t)in->count * sizeof *out);
    else if (layer >= 0) copy_solution(r, &r->layer[layer], in, out);
    else mean(in, out);
}

int fb_regression_merge(struct fb_regression *r, struct fb_err *err) {
    fb_grams_free(&r->grams);
    if (solve(r, err)) return err->code;
    r->merge->model = fb_pool_base(r->merge->pool, err);
    return fb_merge_each(r->merge, true, merge_block, r, err);
}
