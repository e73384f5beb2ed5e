/* cmd_dataset.c - the rows of a GLUE task or of any dataset file, as JSON lines: as they are, or as
 * the prompts and answers of a text-to-text template. */
#include "cli/command.h"

#include "base/interrupt.h"
#include "base/map.h"
#include "data/glue.h"
#include "data/prompt.h"

#include <stdio.h>
#include <string.h>

struct opts {
    const char *split;
    const char *data_dir;
    int64_t limit;
    bool prompts;
    const char *task;
};

static const struct fb_opt opts[] = {
    FB_OPT_TEXT(struct opts, split, "null",
                "split of a GLUE task (default: the one that is evaluated)"),
    FB_OPT_TEXT(struct opts, data_dir, "null",
                "folder that holds glue/TASK (then FUSION_BENCH_DATA_DIR, then the Hugging Face "
                "cache)"),
    FB_OPT_INT(struct opts, limit, "-1", -1, 9e15, "print this many rows at most; -1: all"),
    FB_OPT_BOOL(struct opts, prompts, "false",
                "print the prompt and the answer that Flan-T5 models are tuned with: "
                "{\"input_text\": ..., \"target_text\": ...}"),
    FB_OPT_TEXT(struct opts, task, "null",
                "GLUE task whose prompt is used with --prompts (default: TASK of glue/TASK)"),
    FB_OPT_END,
};

static int open_named(struct fb_dataset *out, const char *name, const struct opts *o,
                      struct fb_err *err) {
    const struct fb_glue_task *task = fb_starts_with(name, "glue/") ? fb_glue_find(name) : NULL;

    if (task)
        return fb_glue_open(out, task, o->split ? o->split : task->validation, o->data_dir,
                            o->limit, err);
    if (fb_starts_with(name, "glue/") && !fb_is_file(name))
        return fb_glue_fail_unknown(name + 5, FB_ENOTFOUND, err);
    if (o->split || o->data_dir)
        return fb_fail(err, FB_EUSAGE,
                       "dataset: --split and --data-dir go with glue/TASK, not "
                       "with the file '%s'",
                       name);
    return fb_dataset_open(out, name, o->limit, err);
}

/* The template that the options and the name ask for; NULL in `*out` if they ask for none. */
static int find_template(const struct fb_template **out, const char *name, const struct opts *o,
                         struct fb_err *err) {
    const struct fb_glue_task *task;

    *out = NULL;
    if (!o->prompts)
        return o->task ? fb_fail(err, FB_EUSAGE, "dataset: --task goes with --prompts") : FB_OK;
    if (!o->task && !fb_starts_with(name, "glue/"))
        return fb_fail(err, FB_EUSAGE, "dataset: --prompts of a file needs --task: %s",
                       "cola, mnli, mrpc, qnli, qqp, rte, sst2 or stsb");
    task = fb_glue_find(o->task ? o->task : name);
    if (!task) return o->task ? fb_glue_fail_unknown(o->task, FB_EUSAGE, err) : FB_OK;
    *out = fb_template_find(task->name);
    return FB_OK;
}

static int print_rows(const struct fb_dataset *d, const struct fb_prompts *prompts,
                      struct fb_err *err) {
    struct fb_str text = {0};

    for (int64_t row = 0; row < d->rows; row++) {
        text.size = 0;
        if (fb_interrupted(err) ||
            (prompts ? fb_prompt_print(&text, prompts, row, err)
                     : fb_dataset_print_row(&text, d, row, err)) ||
            fb_str_putc(&text, '\n', err))
            break;
        if (fwrite(text.data, 1, text.size, stdout) != text.size) {
            fb_fail(err, FB_EIO, "cannot write to standard output");
            break;
        }
    }
    fb_str_free(&text);
    return err->code;
}

static int run(const void *o, int argc, char **argv, struct fb_cli *cli, struct fb_err *err) {
    const struct fb_template *form;
    struct fb_prompts prompts;
    struct fb_dataset d;
    int rc = FB_OK;

    if (argc != 1) return fb_fail(err, FB_EUSAGE, "dataset: expects one name, glue/TASK or a file");
    if (find_template(&form, argv[0], o, err) || open_named(&d, argv[0], o, err)) return err->code;
    for (int i = 0; i < d.skips; i++)
        fb_warn(cli->log, "column '%s' is left out: it %s", d.skipped[i].name, d.skipped[i].why);
    err->code = FB_OK;
    if (form) rc = fb_prompts_open(&prompts, &d, form, err);
    if (!rc && (rc = print_rows(&d, form ? &prompts : NULL, err)) && form)
        rc = fb_context(err, "%s", argv[0]);
    fb_dataset_free(&d);
    return rc;
}

const struct fb_command fb_cmd_dataset = {
    .name = "dataset",
    .arguments = "glue/TASK|FILE",
    .summary = "Print the rows of a GLUE task or of a dataset file as JSON lines.",
    .details = "FILE is parquet, JSON lines, a JSON list of objects, .tsv or .csv. A GLUE task\n"
               "(cola, mnli, mrpc, qnli, qqp, rte, sst2, stsb) is looked for in --data-dir, in\n"
               "$FUSION_BENCH_DATA_DIR and in the Hugging Face cache.\n\n"
               "  fusion_bench dataset glue/rte --data-dir data --limit 3\n"
               "  fusion_bench dataset rows.jsonl --task rte --prompts",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .run = run,
};
