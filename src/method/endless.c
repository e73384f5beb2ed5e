#include "method/endless.h"

static int begin_epoch(struct fb_endless *e, struct fb_err *err) {
    const struct fb_trainset_order order = {.examples = e->batches * e->batch_size,
                                            .batch_size = e->batch_size,
                                            .shuffle = true,
                                            .epoch = e->epoch++};
    int rc;

    fb_examples_free(&e->examples);
    e->at = 0;
    if (fb_trainset_pick(e->set, e->expert, &order, &e->examples, err)) return err->code;
    rc = e->prompts
             ? fb_examples_encode_prompts(&e->examples, e->set->encoder, FB_TRAINSET_TOKENS, err)
             : fb_examples_encode(&e->examples, e->set->encoder, FB_TRAINSET_TOKENS, e->pad, err);
    if (!rc) return FB_OK;
    return fb_context(err, "expert '%s'",
                      fb_pool_model_name(e->set->pool, fb_pool_expert(e->set->pool, e->expert)));
}

int fb_endless_next(struct fb_endless *e, struct fb_sequences *out, struct fb_err *err) {
    int64_t left;

    if (e->at >= e->examples.count && begin_epoch(e, err)) return err->code;
    left = e->examples.count - e->at;
    *out = fb_examples_inputs(&e->examples);
    out->offset += e->at;
    out->count = left < e->batch_size ? left : e->batch_size;
    e->at += out->count;
    e->batches--;
    return FB_OK;
}

void fb_endless_free(struct fb_endless *e) {
    fb_examples_free(&e->examples);
}
