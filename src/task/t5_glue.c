/* t5_glue.c - text generation on GLUE with a Flan-T5 model.
 *
 * For each task: the prompt of every row of the split in dataset order, at most 512 tokens with the
 * final </s>; greedy answers of at most 10 decoder ids with the start token; both the answer and
 * the label's word decoded without special tokens, and right if the texts are equal to the byte.
 * accuracy = correct / total in double.
 *
 * A score (STS-B) is not compared: Spearman's rho between float(answer) and float(label's text),
 * where what is no number counts as 0. */
#include "base/alloc.h"
#include "data/examples.h"
#include "metric/interval.h"
#include "metric/spearman.h"
#include "model/generate.h"
#include "task/predictions.h"
#include "task/task.h"
#include "text/python_float.h"
#include "text/tokenizer_choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROMPT_TOKENS = 512, DECODER_IDS = 10, RESAMPLES = 1000 };

struct opts {
    const char *name;
    const struct fb_node *tasks;
    const struct fb_node *test_datasets;
    const struct fb_node *tokenizer;
    const char *cache_dir;
    int64_t batch_size;
    int64_t num_workers;
    bool fast_dev_run;
    const char *data_dir;
};

static const struct fb_opt opts[] = {
    FB_OPT_TEXT(struct opts, name, "null", "name of the pool, for information"),
    FB_OPT_NODE(struct opts, tasks, "null", "list of {name, dataset: {name, split}}"),
    FB_OPT_NODE(struct opts, test_datasets, "null", "the same as a mapping: task -> {name, split}"),
    FB_OPT_NODE(struct opts, tokenizer, "null",
                "folder or hub name, or {pretrained_model_name_or_path: ...}; null: "
                "google/flan-t5-base"),
    FB_OPT_TEXT(struct opts, cache_dir, "null", "accepted and not used: nothing is cached"),
    FB_OPT_INT(struct opts, batch_size, "32", 1, 65536,
               "accepted and not used: batches are as large as pays; results do not depend on it"),
    FB_OPT_INT(struct opts, num_workers, "4", 0, 1024, "accepted and not used"),
    FB_OPT_BOOL(struct opts, fast_dev_run, "false",
                "accepted and not used, as in the reference: all examples are evaluated"),
    FB_OPT_TEXT(struct opts, data_dir, "null",
                "folder with glue/<task>/..., before path.data_dir and the Hugging Face cache"),
    FB_OPT_END,
};

/* Texts of all rows end to end. */
struct texts {
    struct fb_str bytes;
    size_t *offset; /* [rows + 1] */
};

/* One task while it is evaluated. */
struct job {
    const struct opts *options;
    struct fb_evaluation *evaluation;
    const struct fb_glue_item *item;
    const struct fb_tokenizer *tokenizer;
    struct fb_encoder *encoder;
    struct fb_generator *generator;
    const struct fb_generation *how;
    struct fb_examples examples;
    struct fb_generated answers;
    struct texts said, wanted;
    int64_t correct, strange; /* `strange`: no label's word, or no number */
    double value, seconds;
    struct fb_interval range;
};

/* ---- configuration --------------------------------------------------------------------------- */

static struct fb_tokenizer_choice tokenizer_choice(const struct opts *o) {
    return (struct fb_tokenizer_choice){o->tokenizer, "taskpool", "google/flan-t5-base"};
}

static const char *data_dir(const struct opts *o, const char *fallback) {
    return o->data_dir ? o->data_dir : fallback;
}

/* The model that stands for all: the base, or the first. */
static int check_model(struct fb_pool *pool, struct fb_err *err) {
    int base = fb_pool_find(pool, "_pretrained_"), model = base < 0 ? 0 : base;
    struct fb_generation how;
    struct fb_t5_config config;
    const struct fb_node *json, *type;
    const char *folder;

    if (fb_pool_config(pool, model, &json, err)) return err->code;
    type = fb_node_get(json, "model_type");
    if (type && type->kind == FB_TEXT && !strstr(type->text, "t5"))
        return fb_fail(err, FB_EMISMATCH,
                       "the model pool holds '%s' models, and text is generated with T5 models",
                       type->text);
    if (fb_t5_config_read(&config, json, err) || fb_pool_folder(pool, model, &folder, err))
        return err->code;
    return fb_generation_read(&how, &config, folder, err);
}

static int check(const void *options, struct fb_pool *pool, const char *fallback,
                 struct fb_err *err) {
    const struct opts *o = options;
    struct fb_tokenizer_choice choice = tokenizer_choice(o);
    struct fb_tokenizer *tokenizer = NULL;
    struct fb_arena arena = {0};
    struct fb_glue_list list;
    int rc = fb_glue_list_read(&list, o->tasks, o->test_datasets, &arena, err);

    if (!rc) rc = check_model(pool, err);
    for (int i = 0; !rc && i < list.count; i++)
        if (fb_examples_check(&list.item[i], data_dir(o, fallback), err))
            rc = fb_context(err, "task '%s'", list.item[i].name);
    fb_arena_free(&arena);
    if (rc) return fb_context(err, "taskpool");
    rc = fb_tokenizer_open_chosen(&tokenizer, &choice, err);
    fb_tokenizer_close(tokenizer);
    return rc;
}

/* ---- prompts and answers --------------------------------------------------------------------- */

static int generate(struct job *job, struct fb_err *err) {
    const struct fb_sequences prompts = fb_examples_inputs(&job->examples);
    const struct fb_generate_limits limits = {.batch_tokens = job->evaluation->batch_tokens};
    struct fb_progress progress;
    int rc;

    fb_progress_begin(&progress, job->evaluation->log, job->item->name, "examples",
                      job->examples.count);
    rc = fb_generate(&job->answers, job->generator, job->how, &prompts, &limits, &progress, err);
    fb_progress_end(&progress);
    return rc;
}

/* The label's text as the reference sees it: its ids up to the first padding, without ids of 0 and
 * below, decoded without special tokens. */
static int round_trip(const struct job *job, struct fb_str *out, const struct fb_str *target,
                      struct fb_ids *ids, struct fb_err *err) {
    int32_t pad = fb_tokenizer_id(job->tokenizer, "<pad>");
    int64_t kept = 0;

    ids->count = 0;
    if (fb_encoder_encode_pair(job->encoder, ids, fb_str_text(target), target->size, NULL, 0,
                               PROMPT_TOKENS, true, err))
        return err->code;
    for (int64_t i = 0; i < ids->count && ids->id[i] != pad; i++)
        if (ids->id[i] > 0) ids->id[kept++] = ids->id[i];
    return fb_tokenizer_decode(job->tokenizer, out, ids->id, kept, true, err);
}

static int decode(struct job *job, struct fb_err *err) {
    size_t rows = (size_t)job->examples.count;
    struct fb_str target = {0};
    struct fb_ids ids = {0};
    int rc = FB_OK;

    job->said.offset = fb_calloc(rows + 1, sizeof *job->said.offset, err);
    job->wanted.offset = job->said.offset ? fb_calloc(rows + 1, sizeof(size_t), err) : NULL;
    if (!job->wanted.offset) return err->code;
    for (int64_t row = 0; !rc && row < job->examples.count; row++) {
        target.size = 0;
        rc = fb_prompt_target(&target, &job->examples.prompts, row, err);
        if (!rc) rc = round_trip(job, &job->wanted.bytes, &target, &ids, err);
        if (!rc)
            rc = fb_tokenizer_decode(job->tokenizer, &job->said.bytes,
                                     job->answers.id + row * job->answers.most,
                                     job->answers.length[row], true, err);
        job->wanted.offset[row + 1] = job->wanted.bytes.size;
        job->said.offset[row + 1] = job->said.bytes.size;
        if (rc) fb_context(err, "%s: row %jd", job->examples.data.source, (intmax_t)row);
    }
    fb_str_free(&target);
    fb_ids_free(&ids);
    return rc;
}

static const char *text_of(const struct texts *t, int64_t row, size_t *size) {
    *size = t->offset[row + 1] - t->offset[row];
    return fb_str_text(&t->bytes) + t->offset[row];
}

/* ---- results --------------------------------------------------------------------------------- */

static bool is_word(const struct fb_template *form, const char *text, size_t size) {
    for (int i = 0; i < 3 && form->target[i]; i++)
        if (size == strlen(form->target[i]) && !memcmp(text, form->target[i], size)) return true;
    return false;
}

static void score_words(struct job *job) {
    for (int64_t row = 0; row < job->examples.count; row++) {
        size_t n, m;
        const char *said = text_of(&job->said, row, &n), *wanted = text_of(&job->wanted, row, &m);
        job->correct += n == m && !memcmp(said, wanted, n);
        job->strange += !is_word(job->examples.prompts.form, said, n);
    }
    job->value =
        job->examples.count ? (double)job->correct / (double)job->examples.count : (double)NAN;
    job->range = fb_wilson(job->correct, job->examples.count);
}

static int score_numbers(struct job *job, struct fb_err *err) {
    int64_t rows = job->examples.count;
    double *said = fb_calloc((size_t)rows, sizeof *said, err);
    double *wanted = said ? fb_calloc((size_t)rows, sizeof *wanted, err) : NULL;
    int rc = wanted ? FB_OK : err->code;

    for (int64_t row = 0; !rc && row < rows; row++) {
        size_t size;
        bool valid;
        const char *text = text_of(&job->wanted, row, &size);
        rc = fb_python_float(&wanted[row], &valid, text, size, err);
        text = text_of(&job->said, row, &size);
        if (!rc) rc = fb_python_float(&said[row], &valid, text, size, err);
        job->strange += !valid;
    }
    if (!rc) rc = fb_spearman(&job->value, said, wanted, rows, err);
    if (!rc) rc = fb_spearman_interval(&job->range, said, wanted, rows, RESAMPLES, 0, err);
    free(said);
    free(wanted);
    return rc;
}

static int write_predictions(const struct job *job, struct fb_predictions *p, struct fb_err *err) {
    for (int64_t row = 0; row < job->examples.count; row++) {
        struct fb_prediction_text one = {.task = job->item->name, .index = row};
        one.label = text_of(&job->wanted, row, &one.label_size);
        one.text = text_of(&job->said, row, &one.text_size);
        one.id = job->answers.id + row * job->answers.most;
        one.ids = job->answers.length[row];
        if (fb_predictions_add_text(p, &one, err)) return err->code;
    }
    return FB_OK;
}

static bool has_classes(const struct job *job) {
    return job->item->task->labels > 0;
}

static int set_correct(const struct job *job, struct fb_node *row, struct fb_err *err) {
    struct fb_arena *a = job->evaluation->arena;
    struct fb_node *none;

    if (has_classes(job)) return fb_node_set_int(a, row, "correct", job->correct, err);
    none = fb_node_null(a, (struct fb_place){0}, err);
    return none ? fb_node_set(a, row, "correct", none, err) : err->code;
}

static int add_to_report(const struct job *job, struct fb_err *err) {
    struct fb_arena *a = job->evaluation->arena;
    const char *metric = has_classes(job) ? "accuracy" : "spearman_rho";
    struct fb_node *entry = fb_node_map(a, (struct fb_place){0}, err);
    struct fb_node *row = fb_node_map(a, (struct fb_place){0}, err);
    double n = (double)job->examples.count;

    if (fb_node_set_real(a, entry, metric, job->value, err) ||
        fb_node_set(a, job->evaluation->report, job->item->name, entry, err) ||
        fb_node_set_text(a, row, "task", job->item->name, err) ||
        fb_node_set_text(a, row, "metric", metric, err) || set_correct(job, row, err) ||
        fb_node_set_int(a, row, "total", job->examples.count, err) ||
        fb_node_set_real(a, row, "value", job->value, err) ||
        fb_node_set_real(a, row, "95% low", job->range.low, err) ||
        fb_node_set_real(a, row, "95% high", job->range.high, err) ||
        fb_node_set_real(a, row, "no label", n > 0 ? (double)job->strange / n : 0, err) ||
        fb_node_set_real(a, row, "seconds", job->seconds, err))
        return err->code;
    return fb_node_push(a, job->evaluation->table, row, err);
}

/* The plain mean of the tasks' values, which only the table has. */
static int add_average(struct fb_evaluation *e, struct fb_err *err) {
    double sum = 0, seconds = 0;
    int64_t n = e->table->count;
    struct fb_node *row;

    for (int64_t i = 0; i < n; i++) {
        sum += fb_node_get(e->table->item[i], "value")->value.real;
        seconds += fb_node_get(e->table->item[i], "seconds")->value.real;
    }
    if (!(row = fb_node_copy(e->arena, e->table->item[0], err))) return err->code;
    for (int64_t i = 1; i < row->count; i++)
        if (!(row->item[i] = fb_node_null(e->arena, (struct fb_place){0}, err))) return err->code;
    if (fb_node_set_text(e->arena, row, "task", "average", err) ||
        fb_node_set_real(e->arena, row, "value", sum / (double)n, err) ||
        fb_node_set_real(e->arena, row, "seconds", seconds, err))
        return err->code;
    return fb_node_push(e->arena, e->table, row, err);
}

static void job_free(struct job *job) {
    fb_examples_free(&job->examples);
    fb_generated_free(&job->answers);
    fb_str_free(&job->said.bytes);
    free(job->said.offset);
    fb_str_free(&job->wanted.bytes);
    free(job->wanted.offset);
}

static int evaluate(struct job *job, struct fb_predictions *predictions, struct fb_err *err) {
    const struct fb_glue_item *item = job->item;
    double started = fb_now();
    int rc = fb_examples_open(&job->examples, item,
                              data_dir(job->options, job->evaluation->data_dir), -1, err);

    if (!rc) rc = fb_examples_encode_prompts(&job->examples, job->encoder, PROMPT_TOKENS, err);
    if (!rc) rc = generate(job, err);
    if (!rc) rc = decode(job, err);
    if (!rc && has_classes(job)) score_words(job);
    else if (!rc) rc = score_numbers(job, err);
    job->seconds = fb_now() - started;
    if (!rc) rc = write_predictions(job, predictions, err);
    if (!rc) rc = add_to_report(job, err);
    job_free(job);
    return rc ? fb_context(err, "task '%s'", item->name) : FB_OK;
}

/* ---- the run --------------------------------------------------------------------------------- */

static int open_model(struct fb_t5 **out, struct fb_generation *how, struct fb_evaluation *e,
                      struct fb_err *err) {
    struct fb_t5_config config;
    const struct fb_node *json;
    const char *folder;

    if (fb_pool_config(e->pool, e->merged->model, &json, err) ||
        fb_t5_config_read(&config, json, err) ||
        fb_pool_folder(e->pool, e->merged->model, &folder, err) ||
        fb_generation_read(how, &config, folder, err))
        return err->code;
    if (!how->limited) how->max_length = DECODER_IDS;
    return fb_t5_create_from(out, &config, &e->merged->weights, err);
}

/* Counted before the model takes the weights over. */
static int add_model_info(struct fb_evaluation *e, struct fb_err *err) {
    struct fb_node *info = fb_node_map(e->arena, (struct fb_place){0}, err);
    int64_t trainable = 0, all = 0;

    fb_merge_count(e->merged, &trainable, &all);
    if (fb_node_set_int(e->arena, info, "trainable_params", trainable, err) ||
        fb_node_set_int(e->arena, info, "all_params", all, err) ||
        fb_node_set_real(e->arena, info, "trainable_percentage",
                         all ? (double)trainable / (double)all : 0.0, err))
        return err->code;
    return fb_node_set(e->arena, e->report, "model_info", info, err);
}

static int run(const void *options, struct fb_evaluation *e, struct fb_err *err) {
    const struct opts *o = options;
    struct fb_tokenizer_choice choice = tokenizer_choice(o);
    struct fb_tokenizer *tokenizer = NULL;
    struct fb_encoder *encoder = NULL;
    struct fb_predictions predictions = {0};
    struct fb_generation how;
    struct fb_t5 *model = NULL;
    struct fb_generator *generator = NULL;
    struct fb_glue_list list;
    int rc = fb_glue_list_read(&list, o->tasks, o->test_datasets, e->arena, err);

    if (!rc) rc = fb_tokenizer_open_chosen(&tokenizer, &choice, err);
    if (!rc) rc = fb_encoder_open(&encoder, tokenizer, err);
    if (!rc) rc = add_model_info(e, err);
    if (!rc) rc = open_model(&model, &how, e, err);
    if (!rc) rc = fb_generator_open(&generator, model, err);
    if (!rc) rc = fb_predictions_create(&predictions, e->predictions_path, err);
    for (int i = 0; !rc && i < list.count; i++) {
        struct job job = {.options = o,
                          .evaluation = e,
                          .item = &list.item[i],
                          .tokenizer = tokenizer,
                          .encoder = encoder,
                          .generator = generator,
                          .how = &how};
        rc = evaluate(&job, &predictions, err);
    }
    if (!rc) rc = add_average(e, err);
    if (!rc) rc = fb_predictions_commit(&predictions, err);
    fb_predictions_abandon(&predictions);
    fb_generator_free(generator);
    fb_t5_free(model);
    fb_encoder_close(encoder);
    fb_tokenizer_close(tokenizer);
    return rc;
}

static const char *const targets[] = {
    "fusion_bench.compat.taskpool.flan_t5_glue_text_generation.FlanT5GLUETextGenerationTaskPool",
    "flan-t5_glue_text_generation", NULL};

const struct fb_task_pool fb_task_pool_t5_glue = {
    .name = "FlanT5GLUETextGenerationTaskPool",
    .targets = targets,
    .summary = "Flan-T5 text generation on eight GLUE tasks.",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .needs_model = true,
    .no_ensembles = "text is generated with one model",
    .check = check,
    .run = run,
};
