/* adaptation.c - see adaptation.h; formulas in adamerging.c. */
#include "method/adaptation.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "kernel/adamw.h"
#include "method/each.h"
#include "method/endless.h"
#include "method/min_norm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 8 };

/* ---- the derivative by the weights ----------------------------------------------------------- */

/* <gradient, expert - base> in eight interleaved sums. */
FB_CLONES static double dot(const float *gradient, const float *expert, const float *base,
                            int64_t n) {
    double lane[LANES] = {0}, sum = 0;
    int64_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            lane[k] += (double)gradient[i + k] * (double)(expert[i + k] - base[i + k]);
    for (; i < n; i++)
        lane[i % LANES] += (double)gradient[i] * (double)(expert[i] - base[i]);
    for (int k = 0; k < LANES; k++)
        sum += lane[k];
    return sum;
}

/* Products of each block, which are added up when all are there: threads change nothing. */
struct products {
    const struct fb_grad *const *grad; /* [keys] */
    int64_t *key;                      /* [blocks] */
    double *value;                     /* [blocks, experts] */
};

/* <gradient, expert - base> over a block. Of an embedding only the rows that tokens used count. */
static double block_product(const struct fb_grad *grad, const struct fb_block *in, int expert) {
    const float *x = in->expert[expert];
    int64_t end = in->begin + in->count, cols = grad->cols;
    double sum = 0;

    if (!grad->is_table) return dot(grad->data + in->begin, x, in->base, in->count);
    for (int64_t row = in->begin / cols; row * cols < end; row++) {
        int64_t from = row * cols > in->begin ? row * cols : in->begin;
        int64_t to = (row + 1) * cols < end ? (row + 1) * cols : end, at = from - in->begin;
        if (grad->marked[row]) sum += dot(grad->data + from, x + at, in->base + at, to - from);
    }
    return sum;
}

static void scan_block(void *accumulator, const void *state, const struct fb_block *in) {
    const struct products *p = accumulator;
    const struct fb_grad *grad = p->grad[in->key_index];

    (void)state;
    p->key[in->index] = in->key_index;
    for (int e = 0; e < in->experts; e++)
        p->value[in->index * in->experts + e] = grad ? block_product(grad, in, e) : 0;
}

/* ---- learning -------------------------------------------------------------------------------- */

struct adaptation {
    const struct fb_adaptation *how;
    struct fb_merge quiet; /* loops over the models without a line for each, in default blocks */
    const struct fb_log *log;
    struct fb_merging_weights *weights;
    struct fb_weights merged;
    struct fb_adapted model;
    struct fb_trainset set;
    struct fb_endless *stream;   /* [experts] */
    struct products products;    /* of the model's gradients */
    void **accumulator;          /* [threads]: &products */
    double *slope;               /* [tasks or 1][experts, tensors] */
    float *gradient, *avg, *sqr; /* [experts, tensors] */
    double loss;                 /* of the last step */
};

static int64_t count_of(const struct adaptation *a) {
    return a->weights->experts * a->weights->tensors;
}

static int open_sums(struct adaptation *a, struct fb_err *err) {
    int64_t keys = a->weights->tensors, blocks = fb_each_blocks(&a->quiet);
    size_t count = (size_t)count_of(a), threads = (size_t)fb_each_threads();
    size_t tasks = a->how->mgda ? (size_t)a->weights->experts : 1;
    const struct fb_grad **grad = fb_calloc((size_t)keys, sizeof *grad, err);

    a->products.grad = grad;
    a->products.key = fb_calloc((size_t)blocks, sizeof *a->products.key, err);
    a->products.value =
        fb_calloc((size_t)(blocks * a->weights->experts), sizeof *a->products.value, err);
    a->accumulator = fb_calloc(threads, sizeof *a->accumulator, err);
    a->slope = fb_calloc(tasks * count, sizeof *a->slope, err);
    a->gradient = fb_calloc(count, sizeof *a->gradient, err);
    a->avg = fb_calloc(count, sizeof *a->avg, err);
    a->sqr = fb_calloc(count, sizeof *a->sqr, err);
    if (!grad || !a->products.key || !a->products.value || !a->accumulator || !a->slope ||
        !a->gradient || !a->avg || !a->sqr)
        return err->code;
    for (int64_t k = 0; k < keys; k++)
        grad[k] = fb_grads_find(&a->model.grads, fb_pool_key(a->quiet.pool, k)->name);
    for (size_t t = 0; t < threads; t++)
        a->accumulator[t] = &a->products;
    return FB_OK;
}

static int open_streams(struct adaptation *a, struct fb_err *err) {
    int experts = a->weights->experts;

    if (fb_trainset_open(&a->set, &a->quiet, &a->how->data, err)) return err->code;
    if (!(a->stream = fb_calloc((size_t)experts, sizeof *a->stream, err))) return err->code;
    for (int i = 0; i < experts; i++)
        a->stream[i] = (struct fb_endless){.set = &a->set,
                                           .expert = i,
                                           .batch_size = a->how->batch_size,
                                           .batches = a->how->steps,
                                           .prompts = a->how->kind == FB_ADAPT_T5,
                                           .pad = a->model.pad ? a->model.pad[i] : -1};
    return FB_OK;
}

static int open_merged(struct adaptation *a, struct fb_err *err) {
    for (int64_t k = 0; k < a->weights->tensors; k++) {
        const struct fb_pool_key *key = fb_pool_key(a->quiet.pool, k);
        if (!fb_weights_add(&a->merged, key->name, key->ndim, key->shape, err)) return err->code;
    }
    return fb_merge_into(&a->quiet, &a->merged, true, fb_merging_weights_block, a->weights, err);
}

static int begin(struct adaptation *a, struct fb_err *err) {
    if (open_merged(a, err) ||
        fb_adapted_open(&a->model, a->how->kind, a->quiet.pool, &a->merged, err) ||
        open_streams(a, err))
        return err->code;
    return open_sums(a, err);
}

static void end(struct adaptation *a) {
    for (int i = 0; a->stream && i < a->weights->experts; i++)
        fb_endless_free(&a->stream[i]);
    free(a->stream);
    fb_trainset_close(&a->set);
    fb_adapted_close(&a->model);
    fb_weights_free(&a->merged);
    free((void *)(uintptr_t)a->products.grad);
    free(a->products.key);
    free(a->products.value);
    free(a->accumulator);
    free(a->slope);
    free(a->gradient);
    free(a->avg);
    free(a->sqr);
}

/* slope[i, k] = dL/dw_i[k] of what has been added to the model's gradients; they begin anew. */
static int take_slope(struct adaptation *a, double *slope, struct fb_err *err) {
    int experts = a->weights->experts;
    int64_t tensors = a->weights->tensors, blocks = fb_each_blocks(&a->quiet);

    if (fb_scan_each(&a->quiet, "gradients", true, scan_block, NULL, a->accumulator, err))
        return err->code;
    memset(slope, 0, (size_t)count_of(a) * sizeof *slope);
    for (int64_t b = 0; b < blocks; b++)
        for (int e = 0; e < experts; e++)
            slope[e * tensors + a->products.key[b]] += a->products.value[b * experts + e];
    for (int e = 0; e < experts; e++)
        for (int64_t k = 0; k < tensors; k++) {
            float w = a->weights->value[e * tensors + k];
            if (a->weights->clamp && (w < 0.0f || w > 1.0f)) slope[e * tensors + k] = 0;
        }
    fb_grads_zero(&a->model.grads);
    return FB_OK;
}

static int add_task(struct adaptation *a, int task, struct fb_err *err) {
    struct fb_sequences batch;
    double entropy;

    if (fb_interrupted(err) || fb_endless_next(&a->stream[task], &batch, err) ||
        fb_adapted_entropy(&a->model, task, &batch, &entropy, err))
        return err->code;
    a->loss += entropy;
    return FB_OK;
}

/* The sum of the tasks' gradients. */
static int sum_slopes(struct adaptation *a, struct fb_err *err) {
    for (int task = 0; task < a->weights->experts; task++)
        if (add_task(a, task, err)) return err->code;
    if (take_slope(a, a->slope, err)) return err->code;
    for (int64_t i = 0; i < count_of(a); i++)
        a->gradient[i] = (float)a->slope[i];
    return FB_OK;
}

static double product(const double *x, const double *y, int64_t n) {
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* Their shortest combination. */
static int combine_slopes(struct adaptation *a, struct fb_err *err) {
    int tasks = a->weights->experts;
    int64_t count = count_of(a);
    double *dots = fb_calloc((size_t)tasks * ((size_t)tasks + 1), sizeof *dots, err), *c;

    if (!dots) return err->code;
    c = dots + tasks * tasks;
    for (int i = 0; i < tasks && !err->code; i++)
        if (!add_task(a, i, err)) (void)!take_slope(a, a->slope + i * count, err);
    for (int i = 0; i < tasks && !err->code; i++)
        for (int j = 0; j < tasks; j++)
            dots[i * tasks + j] = product(a->slope + i * count, a->slope + j * count, count);
    if (!err->code && !fb_min_norm(c, dots, tasks, err))
        for (int64_t k = 0; k < count; k++) {
            double sum = 0;
            for (int i = 0; i < tasks; i++)
                sum += c[i] * a->slope[i * count + k];
            a->gradient[k] = (float)sum;
        }
    free(dots);
    return err->code;
}

static void move(struct adaptation *a, int64_t step) {
    const struct fb_adaptation *o = a->how;
    double t = (double)step;
    const struct fb_adamw_factors f = {
        .scale = 1.0f,
        .keep = a->how->decoupled ? (float)(1 - o->rate * o->weight_decay) : 1.0f,
        .first = (float)(1 - o->beta1),
        .beta2 = (float)o->beta2,
        .second = (float)(1 - o->beta2),
        .root = (float)sqrt(1 - pow(o->beta2, t)),
        .epsilon = (float)o->epsilon,
        .size = (float)-(o->rate / (1 - pow(o->beta1, t)))};

    for (int64_t i = 0; !a->how->decoupled && i < count_of(a); i++)
        a->gradient[i] += (float)o->weight_decay * a->weights->value[i];
    fb_adamw(a->weights->value, a->avg, a->sqr, a->gradient, count_of(a), &f);
}

static int take_step(struct adaptation *a, int64_t step, struct fb_err *err) {
    a->loss = 0;
    if (a->how->mgda ? combine_slopes(a, err) : sum_slopes(a, err)) return err->code;
    if (!isfinite(a->loss))
        return fb_fail(err, FB_EMISMATCH,
                       "the loss is not finite at step %jd; a smaller optimizer.lr may help",
                       (intmax_t)step);
    move(a, step);
    /* The model is not needed again after the last step. */
    if (step == a->how->steps) return FB_OK;
    if (fb_merge_into(&a->quiet, &a->merged, true, fb_merging_weights_block, a->weights, err))
        return err->code;
    return fb_adapted_refresh(&a->model, err);
}

/* "steps, loss 1.2345, weights 0.2981 to 0.3012" */
static void describe(char *text, size_t size, const struct adaptation *a) {
    float least = INFINITY, most = -INFINITY;

    for (int64_t i = 0; i < count_of(a); i++) {
        least = fminf(least, a->weights->value[i]);
        most = fmaxf(most, a->weights->value[i]);
    }
    snprintf(text, size, "steps, loss %.4f, weights %.4f to %.4f", a->loss, (double)least,
             (double)most);
}

static int run(struct adaptation *a, struct fb_err *err) {
    char text[96] = "steps";
    struct fb_progress progress;
    int rc = begin(a, err);

    if (rc) return rc;
    fb_progress_begin(&progress, a->log, "adamerging", text, a->how->steps);
    for (int64_t step = 1; !rc && step <= a->how->steps; step++) {
        if ((rc = take_step(a, step, err))) break;
        if (a->how->loss) a->how->loss[step - 1] = a->loss;
        describe(text, sizeof text, a);
        fb_detail(a->log, "step %jd: loss %.9g", (intmax_t)step, a->loss);
        fb_progress_add(&progress, 1);
    }
    fb_progress_end(&progress);
    if (!rc) fb_info(a->log, "adamerging: %jd %s", (intmax_t)a->how->steps, text);
    return rc;
}

int fb_adapt(struct fb_merging_weights *weights, const struct fb_adaptation *how,
             const struct fb_merge *merge, struct fb_err *err) {
    struct adaptation a = {.how = how, .quiet = *merge, .log = merge->log, .weights = weights};
    int rc;

    if (how->steps == 0) return FB_OK;
    a.quiet.log = NULL;
    a.quiet.block = 0;
    rc = run(&a, err);
    end(&a);
    return rc;
}
