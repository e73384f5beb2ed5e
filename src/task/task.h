/* task.h - a task pool: model + data -> predictions -> report. */
#ifndef FB_TASK_TASK_H
#define FB_TASK_TASK_H

#include "base/log.h"
#include "config/opts.h"
#include "method/method.h"
#include "pool/pool.h"

/* What an evaluation works with. Everything is borrowed. */
struct fb_evaluation {
    struct fb_pool *pool;
    struct fb_merge *merged; /* borrowed; a task pool may release values that its model has copied,
                                as nothing reads them afterwards */
    const struct fb_log *log;
    struct fb_arena *arena;
    const char *data_dir;         /* path.data_dir of the configuration, or NULL */
    const char *predictions_path; /* NULL: not written */
    int64_t batch_tokens;         /* most tokens computed at once; 0: chosen */
    bool fast_dev_run;
    struct fb_node *report; /* out: mapping, from `arena`; what the JSON file holds */
    struct fb_node *table;  /* out: rows for the printed table (task, metric, correct, total,
                                     value, low, high, seconds); not part of the JSON */
};

struct fb_task_pool {
    const char *name;           /* `type:` of the list layout: "GPT2TextClassificationTaskPool" */
    const char *const *targets; /* `_target_:` values that mean the same; NULL-terminated */
    const char *summary;
    const struct fb_opt *opts;
    size_t opts_size;
    bool needs_model;         /* false: only names and shapes of the result are looked at */
    const char *no_ensembles; /* not NULL: why an ensemble cannot be evaluated */
    /* Checks the configuration against the pool before a model is computed: tasks known, data and
     * heads there. Opens files, reads no weights. */
    int (*check)(const void *opts, struct fb_pool *pool, const char *data_dir, struct fb_err *err);
    int (*run)(const void *opts, struct fb_evaluation *evaluation, struct fb_err *err);
};

extern const struct fb_task_pool *const fb_task_pools[]; /* tasks.c; NULL-terminated */

const struct fb_task_pool *fb_task_pool_find(const struct fb_node *config, struct fb_err *err);

#endif
