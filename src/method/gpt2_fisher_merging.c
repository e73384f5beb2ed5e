/* gpt2_fisher_merging.c - out = sum_i c_i (F_i + eps) expert_i / sum_i c_i (F_i + eps)
 *
 * Matena and Raffel, arXiv:2111.09832. The options are known so that a run is refused by name; the
 * diagonal Fisher information F_i needs gradients, which this build does not compute. */
#include "method/method.h"

struct opts {
    struct fb_texts exclude_param_names_regex;
    bool normalize_fisher_weight;
    double minimal_fisher_weight;
    int64_t num_fisher_examples, batch_size, num_workers, devices;
    const char *cache_dir;
};

static const struct fb_opt opts[] = {
    FB_OPT_TEXTS(struct opts, exclude_param_names_regex, "[]", "keys that stay out of the merge"),
    FB_OPT_BOOL(struct opts, normalize_fisher_weight, "true",
                "divide each expert's Fisher weights by their norm"),
    FB_OPT_REAL(struct opts, minimal_fisher_weight, "1e-6", 0, 1, "added to every Fisher weight"),
    FB_OPT_INT(struct opts, num_fisher_examples, "256", 1, 1e9, "training examples per expert"),
    FB_OPT_TEXT(struct opts, cache_dir, "outputs", "accepted, without effect"),
    FB_OPT_INT(struct opts, batch_size, "32", 1, 65536, "examples whose gradients are summed"),
    FB_OPT_INT(struct opts, num_workers, "0", 0, 4096, "accepted, without effect"),
    FB_OPT_INT(struct opts, devices, "1", 1, 4096, "accepted, without effect"),
    FB_OPT_END,
};

static const char *const aliases[] = {"FisherMergingAlgorithmForGPT2", NULL};

const struct fb_method fb_method_gpt2_fisher_merging = {
    .name = "gpt2_fisher_merging",
    .aliases = aliases,
    .summary = "Average GPT-2 experts weighted by their Fisher information.",
    .formula = "out = sum_i c_i (F_i + eps) expert_i / sum_i c_i (F_i + eps)",
    .cite = "arXiv:2111.09832",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .unavailable = "not available in this build: it needs gradients",
};
