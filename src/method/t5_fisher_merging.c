/* t5_fisher_merging.c - Fisher merging of T5 models (fisher.h)
 *
 * Matena and Raffel, arXiv:2111.09832. FusionBench has no such method: this is its GPT-2 method
 * carried over. The function of a batch that is differentiated by every tensor, the embedding and
 * lm_head among them, is the log-likelihood of the right answers (teacher forcing):
 *
 *     L = sum over examples and tokens y_t of the answer of log p(y_t | prompt, y_1 .. y_{t-1})
 *
 * and not the sum over all of the vocabulary that the classifiers' method takes: its cross terms
 * between 32,000 words of next to no probability would outweigh the answer. */
#include "base/alloc.h"
#include "kernel/grad.h"
#include "method/fisher.h"
#include "model/t5.h"
#include "nn/tape.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENS = 256 }; /* of prompts, computed at once */

struct expert {
    const struct fb_examples *examples;
    struct fb_t5 *model;
    struct fb_weights weights; /* what the model borrows */
    int32_t *given;            /* ids that the decoder is given, beside examples->target_ids */
    struct fb_grads grads;
    struct fb_tape tape;
    struct fb_graph graph;
};

static int read_config(struct fb_t5_config *out, struct fb_pool *pool, int model,
                       struct fb_err *err) {
    const struct fb_node *json;

    if (fb_pool_config(pool, model, &json, err)) return err->code;
    return fb_t5_config_read(out, json, err);
}

static int check_expert(struct fb_pool *pool, int model, struct fb_err *err) {
    struct fb_t5_config config;

    return read_config(&config, pool, model, err);
}

static int encode(struct fb_examples *e, struct fb_pool *pool, int model,
                  struct fb_encoder *encoder, struct fb_err *err) {
    (void)pool;
    (void)model;
    if (fb_examples_encode_prompts(e, encoder, FB_TRAINSET_TOKENS, err)) return err->code;
    return fb_examples_encode_targets(e, encoder, FB_TRAINSET_TOKENS, err);
}

static void close_expert(void *self) {
    struct expert *x = self;

    if (!x) return;
    fb_graph_free(&x->graph);
    fb_tape_free(&x->tape);
    fb_grads_free(&x->grads);
    fb_t5_free(x->model);
    fb_weights_free(&x->weights);
    free(x->given);
    free(x);
}

static int open_expert(void **out, struct fb_pool *pool, int model, const struct fb_examples *e,
                       struct fb_err *err) {
    struct expert *x = fb_calloc(1, sizeof *x, err);
    struct fb_t5_config config;

    *out = NULL;
    if (!x) return err->code;
    x->examples = e;
    x->tape.grads = &x->grads;
    x->graph.tape = &x->tape;
    if (read_config(&config, pool, model, err) || fb_pool_load(pool, model, &x->weights, err) ||
        fb_t5_create_from(&x->model, &config, &x->weights, err) ||
        fb_t5_grads(&x->grads, x->model, NULL, err) ||
        !(x->given = fb_examples_decoder_ids(e, (int32_t)config.decoder_start_token_id, err))) {
        close_expert(x);
        return err->code;
    }
    *out = x;
    return FB_OK;
}

/* Prompts, what the decoder is given for them, and what it should answer: `label`. */
static int pass(struct expert *x, const struct fb_batch *prompts, const struct fb_batch *given,
                const int32_t *label, struct fb_err *err) {
    struct fb_tensor *states = fb_t5_forward(x->model, prompts, given, &x->graph, err);
    struct fb_tensor *z = states ? fb_t5_head(x->model, states, &x->graph, err) : NULL;

    if (!z) return err->code;
    fb_softmax_cross_entropy(z->data, z->data, label, z->rows, z->cols, 1.0f);
    return fb_backward(&x->graph, z, z->data, err);
}

static int run_batch(void *self, const struct fb_batch *prompts, int64_t first,
                     struct fb_err *err) {
    struct expert *x = self;
    struct fb_sequences all = fb_examples_targets(x->examples);
    struct fb_sequences mine = {prompts->sequences, x->given, all.offset + first};
    struct fb_batches given = {0};
    int rc = fb_batches_plan_unshared(&given, &mine, INT64_MAX, INT64_MAX, err);

    if (!rc) rc = pass(x, prompts, &given.batch[0], all.id + all.offset[first], err);
    fb_batches_free(&given);
    return rc;
}

static struct fb_grads *grads_of(void *self) {
    struct expert *x = self;

    return &x->grads;
}

static int derive(void *self, int64_t first, int64_t count, struct fb_err *err) {
    struct expert *x = self;
    const struct fb_fisher_pass pass = {&x->grads, x->examples, TOKENS, run_batch};

    return fb_fisher_derive(&pass, x, first, count, err);
}

static const struct fb_fisher_kind kind = {
    .name = "t5_fisher_merging",
    .data = {"train_datasets", "google/flan-t5-base"},
    .check = check_expert,
    .encode = encode,
    .open = open_expert,
    .close = close_expert,
    .grads = grads_of,
    .derive = derive,
};

static int check(const void *options, const struct fb_merge *merge, struct fb_err *err) {
    if (fb_trainset_need_t5(merge->pool, err)) return err->code;
    return fb_fisher_check(&kind, options, merge, err);
}

static int run(const void *options, struct fb_merge *merge, struct fb_err *err) {
    return fb_fisher_run(&kind, options, merge, err);
}

static const char *const aliases[] = {"FisherMergingAlgorithmForT5", NULL};

const struct fb_method fb_method_t5_fisher_merging = {
    .name = "t5_fisher_merging",
    .aliases = aliases,
    .summary = "Average T5 experts weighted by their Fisher information.",
    .formula = "out = sum_i c_i (F_i + eps) expert_i / sum_i c_i (F_i + eps)",
    .cite = "arXiv:2111.09832",
    .opts = fb_fisher_opts,
    .opts_size = sizeof(struct fb_fisher_opts),
    .check = check,
    .run = run,
};
