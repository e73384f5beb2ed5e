/* auto_model.c - any checkpoints: every tensor under its own name, in the order of the names. */
#include "pool/pool.h"

struct opts {
    const struct fb_node *models;
};

static const struct fb_opt opts[] = {
    FB_OPT_NODE(struct opts, models, "null", "the models: a list of {name, path} or a mapping"),
    FB_OPT_END,
};

static const char *canonical(const char *name) {
    return name;
}

static const char *const targets[] = {"fusion_bench.modelpool.AutoModelPool",
                                      "fusion_bench.modelpool.BaseModelPool", NULL};

const struct fb_pool_type fb_pool_auto_model = {
    .name = "AutoModelPool",
    .targets = targets,
    .summary = "Any checkpoints of the same architecture, tensor by tensor.",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .canonical = canonical,
};
