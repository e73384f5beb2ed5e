/* gpt2_regmean.c - GPT-2's linear layers by least squares over their inputs, the mean of all else
 *
 * Jin et al., arXiv:2212.09849, as FusionBench 0.2.33 computes it: G is the mean of x x^T over the
 * inputs x of a layer at all 512 positions of an expert's training examples, padding included. The
 * padded positions really are computed: they see the real tokens and are seen by nobody. */
#include "base/interrupt.h"
#include "method/regmean.h"
#include "model/gpt2.h"

static const struct fb_opt opts[] = {
    FB_REGMEAN_OPTS,
    FB_OPT_BOOL(struct fb_regmean_opts, weight_transpose, "false",
                "weights are stored as [out, in]; those of GPT-2 are not"),
    FB_OPT_END,
};

/* Sequences of 512 tokens that are computed together: multiples of 256 rows, see grams.h. */
enum { BATCH_TOKENS = 8 * FB_TRAINSET_TOKENS };

static int encode(struct fb_regmean_expert *x, struct fb_err *err) {
    if (fb_tokenizer_pad(x->tokenizer) < 0)
        return fb_fail(err, FB_EFORMAT, "the tokenizer has no token to fill up texts with");
    return fb_examples_encode(&x->examples, x->encoder, FB_TRAINSET_TOKENS, -1, err);
}

static int identify(struct fb_digest *id, const struct fb_regmean_expert *x, struct fb_err *err) {
    struct fb_gpt2_config c;
    int64_t numbers[6];

    if (fb_gpt2_config_read(&c, x->config, err)) return err->code;
    numbers[0] = c.n_head;
    numbers[1] = c.activation;
    numbers[2] = c.scale_attn_weights;
    numbers[3] = c.scale_attn_by_inverse_layer_idx;
    numbers[4] = fb_tokenizer_pad(x->tokenizer);
    numbers[5] = FB_TRAINSET_TOKENS;
    if (fb_digest_add(id, numbers, sizeof numbers, err)) return err->code;
    return fb_digest_add(id, &c.layer_norm_epsilon, sizeof c.layer_norm_epsilon, err);
}

static int run_batches(struct fb_regmean_expert *x, const struct fb_gpt2 *model,
                       const struct fb_batches *batches, struct fb_err *err) {
    struct fb_graph graph = {.observer = x->observer};
    struct fb_progress progress;
    int rc = FB_OK;

    fb_progress_begin(&progress, x->log, fb_pool_model_name(x->pool, x->model), "examples",
                      x->examples.count);
    for (int64_t b = 0; !rc && b < batches->count; b++) {
        rc = fb_interrupted(err);
        if (!rc && !fb_gpt2_forward(model, &batches->batch[b], &graph, err)) rc = err->code;
        fb_progress_add(&progress, batches->batch[b].sequences);
    }
    fb_progress_end(&progress);
    fb_graph_free(&graph);
    return rc;
}

static int forward(struct fb_regmean_expert *x, struct fb_err *err) {
    struct fb_sequences inputs = fb_examples_inputs(&x->examples);
    struct fb_batches batches = {0};
    struct fb_weights weights = {0};
    struct fb_gpt2 *model = NULL;
    struct fb_gpt2_config config;
    int rc = fb_gpt2_config_read(&config, x->config, err);

    if (!rc) rc = fb_pool_load(x->pool, x->model, &weights, err);
    if (!rc) rc = fb_gpt2_create_from(&model, &config, &weights, err);
    if (!rc)
        rc = fb_batches_plan_padded(&batches, &inputs, FB_TRAINSET_TOKENS,
                                    fb_tokenizer_pad(x->tokenizer), BATCH_TOKENS, err);
    if (!rc) rc = run_batches(x, model, &batches, err);
    fb_batches_free(&batches);
    fb_gpt2_free(model);
    fb_weights_free(&weights);
    return rc;
}

/* Every matrix in a block is a Conv1D. */
static bool is_conv1d(const struct fb_pool *pool, const struct fb_pool_key *key) {
    return fb_pool_kind(pool)->conv1d(key->name);
}

static const struct fb_regmean_kind kind = {.method = "gpt2_regmean",
                                            .data = {"train_datasets", "gpt2"},
                                            .wants = is_conv1d,
                                            .encode = encode,
                                            .identify = identify,
                                            .forward = forward};

static int check(const void *options, const struct fb_merge *merge, struct fb_err *err) {
    const struct fb_regmean_opts *o = options;

    if (o->weight_transpose)
        return fb_fail(
            err, FB_ECONFIG,
            "option 'weight_transpose': GPT-2 stores its weights as [in, out]; set it to "
            "false");
    if (!fb_pool_kind(merge->pool)->conv1d)
        return fb_fail(err, FB_ECONFIG,
                       "merges GPT-2 classifiers (HF_GPT2ForSequenceClassification), and the model "
                       "pool is %s",
                       fb_pool_kind(merge->pool)->name);
    return fb_regmean_check(&kind, o, merge, err);
}

static int run(const void *options, struct fb_merge *merge, struct fb_err *err) {
    return fb_regmean_run(&kind, options, merge, err);
}

static const char *const aliases[] = {"RegMeanAlgorithmForGPT2", NULL};

const struct fb_method fb_method_gpt2_regmean = {
    .name = "gpt2_regmean",
    .aliases = aliases,
    .summary = "Merge GPT-2 linear layers by regression on their inputs.",
    .formula = "W = (sum_i G'_i)^-1 sum_i G'_i W_i   for linear layers, the mean for all else\n"
               "G_i = mean of x x^T over the layer's inputs in expert i, padding included\n"
               "G'_i = G_i with the elements beside the diagonal times reduce_non_diagonal_ratio",
    .cite = "arXiv:2212.09849",
    .opts = opts,
    .opts_size = sizeof(struct fb_regmean_opts),
    .check = check,
    .run = run,
};
