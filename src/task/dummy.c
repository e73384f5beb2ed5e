/* dummy.c - the task pool that counts parameters and evaluates nothing. */
#include "base/alloc.h"
#include "task/task.h"

#include <stdio.h>

struct opts {
    const char *model_save_path;
};

static const struct fb_opt opts[] = {
    FB_OPT_TEXT(struct opts, model_save_path, "null",
                "refused when set: use merged_model_save_path, which writes safetensors"),
    FB_OPT_END,
};

/* The reference's human-readable count: two decimals and a letter, thousands of 1000, integers
 * below 1000 as they are. */
static void human(char *out, size_t size, int64_t n) {
    static const char letters[] = "KMBTP";
    double v = (double)n;
    int i = -1;

    if (n < 1000) {
        snprintf(out, size, "%jd", (intmax_t)n);
        return;
    }
    while (v >= 1000 && i < (int)sizeof letters - 2) {
        v /= 1000;
        i++;
    }
    snprintf(out, size, "%.2f%c", v, letters[i]);
}

static int check(const void *o, struct fb_pool *pool, const char *data_dir, struct fb_err *err) {
    const struct opts *options = o;

    (void)pool;
    (void)data_dir;
    if (!options->model_save_path) return FB_OK;
    return fb_fail(err, FB_EUNSUPPORTED,
                   "taskpool.model_save_path: torch pickles are not written; use "
                   "merged_model_save_path=FOLDER or FILE.safetensors");
}

static int run(const void *o, struct fb_evaluation *evaluation, struct fb_err *err) {
    struct fb_arena *a = evaluation->arena;
    struct fb_node *info = fb_node_map(a, (struct fb_place){0}, err);
    int64_t trainable = 0, all = 0;
    char words[2][32];

    (void)o;
    fb_merge_count(evaluation->merged, &trainable, &all);
    human(words[0], sizeof words[0], trainable);
    human(words[1], sizeof words[1], all);
    printf("trainable params: %s || all params: %s || trainable%%: %.4f\n", words[0], words[1],
           all ? 100.0 * (double)trainable / (double)all : 0.0);
    if (fb_node_set_int(a, info, "trainable_params", trainable, err) ||
        fb_node_set_int(a, info, "all_params", all, err) ||
        fb_node_set_real(a, info, "trainable_percentage",
                         all ? (double)trainable / (double)all : 0.0, err))
        return err->code;
    return fb_node_set(a, evaluation->report, "model_info", info, err);
}

static const char *const targets[] = {"fusion_bench.taskpool.DummyTaskPool", "DummyTaskPool", NULL};

const struct fb_task_pool fb_task_pool_dummy = {
    .name = "dummy",
    .targets = targets,
    .summary = "Counts parameters; evaluates nothing.",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .needs_model = false,
    .check = check,
    .run = run,
};
