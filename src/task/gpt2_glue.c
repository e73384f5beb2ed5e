/* gpt2_glue.c - GPT-2 sequence classification on GLUE.
 *
 * For each task: the merged backbone, the score head of the expert that has the task's name, every
 * example of the split in dataset order. A pair is the two texts' tokens end to end; the token that
 * is read is the last one before the first padding token (transformers 4.46). Padding is never
 * computed: a causal model's answer cannot depend on what stands to the right.
 *
 * Of an ensemble, the models' hidden states at that token are combined (task/combine.h) before the
 * head is applied. All models see the same tokens in the same batches.
 *
 * accuracy = correct / total in f32; loss = mean of the batch means of the cross-entropy, batches
 * of batch_size in dataset order (metric/accuracy.h). Nothing else depends on batch_size. */
#include "base/alloc.h"
#include "base/interrupt.h"
#include "data/examples.h"
#include "metric/accuracy.h"
#include "metric/interval.h"
#include "model/gpt2.h"
#include "pool/gpt2_head.h"
#include "task/combine.h"
#include "task/predictions.h"
#include "task/task.h"
#include "text/tokenizer_choice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_TOKENS = 4096, BATCH_SEQUENCES = 4096 };

struct opts {
    const char *name;
    const char *dataset_type;
    const struct fb_node *tasks;
    const struct fb_node *test_datasets;
    const struct fb_node *tokenizer;
    const struct fb_node *dataloader_kwargs;
    int64_t batch_size;
    int64_t num_workers;
    int64_t max_length;
    bool fast_dev_run;
    const char *data_dir;
};

static const struct fb_opt opts[] = {
    FB_OPT_TEXT(struct opts, name, "null", "name of the pool, for information"),
    FB_OPT_TEXT(struct opts, dataset_type, "null", "accepted and not used"),
    FB_OPT_NODE(struct opts, tasks, "null", "list of {name, dataset: {name, split}}"),
    FB_OPT_NODE(struct opts, test_datasets, "null", "the same as a mapping: task -> {name, split}"),
    FB_OPT_NODE(struct opts, tokenizer, "null",
                "folder or hub name, or {pretrained_model_name_or_path: ...}; null: gpt2"),
    FB_OPT_NODE(struct opts, dataloader_kwargs, "null",
                "{batch_size, num_workers}: the same as the two options below"),
    FB_OPT_INT(struct opts, batch_size, "8", 1, 1 << 20,
               "examples whose losses are averaged together; accuracies do not depend on it"),
    FB_OPT_INT(struct opts, num_workers, "0", 0, 1024, "accepted and not used"),
    FB_OPT_INT(struct opts, max_length, "512", 1, 1 << 20,
               "tokens of an example that are kept (longest_first)"),
    FB_OPT_BOOL(struct opts, fast_dev_run, "false", "first batch of each task only"),
    FB_OPT_TEXT(struct opts, data_dir, "null",
                "folder with glue/<task>/..., before path.data_dir and the Hugging Face cache"),
    FB_OPT_END,
};

/* One task while it is evaluated. */
struct job {
    const struct opts *options;
    struct fb_evaluation *evaluation;
    const struct fb_glue_item *item;
    int64_t width;            /* n_embd of the merged model */
    struct fb_gpt2_head head; /* of the expert that has the task's name */
    struct fb_examples examples;
    struct fb_batches batches;
    float *hidden; /* [examples, width] of an ensemble so far, else NULL */
    float *logits; /* [examples, labels] */
    int64_t correct;
    double loss, seconds;
};

/* ---- configuration --------------------------------------------------------------------------- */

static int64_t batch_size(const struct opts *o) {
    const struct fb_node *node = fb_node_get(o->dataloader_kwargs, "batch_size");

    return node && node->kind == FB_INT && node->value.integer > 0 ? node->value.integer
                                                                   : o->batch_size;
}

static struct fb_tokenizer_choice tokenizer_choice(const struct opts *o) {
    return (struct fb_tokenizer_choice){o->tokenizer, "taskpool", "gpt2"};
}

static const char *data_dir(const struct opts *o, const char *fallback) {
    return o->data_dir ? o->data_dir : fallback;
}

static int check_item(const struct opts *o, const struct fb_glue_item *item, struct fb_pool *pool,
                      const char *fallback, struct fb_err *err) {
    if (!item->task->labels)
        return fb_fail(err, FB_ECONFIG, "has a score and no classes; this pool classifies");
    if (fb_pool_find(pool, item->name) >= 0 && fb_examples_check(item, data_dir(o, fallback), err))
        return err->code;
    return fb_gpt2_head_check(pool, item->name, err);
}

/* Everything that can be known before a model is computed: tasks, their data, their heads. */
static int check(const void *options, struct fb_pool *pool, const char *fallback,
                 struct fb_err *err) {
    const struct opts *o = options;
    struct fb_tokenizer_choice tokenizer = tokenizer_choice(o);
    struct fb_arena arena = {0};
    struct fb_glue_list list;
    const struct fb_node *batch = fb_node_get(o->dataloader_kwargs, "batch_size");
    int rc = fb_glue_list_read(&list, o->tasks, o->test_datasets, &arena, err);

    if (!rc && batch && (batch->kind != FB_INT || batch->value.integer < 1))
        rc = fb_fail(err, FB_ECONFIG, "dataloader_kwargs.batch_size: expects a positive integer");
    if (!rc && !fb_tokenizer_chosen(&tokenizer, err)) rc = err->code;
    for (int i = 0; !rc && i < list.count; i++)
        if (check_item(o, &list.item[i], pool, fallback, err))
            rc = fb_context(err, "task '%s'", list.item[i].name);
    fb_arena_free(&arena);
    return rc ? fb_context(err, "taskpool") : FB_OK;
}

/* ---- forward --------------------------------------------------------------------------------- */

/* Everything of a task but the model: head, ids, batches, room for the answers. */
static int prepare(struct job *job, struct fb_encoder *encoder, struct fb_err *err) {
    const struct opts *o = job->options;
    const struct fb_evaluation *e = job->evaluation;
    int64_t limit = o->fast_dev_run || e->fast_dev_run ? batch_size(o) : -1;
    int64_t tokens = e->batch_tokens ? e->batch_tokens : BATCH_TOKENS;
    struct fb_sequences sequences;
    size_t n;

    if (fb_gpt2_head_load(&job->head, e->pool, job->item->name, job->width, err) ||
        fb_examples_open(&job->examples, job->item, data_dir(o, e->data_dir), limit, err) ||
        fb_examples_encode(&job->examples, encoder, o->max_length,
                           (int32_t)job->head.config.pad_token_id, err))
        return err->code;
    sequences = fb_examples_inputs(&job->examples);
    n = (size_t)job->examples.count;
    if (fb_batches_plan(&job->batches, &sequences, tokens, BATCH_SEQUENCES, err)) return err->code;
    if (!(job->logits = fb_calloc(n, (size_t)job->head.labels * sizeof(float), err)))
        return err->code;
    if (e->merged->ensemble.rule == FB_ENSEMBLE_NONE) return FB_OK;
    job->hidden = fb_calloc(n, (size_t)job->width * sizeof(float), err);
    return job->hidden ? FB_OK : err->code;
}

/* Logits of `n` examples from their hidden states; the i-th belongs to example index[i]. */
static int apply_head(struct job *job, const float *hidden, const int64_t *index, int64_t n,
                      struct fb_arena *step, struct fb_err *err) {
    int64_t labels = job->head.labels;
    float *logits = fb_arena_alloc(step, (size_t)(n * labels) * sizeof *logits, err);

    if (!logits || fb_gpt2_logits(logits, hidden, n, job->width, &job->head.score, err))
        return err->code;
    for (int64_t i = 0; i < n; i++)
        memcpy(job->logits + index[i] * labels, logits + i * labels,
               (size_t)labels * sizeof *logits);
    return FB_OK;
}

/* One batch through the i-th model; with the last one the logits are there. */
static int run_batch(struct job *job, const struct fb_gpt2 *model, int i,
                     const struct fb_batch *batch, struct fb_graph *graph, struct fb_arena *step,
                     struct fb_err *err) {
    const struct fb_ensemble *ensemble = &job->evaluation->merged->ensemble;
    int64_t n = batch->sequences, width = job->width;
    float *hidden;

    fb_arena_reset(step);
    hidden = fb_arena_alloc(step, (size_t)(n * width) * sizeof *hidden, err);
    if (!hidden || fb_gpt2_last_hidden(model, batch, hidden, graph, err)) return err->code;
    for (int64_t r = 0; job->hidden && r < n; r++) {
        float *all = job->hidden + batch->sequence[r] * width;
        fb_combine(all, hidden + r * width, width, ensemble, i);
        memcpy(hidden + r * width, all, (size_t)width * sizeof *hidden);
    }
    if (job->hidden && i < ensemble->count - 1) return FB_OK;
    return apply_head(job, hidden, batch->sequence, n, step, err);
}

/* All examples of a task through the i-th model, which `label` names to the user. */
static int forward(struct job *job, const struct fb_gpt2 *model, int i, const char *label,
                   struct fb_err *err) {
    struct fb_graph graph = {0};
    struct fb_arena step = {0};
    struct fb_progress progress;
    double started = fb_now();
    int rc = FB_OK;

    fb_progress_begin(&progress, job->evaluation->log, label, "examples", job->examples.count);
    for (int64_t b = 0; !rc && b < job->batches.count; b++) {
        rc = fb_interrupted(err);
        if (!rc) rc = run_batch(job, model, i, &job->batches.batch[b], &graph, &step, err);
        fb_progress_add(&progress, job->batches.batch[b].sequences);
    }
    fb_progress_end(&progress);
    fb_graph_free(&graph);
    fb_arena_free(&step);
    job->seconds += fb_now() - started;
    return rc;
}

/* ---- results --------------------------------------------------------------------------------- */

static int score(struct job *job, struct fb_predictions *predictions, struct fb_err *err) {
    struct fb_batch_mean mean = {.batch = batch_size(job->options)};

    for (int64_t i = 0; i < job->examples.count; i++) {
        const float *logits = job->logits + i * job->head.labels;
        int right, answer = fb_argmax(logits, job->head.labels);
        if (fb_examples_class(&job->examples, i, job->head.labels, &right, err)) return err->code;
        job->correct += answer == right;
        fb_batch_mean_add(&mean, fb_cross_entropy(logits, job->head.labels, right));
        if (fb_predictions_add_class(predictions, job->item->name, i, right, answer, logits,
                                     job->head.labels, err))
            return err->code;
    }
    job->loss = fb_batch_mean_result(&mean);
    return FB_OK;
}

static int add_to_report(const struct job *job, struct fb_err *err) {
    struct fb_arena *a = job->evaluation->arena;
    struct fb_node *entry = fb_node_map(a, (struct fb_place){0}, err);
    struct fb_node *row = fb_node_map(a, (struct fb_place){0}, err);
    struct fb_interval range = fb_wilson(job->correct, job->examples.count);
    double accuracy = fb_accuracy(job->correct, job->examples.count);

    if (fb_node_set_real(a, entry, "accuracy", accuracy, err) ||
        fb_node_set_real(a, entry, "loss", job->loss, err) ||
        fb_node_set(a, job->evaluation->report, job->item->name, entry, err))
        return err->code;
    if (fb_node_set_text(a, row, "task", job->item->name, err) ||
        fb_node_set_int(a, row, "correct", job->correct, err) ||
        fb_node_set_int(a, row, "total", job->examples.count, err) ||
        fb_node_set_real(a, row, "accuracy", accuracy, err) ||
        fb_node_set_real(a, row, "95% low", range.low, err) ||
        fb_node_set_real(a, row, "95% high", range.high, err) ||
        fb_node_set_real(a, row, "loss", job->loss, err) ||
        fb_node_set_real(a, row, "seconds", job->seconds, err))
        return err->code;
    return fb_node_push(a, job->evaluation->table, row, err);
}

/* Plain means over the tasks, in report order. */
static int add_average(struct fb_evaluation *e, struct fb_err *err) {
    struct fb_node *entry = fb_node_map(e->arena, (struct fb_place){0}, err), *row;
    static const char *const keys[] = {"accuracy", "loss"};
    int64_t n = e->report->count;
    double seconds = 0;

    for (int k = 0; k < 2; k++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += fb_node_get(e->report->item[i], keys[k])->value.real;
        if (fb_node_set_real(e->arena, entry, keys[k], sum / (double)n, err)) return err->code;
    }
    for (int64_t i = 0; i < e->table->count; i++)
        seconds += fb_node_get(e->table->item[i], "seconds")->value.real;
    if (!(row = fb_node_copy(e->arena, e->table->item[0], err)) ||
        fb_node_set_text(e->arena, row, "task", "average", err))
        return err->code;
    for (int64_t i = 1; i < row->count; i++)
        row->item[i] = fb_node_null(e->arena, (struct fb_place){0}, err);
    if (fb_node_set(e->arena, row, "accuracy", fb_node_get(entry, "accuracy"), err) ||
        fb_node_set(e->arena, row, "loss", fb_node_get(entry, "loss"), err) ||
        fb_node_set_real(e->arena, row, "seconds", seconds, err) ||
        fb_node_push(e->arena, e->table, row, err))
        return err->code;
    return fb_node_set(e->arena, e->report, "average", entry, err);
}

static void job_free(struct job *job) {
    fb_examples_free(&job->examples);
    fb_batches_free(&job->batches);
    fb_gpt2_head_free(&job->head);
    free(job->hidden);
    free(job->logits);
    *job = (struct job){0};
}

/* ---- the run --------------------------------------------------------------------------------- */

struct evaluator {
    struct fb_evaluation *evaluation;
    struct fb_encoder *encoder;
    struct fb_predictions predictions;
    struct job *job; /* [jobs] */
    int jobs;
};

static int named(const struct job *job, int rc, struct fb_err *err) {
    return rc ? fb_context(err, "task '%s'", job->item->name) : FB_OK;
}

static int begin(struct evaluator *v, struct job *job, struct fb_err *err) {
    double started = fb_now();
    int rc = prepare(job, v->encoder, err);

    job->seconds += fb_now() - started;
    return named(job, rc, err);
}

static int finish(struct evaluator *v, struct job *job, struct fb_err *err) {
    double started = fb_now();
    int rc = score(job, &v->predictions, err);

    job->seconds += fb_now() - started;
    if (!rc) rc = add_to_report(job, err);
    rc = named(job, rc, err);
    job_free(job);
    return rc;
}

static int read_config(struct fb_gpt2_config *out, struct fb_pool *pool, int model,
                       struct fb_err *err) {
    const struct fb_node *json;

    if (fb_pool_config(pool, model, &json, err)) return err->code;
    return fb_gpt2_config_read(out, json, err);
}

/* Task by task, so that one task's data are in memory at a time. */
static int run_model(struct evaluator *v, struct fb_err *err) {
    struct fb_merge *merged = v->evaluation->merged;
    struct fb_gpt2_config config;
    struct fb_gpt2 *model = NULL;
    int rc = read_config(&config, v->evaluation->pool, merged->model, err);

    if (!rc) rc = fb_gpt2_create_from(&model, &config, &merged->weights, err);
    for (int t = 0; !rc && t < v->jobs; t++) {
        struct job *job = &v->job[t];
        rc = begin(v, job, err);
        if (!rc) rc = named(job, forward(job, model, 0, job->item->name, err), err);
        if (!rc) rc = finish(v, job, err);
    }
    fb_gpt2_free(model);
    return rc;
}

/* One of the ensemble's models through all tasks. */
static int run_member(struct evaluator *v, int i, struct fb_err *err) {
    struct fb_pool *pool = v->evaluation->pool;
    int index = v->evaluation->merged->ensemble.model[i];
    struct fb_weights weights = {0};
    struct fb_gpt2_config config;
    struct fb_gpt2 *model = NULL;
    int rc = read_config(&config, pool, index, err);

    if (!rc) rc = fb_pool_load(pool, index, &weights, err);
    if (!rc) rc = fb_gpt2_create_from(&model, &config, &weights, err);
    for (int t = 0; !rc && t < v->jobs; t++) {
        struct job *job = &v->job[t];
        char label[128];
        snprintf(label, sizeof label, "%.60s with model %.40s", job->item->name,
                 fb_pool_model_name(pool, index));
        rc = named(job, forward(job, model, i, label, err), err);
    }
    fb_gpt2_free(model);
    fb_weights_free(&weights);
    for (int64_t k = 0; k < fb_pool_keys(pool); k++)
        fb_pool_forget(pool, index, k, 0, fb_pool_key(pool, k)->numel);
    return rc;
}

/* Model by model over all tasks: each model is in memory once and alone, with the ids and the
 * hidden states of all examples. */
static int run_ensemble(struct evaluator *v, struct fb_err *err) {
    int rc = FB_OK;

    for (int t = 0; !rc && t < v->jobs; t++)
        rc = begin(v, &v->job[t], err);
    for (int i = 0; !rc && i < v->evaluation->merged->ensemble.count; i++)
        rc = run_member(v, i, err);
    for (int t = 0; !rc && t < v->jobs; t++)
        rc = finish(v, &v->job[t], err);
    return rc;
}

static int make_jobs(struct evaluator *v, const struct opts *o, struct fb_err *err) {
    struct fb_evaluation *e = v->evaluation;
    struct fb_gpt2_config config;
    struct fb_glue_list list;

    if (fb_glue_list_read(&list, o->tasks, o->test_datasets, e->arena, err) ||
        read_config(&config, e->pool, e->merged->model, err))
        return err->code;
    v->job = fb_arena_calloc(e->arena, (size_t)list.count, sizeof *v->job, err);
    if (!v->job) return err->code;
    v->jobs = list.count;
    for (int t = 0; t < list.count; t++)
        v->job[t] = (struct job){
            .options = o, .evaluation = e, .item = &list.item[t], .width = config.n_embd};
    return FB_OK;
}

static int run(const void *options, struct fb_evaluation *e, struct fb_err *err) {
    const struct opts *o = options;
    struct fb_tokenizer_choice choice = tokenizer_choice(o);
    struct fb_tokenizer *tokenizer = NULL;
    struct evaluator v = {.evaluation = e};
    bool single = e->merged->ensemble.rule == FB_ENSEMBLE_NONE;
    int rc = make_jobs(&v, o, err);

    if (!rc) rc = fb_tokenizer_open_chosen(&tokenizer, &choice, err);
    if (!rc) rc = fb_encoder_open(&v.encoder, tokenizer, err);
    if (!rc) rc = fb_predictions_create(&v.predictions, e->predictions_path, err);
    if (!rc) rc = (single ? run_model : run_ensemble)(&v, err);
    if (!rc) rc = add_average(e, err);
    if (!rc) rc = fb_predictions_commit(&v.predictions, err);
    fb_predictions_abandon(&v.predictions);
    for (int t = 0; t < v.jobs; t++)
        job_free(&v.job[t]);
    fb_encoder_close(v.encoder);
    fb_tokenizer_close(tokenizer);
    return rc;
}

static const char *const targets[] = {"fusion_bench.taskpool.GPT2TextClassificationTaskPool", NULL};

const struct fb_task_pool fb_task_pool_gpt2_glue = {
    .name = "GPT2TextClassificationTaskPool",
    .targets = targets,
    .summary = "GPT-2 sequence classification on GLUE.",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .needs_model = true,
    .check = check,
    .run = run,
};
