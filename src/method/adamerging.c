/* adamerging.c - layer-wise AdaMerging: theta = theta_0 + sum_i w_i tau_i with one weight for each
 * expert and tensor, learnt from examples without labels.
 *
 * Yang et al., arXiv:2310.02575, as the reference has it for GPT-2 and Flan-T5. A step draws a
 * batch of each expert's task and makes the merged model more decided about it:
 *     L = sum over tasks of the entropy of the mean logits (entropy.h)
 *     dL/dw_i[k] = <dL/dtheta[k], tau_i[k]>, 0 where the clamp holds
 *     w = Adam(w, dL/dw);   variant mgda: of the tasks' gradients the combination of least norm
 * Examples come in an order that the run's seed decides; the model is in eval mode. */
#include "method/adaptation.h"
#include "method/each.h"
#include "pool/gpt2_head.h"

#include <string.h>

/* ---- options --------------------------------------------------------------------------------- */

struct opts {
    const struct fb_node *optimizer, *dataloader_kwargs;
    double init_values;
    int64_t max_steps;
    const char *merging_weights_load_path, *merging_weights_save_path;
    const char *variant;
    bool clamp_weights, tie_weights, strict;
    const char *cache_dir;
};

#define OPTIONS(rate, batch, tied)                                                                 \
    {                                                                                              \
        FB_OPT_NODE(                                                                               \
            struct opts, optimizer, "null",                                                        \
            "torch.optim.Adam or AdamW with lr, betas, eps, weight_decay; null: Adam, lr " rate),  \
            FB_OPT_NODE(struct opts, dataloader_kwargs, "null",                                    \
                        "{batch_size, num_workers}: examples of a task in a step; null: " batch),  \
            FB_OPT_REAL(struct opts, init_values, "0.3", -100, 100,                                \
                        "every merging weight before the first step"),                             \
            FB_OPT_INT(struct opts, max_steps, "1000", 0, 1e9, "steps; one with fast_dev_run"),    \
            FB_OPT_TEXT(struct opts, merging_weights_load_path, "null",                            \
                        "take the weights from this file and learn nothing"),                      \
            FB_OPT_TEXT(struct opts, merging_weights_save_path, "null",                            \
                        "FILE.safetensors for the learnt weights; a name that does not begin "     \
                        "with / or . goes to the run's folder"),                                   \
            FB_OPT_TEXT(struct opts, variant, "null",                                              \
                        "mgda: descend along the shortest combination of the tasks' gradients"),   \
            FB_OPT_BOOL(struct opts, clamp_weights, "false", "use the weights clamped to [0, 1]"), \
            FB_OPT_BOOL(struct opts, tie_weights, tied,                                            \
                        "accepted, without effect: a tensor that modules share is one tensor"),    \
            FB_OPT_BOOL(struct opts, strict, "false", "accepted, without effect"),                 \
            FB_OPT_TEXT(struct opts, cache_dir, "outputs/cache", "accepted, without effect"),      \
            FB_OPT_END,                                                                            \
    }

static const struct fb_opt gpt2_opts[] = OPTIONS("1e-4", "16", "true");
static const struct fb_opt t5_opts[] = OPTIONS("1e-3", "4", "false");

struct optimizer {
    const char *_target_;
    double lr, eps, weight_decay;
    struct fb_reals betas;
};

static const struct fb_opt optimizer_opts[] = {
    FB_OPT_TEXT(struct optimizer, _target_, "torch.optim.Adam", "torch.optim.Adam or AdamW"),
    FB_OPT_REAL(struct optimizer, lr, "1e-3", 0, 1e3, "learning rate"),
    FB_OPT_REALS(struct optimizer, betas, "[0.9, 0.999]", 0, 1, "decay of the running means"),
    FB_OPT_REAL(struct optimizer, eps, "1e-8", 0, 1, "added to the root of the squares' mean"),
    FB_OPT_REAL(struct optimizer, weight_decay, "0", 0, 1e3, "pull towards 0"),
    FB_OPT_END,
};

struct loader {
    int64_t batch_size, num_workers;
};

static const struct fb_opt loader_opts[] = {
    FB_OPT_INT(struct loader, batch_size, "1", 1, 1 << 20, "examples of a step"),
    FB_OPT_INT(struct loader, num_workers, "0", 0, 4096, "accepted, without effect"),
    FB_OPT_END,
};

static const char *const ignored[] = {"_recursive_", "shuffle", NULL};

/* What differs between the two methods. */
struct kind {
    enum fb_adapted_kind adapted;
    const char *backbone;
    struct fb_trainset_request data;
    double rate; /* without an optimizer or dataloader_kwargs */
    int64_t batch_size;
};

static const struct kind gpt2 = {FB_ADAPT_GPT2, "GPT2Model", {"test_datasets", "gpt2"}, 1e-4, 16};
static const struct kind t5 = {
    FB_ADAPT_T5, "T5ForConditionalGeneration", {"test_datasets", "google/flan-t5-base"}, 1e-3, 4};

static int read_optimizer(struct fb_adaptation *how, const struct fb_node *node,
                          struct fb_arena *arena, struct fb_err *err) {
    struct optimizer o;
    const char *name;

    if (fb_opts_read(optimizer_opts, &o, node, ignored, arena, err)) return err->code;
    name = strrchr(o._target_, '.');
    name = name ? name + 1 : o._target_;
    how->decoupled = !strcmp(name, "AdamW");
    if (!how->decoupled && strcmp(name, "Adam") != 0)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "_target_ '%s': expects torch.optim.Adam or torch.optim.AdamW", o._target_);
    if (o.betas.count != 2)
        return fb_fail(err, FB_ECONFIG, "betas: expects 2 numbers, found %jd",
                       (intmax_t)o.betas.count);
    how->rate = node ? o.lr : how->rate;
    how->beta1 = o.betas.item[0];
    how->beta2 = o.betas.item[1];
    how->epsilon = o.eps;
    how->weight_decay = o.weight_decay;
    return FB_OK;
}

static int read_settings(struct fb_adaptation *how, const struct kind *kind, const struct opts *o,
                         const struct fb_merge *merge, struct fb_err *err) {
    struct loader loader;

    *how = (struct fb_adaptation){.kind = kind->adapted,
                                  .data = kind->data,
                                  .steps = o->max_steps,
                                  .batch_size = kind->batch_size,
                                  .mgda = o->variant != NULL,
                                  .rate = kind->rate};
    if (merge->fast_dev_run && how->steps > 1) how->steps = 1;
    if (read_optimizer(how, o->optimizer, merge->arena, err)) return fb_context(err, "optimizer");
    if (!o->dataloader_kwargs) return FB_OK;
    if (fb_opts_read(loader_opts, &loader, o->dataloader_kwargs, ignored, merge->arena, err))
        return fb_context(err, "dataloader_kwargs");
    how->batch_size = loader.batch_size;
    return FB_OK;
}

/* NULL: none. Owned by the arena. */
static int save_path(const char **out, const struct opts *o, const struct fb_merge *merge,
                     struct fb_err *err) {
    const char *path = o->merging_weights_save_path;

    *out = path;
    if (!path || *path == '/' || *path == '.' || !merge->run_folder) return FB_OK;
    *out = fb_arena_printf(merge->arena, err, "%s/%s", merge->run_folder, path);
    return *out ? FB_OK : err->code;
}

static int check_pool(const struct kind *kind, struct fb_pool *pool, struct fb_err *err) {
    const struct fb_pool_type *type = fb_pool_kind(pool);
    int base = fb_pool_base(pool, err);

    if (base < 0) return err->code;
    if (!type->backbone || strcmp(type->backbone, kind->backbone) != 0)
        return fb_fail(err, FB_ECONFIG, "needs a pool of %s models, found %s", kind->backbone,
                       type->name);
    if (fb_pool_experts(pool) < 1)
        return fb_fail(err, FB_EMISMATCH, "the model pool has no expert, only special models");
    for (int i = 0; kind == &gpt2 && i < fb_pool_experts(pool); i++) {
        const char *name = fb_pool_model_name(pool, fb_pool_expert(pool, i));
        if (fb_gpt2_head_check(pool, name, err)) return fb_context(err, "expert '%s'", name);
    }
    return FB_OK;
}

/* Whether the file can be opened; its matrix is looked at when the models are known. */
static int check_file(const char *path, struct fb_err *err) {
    struct fb_ckpt *file = NULL;
    int rc = fb_ckpt_open(&file, path, err);

    fb_ckpt_close(file);
    return rc ? fb_context(err, "merging_weights_load_path") : FB_OK;
}

static int check(const struct kind *kind, const struct opts *o, const struct fb_merge *merge,
                 struct fb_err *err) {
    struct fb_adaptation how;
    const char *path;

    if (o->variant && strcmp(o->variant, "mgda") != 0)
        return fb_fail(err, FB_ECONFIG, "variant '%s': expects null or mgda", o->variant);
    if (read_settings(&how, kind, o, merge, err)) return err->code;
    if (o->merging_weights_load_path) return check_file(o->merging_weights_load_path, err);
    if (check_pool(kind, merge->pool, err) || save_path(&path, o, merge, err) ||
        (path && fb_merging_weights_check(path, err)))
        return err->code;
    return fb_trainset_check(merge, &kind->data, err);
}

/* ---- the method ------------------------------------------------------------------------------ */

static int learn(const struct kind *kind, const struct opts *o, struct fb_merge *merge,
                 struct fb_merging_weights *weights, struct fb_err *err) {
    struct fb_adaptation how;
    const char *path;

    if (read_settings(&how, kind, o, merge, err) || save_path(&path, o, merge, err) ||
        fb_adapt(weights, &how, merge, err))
        return err->code;
    if (!path) return FB_OK;
    if (fb_merging_weights_save(weights, path, err)) return err->code;
    fb_info(merge->log, "merging weights are in %s", path);
    return FB_OK;
}

static int run(const struct kind *kind, const struct opts *o, struct fb_merge *merge,
               struct fb_err *err) {
    struct fb_merging_weights weights = {0};
    int rc = fb_each_align(merge, true, err);

    if (!rc)
        rc =
            fb_merging_weights_create(&weights, merge->pool, o->init_values, o->clamp_weights, err);
    if (!rc)
        rc = o->merging_weights_load_path
                 ? fb_merging_weights_load(&weights, o->merging_weights_load_path, err)
                 : learn(kind, o, merge, &weights, err);
    if (!rc) rc = fb_merging_weights_show(&weights, merge->pool, merge->log, err);
    if (!rc) rc = fb_merge_each(merge, true, fb_merging_weights_block, &weights, err);
    /* The reference returns the base's object, all of whose parameters it has frozen. */
    if (!rc) merge->model = fb_pool_base(merge->pool, err);
    for (int64_t i = 0; !rc && i < merge->weights.names.count; i++)
        merge->weights.item[i].trainable = false;
    fb_merging_weights_free(&weights);
    return rc;
}

static int check_gpt2(const void *o, const struct fb_merge *merge, struct fb_err *err) {
    return check(&gpt2, o, merge, err);
}

static int run_gpt2(const void *o, struct fb_merge *merge, struct fb_err *err) {
    return run(&gpt2, o, merge, err);
}

static int check_t5(const void *o, const struct fb_merge *merge, struct fb_err *err) {
    return check(&t5, o, merge, err);
}

static int run_t5(const void *o, struct fb_merge *merge, struct fb_err *err) {
    return run(&t5, o, merge, err);
}

static const char *const gpt2_aliases[] = {"adamerging/layer_wise_gpt2",
                                           "GPT2LayerWiseAdaMergingAlgorithm", NULL};
static const char *const t5_aliases[] = {"adamerging/layer_wise_flan_t5",
                                         "FlanT5LayerWiseAdaMergingAlgorithm", NULL};
static const char formula[] =
    "out = base + sum_i w_i (expert_i - base),   one w_i for each tensor, "
    "learnt by making\n      the merged model's answers less uncertain";

const struct fb_method fb_method_layer_wise_gpt2 = {
    .name = "layer_wise_gpt2",
    .aliases = gpt2_aliases,
    .summary = "AdaMerging of GPT-2: learn the weight of each expert's tensor.",
    .formula = formula,
    .cite = "arXiv:2310.02575",
    .opts = gpt2_opts,
    .opts_size = sizeof(struct opts),
    .check = check_gpt2,
    .run = run_gpt2,
};

const struct fb_method fb_method_layer_wise_flan_t5 = {
    .name = "layer_wise_flan_t5",
    .aliases = t5_aliases,
    .summary = "AdaMerging of T5: learn the weight of each expert's tensor.",
    .formula = formula,
    .cite = "arXiv:2310.02575",
    .opts = t5_opts,
    .opts_size = sizeof(struct opts),
    .check = check_t5,
    .run = run_t5,
};
