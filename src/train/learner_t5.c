/* learner_t5.c - T5 that learns to answer text with text. */
#include "model/json_keys.h"
#include "train/init.h"
#include "train/learner.h"

static int configure(struct fb_learner *l, const struct fb_node *json, struct fb_err *err) {
    if (l->objective != FB_TEXT_TO_TEXT)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "T5 learns text-to-text; classes and running text need a GPT-2 model");
    if (fb_t5_config_read(&l->t5, json, err) ||
        fb_json_fraction(&l->initializer, "initializer_factor", 1.0, json, err))
        return err->code;
    l->width = l->t5.vocab_size;
    l->start = (int32_t)(l->t5.decoder_start_token_id >= 0 ? l->t5.decoder_start_token_id
                                                           : l->t5.pad_token_id);
    return FB_OK;
}

static int declare(struct fb_learner *l, struct fb_err *err) {
    return l->weights.names.count ? FB_OK : fb_t5_declare(&l->weights, &l->t5, err);
}

static void init(const struct fb_learner *l, struct fb_weight *w, uint64_t seed) {
    fb_init_t5(w, &l->t5, l->initializer, seed);
}

static int create(struct fb_learner *l, struct fb_err *err) {
    struct fb_t5 *m;

    if (fb_t5_create(&m, &l->t5, &l->weights, err)) return err->code;
    l->model = m;
    return FB_OK;
}

static int refresh(struct fb_learner *l, struct fb_err *err) {
    return l->adapter ? FB_OK : fb_t5_refresh(l->model, &l->weights, err);
}

static void release(struct fb_learner *l) {
    fb_t5_free(l->model);
}

static int grads(struct fb_learner *l, const struct fb_grads_filter *filter, struct fb_err *err) {
    return fb_t5_grads(&l->grads, l->model, filter, err);
}

static struct fb_linear *linear(struct fb_learner *l, const char *name) {
    return fb_t5_linear(l->model, name);
}

static struct fb_tensor *logits(struct fb_learner *l, const struct fb_group *group,
                                struct fb_graph *g, struct fb_err *err) {
    struct fb_tensor *x = fb_t5_forward(l->model, group->input, group->target, g, err);

    return x ? fb_t5_head(l->model, x, g, err) : NULL;
}

const struct fb_learner_type fb_learner_t5 = {
    .model_type = "t5",
    .pool = "AutoModelForSeq2SeqLMPool",
    .prefix = "",
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
