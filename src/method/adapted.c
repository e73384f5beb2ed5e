#include "method/adapted.h"

#include "base/alloc.h"
#include "method/entropy.h"
#include "pool/gpt2_head.h"

#include <stdlib.h>

/* What the decoder of T5 is given: the reference asks for the token after this one, which is </s>
 * and not the start token that generation begins with. */
enum { DECODER_TOKEN = 1 };

static int open_heads(struct fb_adapted *a, struct fb_pool *pool, int64_t n_embd,
                      struct fb_err *err) {
    int experts = fb_pool_experts(pool);

    a->head = fb_calloc((size_t)experts, sizeof *a->head, err);
    a->pad = fb_calloc((size_t)experts, sizeof *a->pad, err);
    if (!a->head || !a->pad) return err->code;
    for (; a->heads < experts; a->heads++) {
        const char *name = fb_pool_model_name(pool, fb_pool_expert(pool, a->heads));
        struct fb_gpt2_head head;
        int rc = fb_gpt2_head_load(&head, pool, name, n_embd, err);
        if (!rc) rc = fb_gpt2_head(&a->head[a->heads], &head.score, n_embd, err);
        a->pad[a->heads] = (int32_t)head.config.pad_token_id;
        fb_gpt2_head_free(&head);
        if (rc) return fb_context(err, "expert '%s'", name);
    }
    return FB_OK;
}

static int open_gpt2(struct fb_adapted *a, struct fb_pool *pool, const struct fb_node *json,
                     struct fb_err *err) {
    struct fb_gpt2_config config;

    if (fb_gpt2_config_read(&config, json, err) ||
        fb_gpt2_create(&a->gpt2, &config, a->weights, err) ||
        fb_gpt2_grads(&a->grads, a->gpt2, NULL, err))
        return err->code;
    return open_heads(a, pool, config.n_embd, err);
}

static int open_t5(struct fb_adapted *a, const struct fb_node *json, struct fb_err *err) {
    struct fb_t5_config config;

    if (fb_t5_config_read(&config, json, err)) return err->code;
    if (config.vocab_size <= DECODER_TOKEN)
        return fb_fail(err, FB_EMISMATCH, "a vocabulary of %jd has no token %d",
                       (intmax_t)config.vocab_size, DECODER_TOKEN);
    if (fb_t5_create(&a->t5, &config, a->weights, err)) return err->code;
    return fb_t5_grads(&a->grads, a->t5, NULL, err);
}

int fb_adapted_open(struct fb_adapted *out, enum fb_adapted_kind kind, struct fb_pool *pool,
                    const struct fb_weights *weights, struct fb_err *err) {
    int base = fb_pool_base(pool, err);
    const struct fb_node *json;
    int rc = base < 0 ? err->code : fb_pool_config(pool, base, &json, err);

    *out = (struct fb_adapted){.kind = kind, .weights = weights};
    if (!rc) rc = kind == FB_ADAPT_GPT2 ? open_gpt2(out, pool, json, err) : open_t5(out, json, err);
    if (rc) {
        fb_adapted_close(out);
        return rc;
    }
    fb_grads_zero(&out->grads);
    return FB_OK;
}

void fb_adapted_close(struct fb_adapted *a) {
    for (int i = 0; i < a->heads; i++)
        fb_packed_free(&a->head[i].weight);
    free(a->head);
    free(a->pad);
    fb_gpt2_free(a->gpt2);
    fb_t5_free(a->t5);
    fb_graph_free(&a->graph);
    fb_tape_free(&a->tape);
    fb_grads_free(&a->grads);
    fb_arena_free(&a->step);
    *a = (struct fb_adapted){0};
}

int fb_adapted_refresh(struct fb_adapted *a, struct fb_err *err) {
    fb_tape_forget_weights(&a->tape);
    return a->gpt2 ? fb_gpt2_refresh(a->gpt2, a->weights, err)
                   : fb_t5_refresh(a->t5, a->weights, err);
}

/* One token for each sequence. */
static int plan_targets(struct fb_batches *out, struct fb_arena *arena, int64_t count,
                        struct fb_err *err) {
    int32_t *id = fb_arena_calloc(arena, (size_t)count, sizeof *id, err);
    int64_t *offset = id ? fb_arena_calloc(arena, (size_t)count + 1, sizeof *offset, err) : NULL;

    if (!offset) return err->code;
    for (int64_t i = 0; i < count; i++) {
        id[i] = DECODER_TOKEN;
        offset[i + 1] = i + 1;
    }
    return fb_batches_plan_unshared(out, &(struct fb_sequences){count, id, offset}, count, count,
                                    err);
}

static struct fb_tensor *t5_logits(struct fb_adapted *a, const struct fb_batch *batch,
                                   struct fb_batches *targets, struct fb_err *err) {
    if (plan_targets(targets, &a->step, batch->sequences, err)) return NULL;
    return fb_t5_head(a->t5, fb_t5_forward(a->t5, batch, &targets->batch[0], &a->graph, err),
                      &a->graph, err);
}

int fb_adapted_entropy(struct fb_adapted *a, int expert, const struct fb_sequences *batch,
                       double *entropy, struct fb_err *err) {
    struct fb_batches inputs, targets = {0};
    struct fb_tensor *logits;
    float *dlogits;

    a->tape.grads = &a->grads;
    a->graph.tape = &a->tape;
    fb_arena_reset(&a->step);
    /* All of the batch at once: the entropy is that of its mean. */
    if (fb_batches_plan_unshared(&inputs, batch, INT64_MAX, batch->count, err)) return err->code;
    logits = a->gpt2 ? fb_op_linear(&a->graph,
                                    fb_gpt2_forward(a->gpt2, &inputs.batch[0], &a->graph, err),
                                    &a->head[expert], FB_LINEAR, NULL, err)
                     : t5_logits(a, &inputs.batch[0], &targets, err);
    dlogits = logits ? fb_arena_calloc(&a->step, (size_t)(logits->rows * logits->cols),
                                       sizeof *dlogits, err)
                     : NULL;
    if (dlogits && !fb_entropy(entropy, dlogits, logits, err))
        (void)!fb_backward(&a->graph, logits, dlogits, err);
    fb_batches_free(&inputs);
    fb_batches_free(&targets);
    return err->code;
}
