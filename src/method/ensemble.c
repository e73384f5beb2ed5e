/* ensemble.c - the experts side by side: mean, weighted mean or maximum of their hidden states
 *
 * The options are known so that a run is refused by name; this build evaluates single models. */
#include "method/method.h"

#define UNAVAILABLE "not available in this build: it evaluates one model at a time"

struct simple_opts {
    const struct fb_node *device_map;
};

static const struct fb_opt simple_opts[] = {
    FB_OPT_NODE(struct simple_opts, device_map, "null", "accepted, without effect"),
    FB_OPT_END,
};

static const char *const simple_aliases[] = {"SimpleEnsembleAlgorithm", "EnsembleAlgorithm", NULL};

const struct fb_method fb_method_simple_ensemble = {
    .name = "simple_ensemble",
    .aliases = simple_aliases,
    .summary = "Average the hidden states of the experts.",
    .formula = "h = (h_1 + ... + h_n) / n",
    .opts = simple_opts,
    .opts_size = sizeof(struct simple_opts),
    .unavailable = UNAVAILABLE,
};

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

static const char *const weighted_aliases[] = {"WeightedEnsembleAlgorithm", NULL};

const struct fb_method fb_method_weighted_ensemble = {
    .name = "weighted_ensemble",
    .aliases = weighted_aliases,
    .summary = "Average the hidden states of the experts with given weights.",
    .formula = "h = w_1 h_1 + ... + w_n h_n",
    .opts = weighted_opts,
    .opts_size = sizeof(struct weighted_opts),
    .unavailable = UNAVAILABLE,
};

static const struct fb_opt max_opts[] = {FB_OPT_END};
static const char *const max_aliases[] = {"MaxModelPredictorAlgorithm", "MaxPredictorAlgorithm",
                                          NULL};

const struct fb_method fb_method_max_model_predictor = {
    .name = "max_model_predictor",
    .aliases = max_aliases,
    .summary = "Take the largest hidden value of all experts, element by element.",
    .formula = "h[j] = max_i h_i[j]",
    .opts = max_opts,
    .unavailable = UNAVAILABLE,
};
