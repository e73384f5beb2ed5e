/* gpt2_fisher_merging.c - Fisher merging of GPT-2 classifiers (fisher.h)
 *
 * Matena and Raffel, arXiv:2111.09832, as MergeLM and FusionBench compute it. Expert i with its own
 * head gives logits z [examples, classes] and p = softmax(z); the function of a batch that is
 * differentiated by every tensor of the backbone, with sqrt(p) taken as a constant, is
 *
 *     L = sum over examples and classes of sqrt(p_c) log p_c
 *     dL / dz_j = sqrt(p_j) - p_j sum_c sqrt(p_c)
 *
 * Labels are not used. The head belongs to the task: it is not differentiated. */
#include "base/alloc.h"
#include "base/digest.h"
#include "method/fisher.h"
#include "nn/tape.h"
#include "pool/gpt2_head.h"

#include <math.h>
#include <stdlib.h>

enum { TOKENS = 512 }; /* computed at once: what is recorded of them takes 0.5 GB of full size */

struct expert {
    const struct fb_examples *examples;
    struct fb_gpt2 *model;
    struct fb_weights weights; /* what the model borrows */
    struct fb_gpt2_head head;
    struct fb_linear layer; /* the head as an operation */
    struct fb_grads grads;
    struct fb_tape tape;
    struct fb_graph graph;
};

static int check_expert(struct fb_pool *pool, int model, struct fb_err *err) {
    return fb_gpt2_head_check(pool, fb_pool_model_name(pool, model), err);
}

static int read_config(struct fb_gpt2_config *out, struct fb_pool *pool, int model,
                       struct fb_err *err) {
    const struct fb_node *json;

    if (fb_pool_config(pool, model, &json, err)) return err->code;
    return fb_gpt2_config_read(out, json, err);
}

static int encode(struct fb_examples *e, struct fb_pool *pool, int model,
                  struct fb_encoder *encoder, struct fb_err *err) {
    struct fb_gpt2_config config;

    if (read_config(&config, pool, model, err)) return err->code;
    return fb_examples_encode(e, encoder, FB_TRAINSET_TOKENS, (int32_t)config.pad_token_id, err);
}

static int load_head(struct fb_gpt2_head *head, struct fb_pool *pool, int model,
                     struct fb_err *err) {
    struct fb_gpt2_config config;

    if (read_config(&config, pool, model, err)) return err->code;
    return fb_gpt2_head_load(head, pool, fb_pool_model_name(pool, model), config.n_embd, err);
}

static int add_head(struct fb_digest *id, struct fb_pool *pool, int model, struct fb_err *err) {
    struct fb_gpt2_head head = {0};
    int rc = load_head(&head, pool, model, err);

    if (!rc) rc = fb_digest_add_int(id, head.labels, err);
    if (!rc) rc = fb_digest_add(id, head.score.data, (size_t)head.score.numel * sizeof(float), err);
    fb_gpt2_head_free(&head);
    return rc;
}

static void close_expert(void *self) {
    struct expert *x = self;

    if (!x) return;
    fb_graph_free(&x->graph);
    fb_tape_free(&x->tape);
    fb_grads_free(&x->grads);
    fb_packed_free(&x->layer.weight);
    fb_gpt2_head_free(&x->head);
    fb_gpt2_free(x->model);
    fb_weights_free(&x->weights);
    free(x);
}

static int open_expert(void **out, struct fb_pool *pool, int model, const struct fb_examples *e,
                       struct fb_err *err) {
    struct expert *x = fb_calloc(1, sizeof *x, err);
    struct fb_gpt2_config config;

    *out = NULL;
    if (!x) return err->code;
    x->examples = e;
    x->tape.grads = &x->grads;
    x->graph.tape = &x->tape;
    if (read_config(&config, pool, model, err) || fb_pool_load(pool, model, &x->weights, err) ||
        fb_gpt2_create_from(&x->model, &config, &x->weights, err) ||
        fb_gpt2_grads(&x->grads, x->model, NULL, err) || load_head(&x->head, pool, model, err) ||
        fb_gpt2_head(&x->layer, &x->head.score, config.n_embd, err)) {
        close_expert(x);
        return err->code;
    }
    *out = x;
    return FB_OK;
}

/* dL / dz of each row in place of z. */
static void derive_logits(float *z, int64_t rows, int64_t n) {
    for (int64_t r = 0; r < rows; r++, z += n) {
        double largest = z[0], sum = 0, roots = 0;
        for (int64_t j = 1; j < n; j++)
            if (z[j] > largest) largest = z[j];
        for (int64_t j = 0; j < n; j++)
            sum += exp(z[j] - largest);
        for (int64_t j = 0; j < n; j++)
            roots += sqrt(exp(z[j] - largest) / sum);
        for (int64_t j = 0; j < n; j++) {
            double p = exp(z[j] - largest) / sum;
            z[j] = (float)(sqrt(p) - p * roots);
        }
    }
}

static int run_batch(void *self, const struct fb_batch *batch, int64_t first, struct fb_err *err) {
    struct expert *x = self;
    struct fb_tensor *hidden = fb_gpt2_forward(x->model, batch, &x->graph, err);
    struct fb_tensor *z = fb_op_linear(&x->graph, hidden, &x->layer, FB_LINEAR, NULL, err);

    (void)first;
    if (!z) return err->code;
    derive_logits(z->data, z->rows, z->cols);
    return fb_backward(&x->graph, z, z->data, err);
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
    .name = "gpt2_fisher_merging",
    .data = {"train_datasets", "gpt2"},
    .check = check_expert,
    .encode = encode,
    .add_id = add_head,
    .open = open_expert,
    .close = close_expert,
    .grads = grads_of,
    .derive = derive,
};

static int check(const void *options, const struct fb_merge *merge, struct fb_err *err) {
    return fb_fisher_check(&kind, options, merge, err);
}

static int run(const void *options, struct fb_merge *merge, struct fb_err *err) {
    return fb_fisher_run(&kind, options, merge, err);
}

static const char *const aliases[] = {"FisherMergingAlgorithmForGPT2", NULL};

const struct fb_method fb_method_gpt2_fisher_merging = {
    .name = "gpt2_fisher_merging",
    .aliases = aliases,
    .summary = "Average GPT-2 experts weighted by their Fisher information.",
    .formula = "out = sum_i c_i (F_i + eps) expert_i / sum_i c_i (F_i + eps)",
    .cite = "arXiv:2111.09832",
    .opts = fb_fisher_opts,
    .opts_size = sizeof(struct fb_fisher_opts),
    .check = check,
    .run = run,
};
