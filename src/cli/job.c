#include "cli/job.h"

#include "base/file.h"
#include "base/map.h"
#include "cli/record.h"
#include "config/yaml.h"
#include "kernel/threads.h"
#include "method/method.h"
#include "pool/pool.h"
#include "pool/save.h"
#include "report/report.h"
#include "task/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The top level of the configuration: keys of both eras, so one of two names may be given. */
struct opts {
    const struct fb_node *method, *modelpool, *taskpool, *path;
    const struct fb_node *report_save_path, *save_report;
    const char *merged_model_save_path;
    const struct fb_node *merged_model_save_kwargs;
    const char *predictions_save_path;
    bool fast_dev_run, dry_run, print_config;
    const char *log_dir;
    const struct fb_node *seed;
    const struct fb_node *threads, *batch_tokens, *merge_block;
};

static const struct fb_opt opts[] = {
    FB_OPT_NODE(struct opts, method, "null", "how the models are merged"),
    FB_OPT_NODE(struct opts, modelpool, "null", "the models"),
    FB_OPT_NODE(struct opts, taskpool, "null", "how the result is evaluated"),
    FB_OPT_NODE(struct opts, path, "null", "folders: data_dir, log_dir"),
    FB_OPT_NODE(struct opts, report_save_path, "null",
                "JSON report; null or false: none; {log_dir} stands for the run's folder"),
    FB_OPT_NODE(struct opts, save_report, "null", "the older name of report_save_path"),
    FB_OPT_TEXT(struct opts, merged_model_save_path, "null",
                "FOLDER or FILE.safetensors for the merged model"),
    FB_OPT_NODE(struct opts, merged_model_save_kwargs, "null", "{dtype, save_tokenizer}"),
    FB_OPT_TEXT(struct opts, predictions_save_path, "null", "JSON lines, one per example"),
    FB_OPT_BOOL(struct opts, fast_dev_run, "false",
                "one batch of each task, one step of what learns"),
    FB_OPT_BOOL(struct opts, dry_run, "false", "check everything, run nothing"),
    FB_OPT_BOOL(struct opts, print_config, "true", "show the configuration first, on stderr"),
    FB_OPT_TEXT(struct opts, log_dir, "null", "run folder of the older layout"),
    FB_OPT_NODE(struct opts, seed, "null",
                "seed of everything random: the order of training examples, dropout; null: 0"),
    FB_OPT_NODE(struct opts, threads, "null", "threads; null: all cores"),
    FB_OPT_NODE(struct opts, batch_tokens, "null", "most tokens computed at once; null: chosen"),
    FB_OPT_NODE(struct opts, merge_block, "null", "elements merged at once; null: chosen"),
    FB_OPT_END,
};

/* The three limits, 0 where null; none of them changes results. */
struct limits {
    int64_t threads, batch_tokens, merge_block;
};

enum { SEED_MOST = UINT32_MAX }; /* the reference's limit */

struct save_opts {
    const char *dtype;
    bool save_tokenizer;
};

static const struct fb_opt save_opts[] = {
    FB_OPT_CHOICE(struct save_opts, dtype, "float32", "float32|float16|bfloat16",
                  "type of the saved weights; values are rounded once"),
    FB_OPT_BOOL(struct save_opts, save_tokenizer, "true", "copy the tokenizer files to a folder"),
    FB_OPT_END,
};

struct job {
    struct opts o;
    struct limits limits;
    uint64_t seed;
    struct save_opts save;
    const struct fb_method *method;
    void *method_opts;
    const struct fb_task_pool *task;
    void *task_opts;
    struct fb_pool *pool;
    const char *data_dir, *report_path, *save_path, *predictions_path;
    struct fb_merge merge;
    struct fb_node *report, *table;
    struct fb_cli *cli;
    double merge_seconds, total_seconds;
};

/* Keys that the reference's classes take and that mean nothing here. */
static const char *const ignored_keys[] = {"_target_",  "_recursive_", "_version_",
                                           "_convert_", "_partial_",   "_dataset_loader",
                                           "type",      "name",        NULL};

/* ---- reading the configuration --------------------------------------------------------------- */

/* The program's own keys at the top level; a user's root configuration may hold others. */
static int read_top(struct opts *out, const struct fb_node *config, struct fb_arena *a,
                    struct fb_err *err) {
    struct fb_node *known = fb_node_map(a, config->place, err);

    for (const struct fb_opt *row = opts; known && row->key; row++) {
        struct fb_node *value = fb_node_get(config, row->key), *copy;
        if (!value) continue;
        if (!(copy = fb_node_copy(a, value, err)) || fb_node_set(a, known, row->key, copy, err))
            return err->code;
    }
    if (!known) return err->code;
    return fb_opts_read(opts, out, known, NULL, a, err);
}

static int read_limit(int64_t *out, const struct fb_node *node, const char *key, int64_t most,
                      struct fb_err *err) {
    *out = 0;
    if (!node) return FB_OK;
    if (node->kind != FB_INT || node->value.integer < 1 || node->value.integer > most)
        return fb_fail(err, FB_ECONFIG, "%s: expects null or an integer from 1 to %jd", key,
                       (intmax_t)most);
    *out = node->value.integer;
    return FB_OK;
}

static int read_limits(struct job *job, struct fb_err *err) {
    struct limits *l = &job->limits;

    if (read_limit(&l->threads, job->o.threads, "threads", FB_THREADS_MAX, err) ||
        read_limit(&l->batch_tokens, job->o.batch_tokens, "batch_tokens", 1 << 20, err) ||
        read_limit(&l->merge_block, job->o.merge_block, "merge_block", 1 << 30, err))
        return err->code;
    if (l->threads) fb_threads_set((int)l->threads);
    return FB_OK;
}

static int read_seed(struct job *job, struct fb_err *err) {
    const struct fb_node *node = job->o.seed;

    if (!node) return FB_OK;
    if (node->kind != FB_INT || node->value.integer < 0 || node->value.integer > SEED_MOST)
        return fb_fail(err, FB_ECONFIG, "seed: expects null or an integer from 0 to %jd",
                       (intmax_t)SEED_MOST);
    job->seed = (uint64_t)node->value.integer;
    return FB_OK;
}

/* A group that must be a mapping; the message says which override chooses one. */
static int need_group(const struct fb_node *group, const char *name, struct fb_err *err) {
    if (group && group->kind == FB_MAP) return FB_OK;
    return fb_fail(err, FB_ECONFIG,
                   "the configuration has no %s; choose one with %s=NAME "
                   "(fusion_bench list)",
                   name, name);
}

static int read_method(struct job *job, struct fb_err *err) {
    if (need_group(job->o.method, "method", err)) return err->code;
    return fb_method_read(&job->method, &job->method_opts, job->o.method, job->cli->arena, err);
}

static int read_task(struct job *job, struct fb_err *err) {
    const struct fb_node *node = job->o.taskpool;
    struct fb_arena *a = job->cli->arena;

    if (!node) return FB_OK;
    if (need_group(node, "taskpool", err)) return err->code;
    if (!(job->task = fb_task_pool_find(node, err))) return err->code;
    job->task_opts = fb_arena_calloc(a, 1, job->task->opts_size + 1, err);
    if (!job->task_opts) return err->code;
    if (fb_opts_read(job->task->opts, job->task_opts, node, ignored_keys, a, err))
        return fb_context(err, "taskpool %s", job->task->name);
    return FB_OK;
}

/* A path option: NULL for null, false and "". "{log_dir}" is replaced by the run's folder. */
static int read_path(const char **out, const char *text, const char *folder, struct fb_arena *a,
                     struct fb_err *err) {
    const char *at = text ? strstr(text, "{log_dir}") : NULL;

    *out = text && *text ? text : NULL;
    if (!at) return FB_OK;
    if (!folder)
        return fb_fail(err, FB_ECONFIG, "'%s': this run has no folder for {log_dir}", text);
    *out = fb_arena_printf(a, err, "%.*s%s%s", (int)(at - text), text, folder,
                           at + strlen("{log_dir}"));
    return *out ? FB_OK : err->code;
}

static bool is_off(const struct fb_node *node) {
    return !node || (node->kind == FB_BOOL && !node->value.flag) ||
           (node->kind == FB_TEXT && !*node->text);
}

static int report_path(struct job *job, const char *folder, struct fb_err *err) {
    const struct fb_node *node = job->o.save_report;
    const char *key = "save_report";

    /* The older name has no default, so when it is set it was asked for. */
    if (is_off(node)) node = job->o.report_save_path, key = "report_save_path";
    if (is_off(node)) return FB_OK;
    if (node->kind != FB_TEXT)
        return fb_fail(err, FB_ECONFIG, "%s: expects a file name, null or false", key);
    return read_path(&job->report_path, node->text, folder, job->cli->arena, err);
}

static int read_paths(struct job *job, const char *folder, struct fb_err *err) {
    struct fb_arena *a = job->cli->arena;
    const struct fb_node *data = fb_node_get(job->o.path, "data_dir");

    if (data && data->kind == FB_TEXT) job->data_dir = data->text;
    if (report_path(job, folder, err) ||
        read_path(&job->save_path, job->o.merged_model_save_path, folder, a, err) ||
        read_path(&job->predictions_path, job->o.predictions_save_path, folder, a, err))
        return err->code;
    if (fb_opts_read(save_opts, &job->save, job->o.merged_model_save_kwargs, NULL, a, err))
        return fb_context(err, "merged_model_save_kwargs");
    return FB_OK;
}

/* ---- checks before anything is read ---------------------------------------------------------- */

static int probe(const char *path, const char *option, struct fb_err *err) {
    if (!path || !fb_file_probe(path, err)) return FB_OK;
    return fb_context(err, "%s", option);
}

/* What can be done with a result that is several models. */
static int check_ensemble(const struct job *job, struct fb_err *err) {
    if (!job->method->is_ensemble) return FB_OK;
    if (job->task && job->task->no_ensembles)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "taskpool %s cannot evaluate an ensemble (method %s): %s", job->task->name,
                       job->method->name, job->task->no_ensembles);
    if (job->save_path)
        return fb_fail(
            err, FB_EUNSUPPORTED,
            "merged_model_save_path: an ensemble (method %s) is the pool's models side by "
            "side and has no weights of its own to save",
            job->method->name);
    return FB_OK;
}

static int check(struct job *job, struct fb_err *err) {
    if (check_ensemble(job, err)) return err->code;
    if (fb_method_check(job->method, job->method_opts, &job->merge, err)) return err->code;
    if (job->task && job->task->check &&
        job->task->check(job->task_opts, job->pool, job->data_dir, err))
        return err->code;
    if (job->save_path && fb_save_probe(job->save_path, "merged_model_save_path", err))
        return err->code;
    if (job->predictions_path && !(job->task && job->task->needs_model))
        return fb_fail(err, FB_ECONFIG, "predictions_save_path: this run makes no predictions");
    if (probe(job->report_path, "report_save_path", err)) return err->code;
    return probe(job->predictions_path, "predictions_save_path", err);
}

/* The reference's order: method, modelpool, taskpool, then the others. */
static int show_config(const struct fb_node *config, const struct fb_log *log, struct fb_arena *a,
                       struct fb_err *err) {
    static const char *const first[] = {"method", "modelpool", "taskpool"};
    struct fb_node *ordered = fb_node_map(a, config->place, err);
    struct fb_str text = {0};
    int rc = ordered ? FB_OK : err->code;

    for (int64_t i = 0; !rc && i < 3 + config->count; i++) {
        const char *key = i < 3 ? first[i] : config->key[i - 3].text;
        const struct fb_node *value = fb_node_get(config, key);
        struct fb_node *copy;
        if (!value || fb_node_get(ordered, key)) continue;
        copy = fb_node_copy(a, value, err);
        rc = copy ? fb_node_set(a, ordered, key, copy, err) : err->code;
    }
    if (!rc) rc = fb_yaml_print(&text, ordered, err);
    if (!rc) fb_info(log, "%s", fb_str_text(&text));
    fb_str_free(&text);
    return rc;
}

/* ---- carrying it out ------------------------------------------------------------------------- */

static enum fb_dtype saved_dtype(const struct job *job) {
    enum fb_dtype dtype = FB_F32;

    fb_dtype_parse(job->save.dtype, &dtype);
    return dtype;
}

/* What the method is told, but for the file that it may write to. */
static void plan_merge(struct job *job, const char *folder) {
    job->merge = (struct fb_merge){.pool = job->pool,
                                   .log = job->cli->log,
                                   .arena = job->cli->arena,
                                   .data_dir = job->data_dir,
                                   .run_folder = folder,
                                   .fast_dev_run = job->o.fast_dev_run,
                                   .seed = job->seed,
                                   .block = job->limits.merge_block,
                                   .stream_dtype = saved_dtype(job)};
}

static int merge(struct job *job, struct fb_err *err) {
    bool stream = job->save_path && !(job->task && job->task->needs_model);
    double started = fb_now();
    char *weights = NULL;
    int rc;

    if (stream && !(weights = fb_save_weights_path(job->save_path, err))) return err->code;
    job->merge.stream_path = weights;
    rc = fb_method_run(job->method, job->method_opts, &job->merge, err);
    job->merge.stream_path = NULL;
    free(weights);
    job->merge_seconds = fb_now() - started;
    if (!rc)
        fb_info(job->cli->log, "merged by %s in %.2f s", job->method->name, job->merge_seconds);
    return rc;
}

static int save(struct job *job, struct fb_err *err) {
    struct fb_save request = {.path = job->save_path,
                              .model = job->merge.model,
                              .dtype = saved_dtype(job),
                              .tokenizer = job->save.save_tokenizer,
                              .weights = job->merge.streamed ? NULL : &job->merge.weights,
                              .method_name = job->method->name,
                              .method = job->o.method,
                              .modelpool = job->o.modelpool};

    if (!job->save_path) return FB_OK;
    if (fb_save_model(job->pool, &request, job->cli->arena, err)) return err->code;
    fb_info(job->cli->log, "merged model saved to %s", job->save_path);
    return FB_OK;
}

static int evaluate(struct job *job, struct fb_err *err) {
    struct fb_arena *a = job->cli->arena;
    struct fb_evaluation e = {.pool = job->pool,
                              .merged = &job->merge,
                              .log = job->cli->log,
                              .arena = a,
                              .data_dir = job->data_dir,
                              .predictions_path = job->predictions_path,
                              .fast_dev_run = job->o.fast_dev_run,
                              .batch_tokens = job->limits.batch_tokens};

    if (!job->task) {
        fb_info(job->cli->log, "no task pool: the result is not evaluated");
        return FB_OK;
    }
    job->report = e.report = fb_node_map(a, (struct fb_place){0}, err);
    job->table = e.table = fb_node_list(a, (struct fb_place){0}, err);
    if (!e.report || !e.table) return err->code;
    if (job->task->run(job->task_opts, &e, err)) return fb_context(err, "taskpool");
    return FB_OK;
}

static int print_report(const struct job *job, struct fb_err *err) {
    struct fb_str text = {0};
    int rc = fb_report_print_repr(&text, job->report, err);

    if (!rc) rc = fb_str_putc(&text, '\n', err) || fb_report_print_tree(&text, job->report, err);
    if (!rc && job->table->count)
        rc = fb_str_putc(&text, '\n', err) || fb_report_print_table(&text, job->table, err);
    if (!rc) fputs(fb_str_text(&text), stdout);
    fb_str_free(&text);
    return rc ? err->code : FB_OK;
}

static int carry_out(struct job *job, const struct fb_node *config, const char *folder,
                     struct fb_err *err) {
    double started = fb_now();
    struct fb_record record = {.folder = folder, .config = config};

    if (merge(job, err) || save(job, err) || evaluate(job, err)) return err->code;
    if (job->report && print_report(job, err)) return err->code;
    if (job->report_path && job->report && fb_report_save(job->report_path, job->report, err))
        return err->code;
    record.pool = job->pool;
    record.seconds = fb_now() - started;
    record.merge_seconds = job->merge_seconds;
    return folder ? fb_record_write(&record, job->cli->arena, err) : FB_OK;
}

int fb_job_run(const struct fb_node *config, const struct fb_node *unresolved, const char *folder,
               struct fb_cli *cli, struct fb_err *err) {
    struct job job = {.cli = cli};
    int rc = read_top(&job.o, config, cli->arena, err);

    if (!rc && job.o.log_dir) folder = job.o.log_dir;
    if (!rc) rc = read_limits(&job, err) || read_seed(&job, err);
    if (!rc) rc = read_method(&job, err) || read_task(&job, err) || read_paths(&job, folder, err);
    if (!rc) rc = need_group(job.o.modelpool, "modelpool", err);
    if (!rc) rc = fb_pool_create(&job.pool, job.o.modelpool, cli->log, err);
    if (!rc && job.o.print_config) rc = show_config(unresolved, cli->log, cli->arena, err);
    if (!rc) plan_merge(&job, folder);
    if (!rc) rc = check(&job, err);
    if (!rc && job.o.dry_run) fb_info(cli->log, "dry run: the configuration is sound");
    else if (!rc) rc = carry_out(&job, config, folder, err);
    fb_merge_free(&job.merge);
    fb_pool_close(job.pool);
    return rc ? err->code : FB_OK;
}
