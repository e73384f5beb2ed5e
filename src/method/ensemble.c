/* ensemble.c - the experts side by side: mean, weighted mean or maximum of their hidden states
 *
 * Nothing is merged: the result names the models, and the task pool combines their last hidden
 * states before it applies a task's head. The base model takes no part.
 *
 * Weights are f32 and, with `normalize`, divided by their f32 sum, as torch does; without weights
 * each is 1 / n. */
#include "method/each.h"
#include "method/expert_weights.h"

/* Fills in the models; their weights are the caller's. */
static int make(struct fb_merge *merge, enum fb_ensemble_rule rule, float *weight,
                struct fb_err *err) {
    int n = fb_pool_experts(merge->pool);
    int *model;

    if (fb_each_align(merge, false, err)) return err->code;
    if (!(model = fb_arena_calloc(merge->arena, (size_t)n, sizeof *model, err))) return err->code;
    for (int i = 0; i < n; i++)
        model[i] = fb_pool_expert(merge->pool, i);
    merge->model = model[0];
    merge->ensemble = (struct fb_ensemble){rule, n, model, weight};
    return FB_OK;
}

/* ---- mean ------------------------------------------------------------------------------------ */

struct simple_opts {
    const struct fb_node *device_map;
};

static const struct fb_opt simple_opts[] = {
    FB_OPT_NODE(struct simple_opts, device_map, "null", "accepted, without effect"),
    FB_OPT_END,
};

static int run_simple(const void *options, struct fb_merge *merge, struct fb_err *err) {
    (void)options;
    return make(merge, FB_ENSEMBLE_MEAN, NULL, err);
}

static const char *const simple_aliases[] = {"SimpleEnsembleAlgorithm", "EnsembleAlgorithm", NULL};

const struct fb_method fb_method_simple_ensemble = {
    .name = "simple_ensemble",
    .aliases = simple_aliases,
    .summary = "Average the hidden states of the experts.",
    .formula = "h = (h_1 + ... + h_n) / n",
    .opts = simple_opts,
    .opts_size = sizeof(struct simple_opts),
    .is_ensemble = true,
    .run = run_simple,
};

/* ---- weighted mean --------------------------------------------------------------------------- */

struct weighted_opts {
    bool normalize;
    struct fb_reals weights;
};

static const struct fb_opt weighted_opts[] = {
    FB_OPT_BOOL(struct weighted_opts, normalize, "true", "divide the weights by their sum"),
    FB_OPT_REALS(struct weighted_opts, weights, "null", -1e6, 1e6,
                 "one weight per expert; null: all equal"),
    FB_OPT_END,
};

static float sum_of(const struct fb_reals *weights) {
    float sum = 0;

    for (int64_t i = 0; i < weights->count; i++)
        sum += (float)weights->item[i];
    return sum;
}

static int check_weighted(const void *options, const struct fb_merge *merge, struct fb_err *err) {
    const struct weighted_opts *o = options;

    if (!o->weights.count) return FB_OK;
    return fb_expert_weights_check(&o->weights, (double)sum_of(&o->weights), o->normalize,
                                   fb_pool_experts(merge->pool), err);
}

static int run_weighted(const void *options, struct fb_merge *merge, struct fb_err *err) {
    const struct weighted_opts *o = options;
    int n = fb_pool_experts(merge->pool);
    float sum = sum_of(&o->weights);
    float *w = fb_arena_calloc(merge->arena, (size_t)(n ? n : 1), sizeof *w, err);

    if (!w || check_weighted(o, merge, err)) return err->code;
    for (int i = 0; i < n; i++) {
        w[i] = o->weights.count ? (float)o->weights.item[i] : 1.0f / (float)n;
        if (o->weights.count && o->normalize) w[i] /= sum;
    }
    return make(merge, FB_ENSEMBLE_WEIGHTED, w, err);
}

static const char *const weighted_aliases[] = {"WeightedEnsembleAlgorithm", NULL};

const struct fb_method fb_method_weighted_ensemble = {
    .name = "weighted_ensemble",
    .aliases = weighted_aliases,
    .summary = "Average the hidden states of the experts with given weights.",
    .formula = "h = w_1 h_1 + ... + w_n h_n",
    .opts = weighted_opts,
    .opts_size = sizeof(struct weighted_opts),
    .is_ensemble = true,
    .check = check_weighted,
    .run = run_weighted,
};

/* ---- maximum --------------------------------------------------------------------------------- */

static int run_max(const void *options, struct fb_merge *merge, struct fb_err *err) {
    (void)options;
    return make(merge, FB_ENSEMBLE_MAX, NULL, err);
}

static const struct fb_opt max_opts[] = {FB_OPT_END};
static const char *const max_aliases[] = {"MaxModelPredictorAlgorithm", "MaxPredictorAlgorithm",
                                          NULL};

const struct fb_method fb_method_max_model_predictor = {
    .name = "max_model_predictor",
    .aliases = max_aliases,
    .summary = "Take the largest hidden value of all experts, element by element.",
    .formula = "h[j] = max_i h_i[j]",
    .opts = max_opts,
    .is_ensemble = true,
    .run = run_max,
};
