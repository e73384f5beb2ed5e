/* t5_glue.c - the row of the Flan-T5 text-generation task pool, which this build cannot run: the
 * shipped configuration composes and is checked, and a run is refused before anything is read. */
#include "task/task.h"

struct opts {
    const char *name;
    const struct fb_node *tasks;
    const char *tokenizer;
    const char *cache_dir;
    int64_t batch_size;
    int64_t num_workers;
    bool fast_dev_run;
};

static const struct fb_opt opts[] = {
    FB_OPT_TEXT(struct opts, name, "null", "name of the pool, for information"),
    FB_OPT_NODE(struct opts, tasks, "null", "list of {name, dataset: {name, split}}"),
    FB_OPT_TEXT(struct opts, tokenizer, "google/flan-t5-base", "folder or hub name"),
    FB_OPT_TEXT(struct opts, cache_dir, "null", "accepted and not used: nothing is cached"),
    FB_OPT_INT(struct opts, batch_size, "32", 1, 65536, "prompts of a batch"),
    FB_OPT_INT(struct opts, num_workers, "4", 0, 1024, "accepted and not used"),
    FB_OPT_BOOL(struct opts, fast_dev_run, "false", "accepted and not used, as in the reference"),
    FB_OPT_END,
};

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
    .unavailable = "Flan-T5 evaluation is not available yet in this build",
};
