/* gpt2_regmean.c - W = (sum_i G_i)^-1 sum_i G_i W_i for linear layers, the mean for all else
 *
 * Jin et al., arXiv:2212.09849. The options are known so that a run is refused by name; the Gram
 * matrices G_i of the layers' inputs are not computed by this build. */
#include "method/method.h"

struct opts {
    struct fb_texts exclude_param_names_regex;
    int64_t num_regmean_examples, batch_size, num_workers, devices;
    double reduce_non_diagonal_ratio;
    bool weight_transpose;
    const char *cache_dir;
};

static const struct fb_opt opts[] = {
    FB_OPT_TEXTS(struct opts, exclude_param_names_regex, "[]", "keys that stay out of the merge"),
    FB_OPT_INT(struct opts, num_regmean_examples, "256", 1, 1e9, "training examples per expert"),
    FB_OPT_REAL(struct opts, reduce_non_diagonal_ratio, "0.6", 0, 1,
                "factor for the elements beside the diagonal"),
    FB_OPT_BOOL(struct opts, weight_transpose, "false", "weights are stored as [out, in]"),
    FB_OPT_TEXT(struct opts, cache_dir, "outputs", "accepted, without effect"),
    FB_OPT_INT(struct opts, batch_size, "32", 1, 65536, "examples of a forward pass"),
    FB_OPT_INT(struct opts, num_workers, "0", 0, 4096, "accepted, without effect"),
    FB_OPT_INT(struct opts, devices, "1", 1, 4096, "accepted, without effect"),
    FB_OPT_END,
};

static const char *const aliases[] = {"RegMeanAlgorithmForGPT2", NULL};

const struct fb_method fb_method_gpt2_regmean = {
    .name = "gpt2_regmean",
    .aliases = aliases,
    .summary = "Merge GPT-2 linear layers by regression on their inputs.",
    .formula = "W = (sum_i G_i)^-1 sum_i G_i W_i,   G_i = mean of x x^T over the layer's inputs",
    .cite = "arXiv:2212.09849",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .unavailable = "not available in this build: it needs the inputs of every layer",
};
