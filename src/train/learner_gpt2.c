/* learner_gpt2.c - GPT-2 that learns to classify, or to tell the next token. */
#include "base/alloc.h"
#include "model/json_keys.h"
#include "train/init.h"
#include "train/learner.h"

#include <string.h>

static int configure(struct fb_learner *l, const struct fb_node *json, struct fb_err *err) {
    if (l->objective == FB_TEXT_TO_TEXT)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "GPT-2 learns classes or running text; text-to-text needs a T5 model");
    if (fb_gpt2_config_read(&l->gpt2, json, err) ||
        fb_json_fraction(&l->initializer, "initializer_range", 0.02, json, err))
        return err->code;
    l->longest = l->gpt2.n_positions;
    if (l->objective == FB_LANGUAGE_MODEL) l->width = l->gpt2.vocab_size;
    else l->gpt2.num_labels = l->width;
    return FB_OK;
}

static int declare(struct fb_learner *l, struct fb_err *err) {
    const int64_t shape[] = {l->width, l->gpt2.n_embd};
    const struct fb_weight *score = fb_weights_find(&l->weights, "score.weight");

    if (!l->weights.names.count && fb_gpt2_declare(&l->weights, &l->gpt2, err)) return err->code;
    if (l->objective != FB_CLASSIFICATION) return FB_OK;
    if (score && (score->shape[0] != l->width || score->shape[1] != l->gpt2.n_embd))
        return fb_fail(err, FB_EMISMATCH,
                       "the model's score.weight is [%jd, %jd], the task needs [%jd, %jd]",
                       (intmax_t)score->shape[0], (intmax_t)score->shape[1], (intmax_t)l->width,
                       (intmax_t)l->gpt2.n_embd);
    return score || fb_weights_add(&l->weights, "score.weight", 2, shape, err) ? FB_OK : err->code;
}

static void init(const struct fb_learner *l, struct fb_weight *w, uint64_t seed) {
    fb_init_gpt2(w, &l->gpt2, l->initializer, seed);
}

/* The head of a language model is the embedding. */
static int pack_head(struct fb_learner *l, struct fb_err *err) {
    bool tied = l->objective == FB_LANGUAGE_MODEL;
    const struct fb_weight *w = fb_weights_find(&l->weights, tied ? "wte.weight" : "score.weight");

    if (l->head.weight.block) {
        fb_pack_again(&l->head.weight, w->data, FB_OUT_IN, NULL);
        return FB_OK;
    }
    if (fb_gpt2_head(&l->head, w, l->gpt2.n_embd, err)) return err->code;
    if (tied) l->head.name = "wte";
    return FB_OK;
}

static int create(struct fb_learner *l, struct fb_err *err) {
    struct fb_gpt2 *m;

    if (fb_gpt2_create(&m, &l->gpt2, &l->weights, err)) return err->code;
    l->model = m;
    return pack_head(l, err);
}

static int refresh(struct fb_learner *l, struct fb_err *err) {
    if (!l->adapter && fb_gpt2_refresh(l->model, &l->weights, err)) return err->code;
    return pack_head(l, err);
}

static void release(struct fb_learner *l) {
    fb_gpt2_free(l->model);
}

static int grads(struct fb_learner *l, const struct fb_grads_filter *filter, struct fb_err *err) {
    return fb_gpt2_grads(&l->grads, l->model, filter, err);
}

static struct fb_linear *linear(struct fb_learner *l, const char *name) {
    return fb_gpt2_linear(l->model, name);
}

static struct fb_tensor *logits(struct fb_learner *l, const struct fb_group *group,
                                struct fb_graph *g, struct fb_err *err) {
    struct fb_tensor *x = l->objective == FB_LANGUAGE_MODEL
                              ? fb_gpt2_states(l->model, group->input, g, err)
                              : fb_gpt2_forward(l->model, group->input, g, err);

    return fb_op_linear(g, x, &l->head, FB_LINEAR, NULL, err);
}

const struct fb_learner_type fb_learner_gpt2 = {
    .model_type = "gpt2",
    .pool = "HF_GPT2ForSequenceClassification",
    .prefix = "transformer.",
    .configure = configure,
    .declare = declare,
    .init = init,
    .create = create,
    .refresh = refresh,
    .release = release,
    .grads = grads,
    .linear = linear,
    .logits = logits,
};
