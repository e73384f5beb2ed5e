/* gpt2_regmean.c - GPT-2's linear layers by least squares over their inputs, the mean of all else
 *
 * Jin et al., arXiv:2212.09849, as FusionBench 0.2.33 computes it: G is the mean of x x^T over the
 * inputs x of a layer at all 512 positions of an expert's training examples, padding included. The
 * padded positions really are computed: they see the real tokens and are seen by nobody. */
#include "base/interrupt.h"
#include "method/exclude.h"
#include "method/regression.h"
#include "method/statistics.h"
#include "method/trainset.h"
#include "model/gpt2.h"

#include <stdlib.h>

struct opts {
    struct fb_texts exclude_param_names_regex;
    int64_t num_regmean_examples, batch_size, num_workers, devices;
    double reduce_non_diagonal_ratio;
    bool weight_transpose, shuffle;
    const char *cache_dir, *statistics_dir;
};

static const struct fb_opt opts[] = {
    FB_OPT_TEXTS(struct opts, exclude_param_names_regex, "[]",
                 "keys that stay out of the merge: patterns for the beginning of their names"),
    FB_OPT_INT(struct opts, num_regmean_examples, "256", 1, 1e9,
               "training examples per expert, rounded up to whole batches"),
    FB_OPT_REAL(struct opts, reduce_non_diagonal_ratio, "0.6", 0, 1,
                "factor for the elements beside the diagonal"),
    FB_OPT_BOOL(struct opts, weight_transpose, "false",
                "weights are stored as [out, in]; those of GPT-2 are not"),
    FB_OPT_BOOL(struct opts, shuffle, "true",
                "take the examples in the order of the run's seed; false: in file order"),
    FB_OPT_TEXT(struct opts, statistics_dir, "null",
                "folder that keeps the Gram matrices for later runs"),
    FB_OPT_TEXT(struct opts, cache_dir, "outputs", "accepted, without effect"),
    FB_OPT_INT(struct opts, batch_size, "32", 1, 65536, "examples of a batch"),
    FB_OPT_INT(struct opts, num_workers, "0", 0, 4096, "accepted, without effect"),
    FB_OPT_INT(struct opts, devices, "1", 1, 4096, "accepted, without effect"),
    FB_OPT_END,
};

/* Sequences of 512 tokens that are computed together: multiples of 256 rows, see grams.h. */
enum { BATCH_TOKENS = 8 * FB_TRAINSET_TOKENS };

static const struct fb_trainset_request request = {"train_datasets", "gpt2"};

struct job {
    const struct opts *o;
    struct fb_merge *merge;
    struct fb_trainset set;
    struct fb_regression regression;
    int expert; /* now: its number */
    struct fb_gpt2_config config;
    struct fb_examples examples;
};

static int expert_model(const struct job *job) {
    return fb_pool_expert(job->merge->pool, job->expert);
}

static const char *expert_name(const struct job *job) {
    return fb_pool_model_name(job->merge->pool, expert_model(job));
}

static int check(const void *options, const struct fb_merge *merge, struct fb_err *err) {
    const struct opts *o = options;

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
    if (fb_pool_base(merge->pool, err) < 0 ||
        fb_exclude_check(&o->exclude_param_names_regex, err) ||
        fb_statistics_check(o->statistics_dir, err))
        return err->code;
    return fb_trainset_check(merge, &request, err);
}

/* ---- statistics of one expert ---------------------------------------------------------------- */

static int load_examples(struct job *job, struct fb_err *err) {
    const struct fb_trainset_order order = {.examples = job->o->num_regmean_examples,
                                            .batch_size = job->o->batch_size,
                                            .shuffle = job->o->shuffle};

    if (fb_tokenizer_pad(job->set.tokenizer) < 0)
        return fb_fail(err, FB_EFORMAT, "the tokenizer has no token to fill up texts with");
    if (fb_trainset_pick(&job->set, job->expert, &order, &job->examples, err)) return err->code;
    return fb_examples_encode(&job->examples, job->set.encoder, FB_TRAINSET_TOKENS, -1, err);
}

static int forward(struct job *job, const struct fb_gpt2 *model, struct fb_err *err) {
    struct fb_sequences inputs = fb_examples_inputs(&job->examples);
    struct fb_observer observer = fb_grams_observer(&job->regression.grams);
    struct fb_graph graph = {.observer = &observer};
    struct fb_arena step = {0};
    struct fb_batches batches = {0};
    struct fb_progress progress;
    int rc = fb_batches_plan_padded(&batches, &inputs, FB_TRAINSET_TOKENS,
                                    fb_tokenizer_pad(job->set.tokenizer), BATCH_TOKENS, err);

    fb_progress_begin(&progress, job->merge->log, expert_name(job), "examples", inputs.count);
    for (int64_t b = 0; !rc && b < batches.count; b++) {
        size_t sequences = (size_t)batches.batch[b].sequences;
        float *hidden;
        fb_arena_reset(&step);
        hidden =
            fb_arena_alloc(&step, sequences * (size_t)job->config.n_embd * sizeof *hidden, err);
        rc = hidden ? fb_interrupted(err) : err->code;
        if (!rc) rc = fb_gpt2_last_hidden(model, &batches.batch[b], hidden, &graph, err);
        fb_progress_add(&progress, batches.batch[b].sequences);
    }
    fb_progress_end(&progress);
    fb_batches_free(&batches);
    fb_graph_free(&graph);
    fb_arena_free(&step);
    return rc;
}

static int compute(struct job *job, struct fb_err *err) {
    struct fb_weights weights = {0};
    struct fb_gpt2 *model = NULL;
    int rc = fb_pool_load(job->merge->pool, expert_model(job), &weights, err);

    if (!rc) rc = fb_gpt2_create_from(&model, &job->config, &weights, err);
    if (!rc) rc = forward(job, model, err);
    if (!rc) rc = fb_grams_finish(&job->regression.grams, err);
    fb_gpt2_free(model);
    fb_weights_free(&weights);
    return rc;
}

/* All that the matrices are a function of. */
static int identify(char **path, struct job *job, struct fb_err *err) {
    const struct fb_gpt2_config *c = &job->config;
    const struct fb_regression *r = &job->regression;
    const int64_t numbers[] = {c->n_head,
                               c->activation,
                               c->scale_attn_weights,
                               c->scale_attn_by_inverse_layer_idx,
                               fb_tokenizer_pad(job->set.tokenizer),
                               FB_TRAINSET_TOKENS};
    struct fb_digest id = {0};
    int rc = FB_OK;

    *path = NULL;
    if (!job->o->statistics_dir) return FB_OK;
    rc = fb_statistics_begin(&id, "gpt2_regmean", err);
    if (!rc) rc = fb_statistics_add_model(&id, job->merge->pool, expert_model(job), err);
    if (!rc) rc = fb_statistics_add_examples(&id, &job->examples, err);
    if (!rc) rc = fb_digest_add(&id, numbers, sizeof numbers, err);
    if (!rc) rc = fb_digest_add(&id, &c->layer_norm_epsilon, sizeof c->layer_norm_epsilon, err);
    for (int64_t i = 0; !rc && i < r->inputs; i++)
        rc = fb_digest_add_text(&id, r->input[i].name, err);
    if (!rc)
        rc = fb_statistics_path(path, job->o->statistics_dir, "gpt2_regmean", expert_name(job), &id,
                                err);
    fb_digest_free(&id);
    return rc;
}

/* From a file of an earlier run, or computed and written to it. */
static int find_grams(struct job *job, struct fb_err *err) {
    struct fb_grams *g = &job->regression.grams;
    struct fb_ckpt *found = NULL;
    char *path;
    int rc = identify(&path, job, err);

    if (!rc) rc = fb_statistics_load(&found, path, g->entry, g->count, job->merge->log, err);
    if (!rc && found) {
        fb_grams_read(g, found);
    } else if (!rc) {
        rc = compute(job, err);
        if (!rc) rc = fb_statistics_save(path, g->entry, g->count, job->merge->log, err);
    }
    fb_ckpt_close(found);
    free(path);
    return rc;
}

static int add_expert(struct job *job, struct fb_err *err) {
    const struct fb_node *json;
    int rc = fb_pool_config(job->merge->pool, expert_model(job), &json, err);

    if (!rc) rc = fb_gpt2_config_read(&job->config, json, err);
    if (!rc) rc = load_examples(job, err);
    if (!rc) rc = find_grams(job, err);
    if (!rc) rc = fb_regression_add(&job->regression, expert_model(job), err);
    fb_examples_free(&job->examples);
    return rc ? fb_context(err, "expert '%s'", expert_name(job)) : FB_OK;
}

/* ---- the method ------------------------------------------------------------------------------ */

/* Every matrix in a block is a Conv1D. */
static bool is_conv1d(const struct fb_pool *pool, const struct fb_pool_key *key) {
    return fb_pool_kind(pool)->conv1d(key->name);
}

static int run(const void *options, struct fb_merge *merge, struct fb_err *err) {
    const struct opts *o = options;
    const struct fb_regression_form form = {.wants = is_conv1d,
                                            .ratio = o->reduce_non_diagonal_ratio,
                                            .exclude = &o->exclude_param_names_regex};
    struct job job = {.o = o, .merge = merge};
    int rc = fb_regression_open(&job.regression, merge, &form, err);

    if (!rc) rc = fb_trainset_open(&job.set, merge, &request, err);
    for (; !rc && job.expert < fb_pool_experts(merge->pool); job.expert++)
        rc = add_expert(&job, err);
    if (!rc) rc = fb_regression_merge(&job.regression, err);
    fb_trainset_close(&job.set);
    fb_regression_free(&job.regression);
    return rc;
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
    .opts_size = sizeof(struct opts),
    .check = check,
    .run = run,
};
