/* t5_regmean.c - T5's linear layers by least squares over their inputs, the mean of all else
 *
 * Jin et al., arXiv:2212.09849. FusionBench has no such method: this is its GPT-2 method carried
 * over, with inputs of the encoder over the prompts' tokens and of the decoder over the answers'
 * (teacher forcing). There is no padding, and none enters the statistics.
 *
 * Layers that share an input share their Gram matrix: q, k and v of self-attention, wi_0 and wi_1,
 * and k and v of cross-attention in all blocks, which all see the encoder's states. lm_head is
 * averaged, as the embedding is, which it is in models that tie the two. */
#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/str.h"
#include "method/regmean.h"
#include "model/t5.h"

#include <stdlib.h>
#include <string.h>

static const struct fb_opt opts[] = {
    FB_REGMEAN_OPTS,
    FB_OPT_END,
};

enum { BATCH_TOKENS = 4096, BATCH_SEQUENCES = 256 };

static int encode(struct fb_regmean_expert *x, struct fb_err *err) {
    if (fb_examples_encode_prompts(&x->examples, x->encoder, FB_TRAINSET_TOKENS, err))
        return err->code;
    return fb_examples_encode_targets(&x->examples, x->encoder, FB_TRAINSET_TOKENS, err);
}

static int identify(struct fb_digest *id, const struct fb_regmean_expert *x, struct fb_err *err) {
    struct fb_t5_config c;
    int64_t numbers[5];

    if (fb_t5_config_read(&c, x->config, err)) return err->code;
    numbers[0] = c.num_heads;
    numbers[1] = c.activation;
    numbers[2] = c.gated;
    numbers[3] = c.relative_attention_max_distance;
    numbers[4] = c.decoder_start_token_id;
    if (fb_digest_add(id, numbers, sizeof numbers, err)) return err->code;
    return fb_digest_add(id, &c.layer_norm_epsilon, sizeof c.layer_norm_epsilon, err);
}

/* ---- forward --------------------------------------------------------------------------------- */

/* One batch of prompts and what the decoder is given for the same examples. */
static int run_batch(const struct fb_t5 *model, const struct fb_batch *prompts,
                     const struct fb_sequences *given, struct fb_graph *graph, struct fb_err *err) {
    const struct fb_sequences mine = {prompts->sequences, given->id,
                                      given->offset + prompts->sequence[0]};
    struct fb_batches answers = {0};
    int rc = fb_batches_plan_unshared(&answers, &mine, INT64_MAX, INT64_MAX, err);

    if (!rc) rc = fb_interrupted(err);
    if (!rc && !fb_t5_forward(model, prompts, &answers.batch[0], graph, err)) rc = err->code;
    fb_batches_free(&answers);
    return rc;
}

static int run_batches(struct fb_regmean_expert *x, const struct fb_t5 *model,
                       const struct fb_batches *prompts, const struct fb_sequences *given,
                       struct fb_err *err) {
    struct fb_graph graph = {.observer = x->observer};
    struct fb_progress progress;
    int rc = FB_OK;

    fb_progress_begin(&progress, x->log, fb_pool_model_name(x->pool, x->model), "examples",
                      x->examples.count);
    for (int64_t b = 0; !rc && b < prompts->count; b++) {
        rc = run_batch(model, &prompts->batch[b], given, &graph, err);
        fb_progress_add(&progress, prompts->batch[b].sequences);
    }
    fb_progress_end(&progress);
    fb_graph_free(&graph);
    return rc;
}

static int run_model(struct fb_regmean_expert *x, const struct fb_t5 *model, struct fb_err *err) {
    struct fb_sequences prompts = fb_examples_inputs(&x->examples);
    struct fb_sequences given = fb_examples_targets(&x->examples);
    int32_t start = (int32_t)fb_t5_config(model)->decoder_start_token_id;
    struct fb_batches batches = {0};
    int32_t *id = fb_examples_decoder_ids(&x->examples, start, err);
    int rc = id ? FB_OK : err->code;

    given.id = id;
    if (!rc) rc = fb_batches_plan_unshared(&batches, &prompts, BATCH_TOKENS, BATCH_SEQUENCES, err);
    if (!rc) rc = run_batches(x, model, &batches, &given, err);
    fb_batches_free(&batches);
    free(id);
    return rc;
}

static int forward(struct fb_regmean_expert *x, struct fb_err *err) {
    struct fb_weights weights = {0};
    struct fb_t5 *model = NULL;
    struct fb_t5_config config;
    int rc = fb_t5_config_read(&config, x->config, err);

    if (!rc) rc = fb_pool_load(x->pool, x->model, &weights, err);
    if (!rc) rc = fb_t5_create_from(&model, &config, &weights, err);
    if (!rc) rc = run_model(x, model, err);
    fb_t5_free(model);
    fb_weights_free(&weights);
    return rc;
}

/* ---- layers ---------------------------------------------------------------------------------- */

/* The matrices of the blocks, but for the table of distances. */
static bool is_linear(const struct fb_pool *pool, const struct fb_pool_key *key) {
    (void)pool;
    return (fb_starts_with(key->name, "encoder.block.") ||
            fb_starts_with(key->name, "decoder.block.")) &&
           !fb_ends_with(key->name, "relative_attention_bias.weight");
}

/* Its name up to the last part. */
static char *with_last(const char *layer, const char *last, struct fb_err *err) {
    const char *dot = strrchr(layer, '.');

    return fb_asprintf(err, "%.*s.%s", (int)(dot - layer), layer, last);
}

static char *input_of(const char *layer, struct fb_err *err) {
    bool is_k = fb_ends_with(layer, ".k"), is_v = fb_ends_with(layer, ".v");

    if (strstr(layer, ".EncDecAttention.") && (is_k || is_v))
        return fb_strdup("decoder.block.0.layer.1.EncDecAttention.k", err);
    if (is_k || is_v) return with_last(layer, "q", err);
    if (fb_ends_with(layer, ".wi_1")) return with_last(layer, "wi_0", err);
    return fb_strdup(layer, err);
}

/* ---- the method ------------------------------------------------------------------------------ */

static const struct fb_regmean_kind kind = {.method = "t5_regmean",
                                            .data = {"train_datasets", "google/flan-t5-base"},
                                            .wants = is_linear,
                                            .input_of = input_of,
                                            .out_in = true,
                                            .encode = encode,
                                            .identify = identify,
                                            .forward = forward};

static int check(const void *options, const struct fb_merge *merge, struct fb_err *err) {
    if (fb_trainset_need_t5(merge->pool, err)) return err->code;
    return fb_regmean_check(&kind, options, merge, err);
}

static int run(const void *options, struct fb_merge *merge, struct fb_err *err) {
    return fb_regmean_run(&kind, options, merge, err);
}

static const char *const aliases[] = {"RegMeanAlgorithmForT5", NULL};

const struct fb_method fb_method_t5_regmean = {
    .name = "t5_regmean",
    .aliases = aliases,
    .summary = "Merge T5 linear layers by regression on their inputs.",
    .formula = "W = (sum_i G'_i)^-1 sum_i G'_i W_i   for linear layers, the mean for all else\n"
               "G_i = mean of x x^T over the layer's inputs in expert i\n"
               "G'_i = G_i with the elements beside the diagonal times reduce_non_diagonal_ratio",
    .cite = "arXiv:2212.09849",
    .opts = opts,
    .opts_size = sizeof(struct fb_regmean_opts),
    .check = check,
    .run = run,
};
