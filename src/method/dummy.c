/* dummy.c - out = base
 *
 * The base model as it is, or the first expert where the pool has no base. */
#include "method/each.h"

static int run(const void *options, struct fb_merge *merge, struct fb_err *err) {
    int model = fb_pool_find(merge->pool, "_pretrained_");

    (void)options;
    if (model < 0) {
        if (fb_pool_experts(merge->pool) < 1)
            return fb_fail(err, FB_ENOTFOUND,
                           "the model pool has neither '_pretrained_' nor an expert");
        model = fb_pool_expert(merge->pool, 0);
        fb_warn(merge->log, "the model pool has no '_pretrained_' model; taking '%s'",
                fb_pool_model_name(merge->pool, model));
    }
    merge->model = model;
    return fb_merge_copy(merge, model, err);
}

static const struct fb_opt opts[] = {FB_OPT_END};
static const char *const aliases[] = {"DummyAlgorithm", NULL};

const struct fb_method fb_method_dummy = {
    .name = "dummy",
    .aliases = aliases,
    .summary = "Return the base model unchanged.",
    .formula = "out = base",
    .opts = opts,
    .run = run,
};
