/* glue.h - the GLUE tasks: where their files are, which columns are text, what the labels mean. */
#ifndef FB_DATA_GLUE_H
#define FB_DATA_GLUE_H

#include "data/dataset.h"

struct fb_glue_task {
    const char *name;           /* "cola" */
    const char *text[2];        /* columns; text[1] NULL for single sentences */
    const char *label;          /* column: "label" */
    const char *validation;     /* split that is evaluated: "validation", "validation_matched" */
    int labels;                 /* number of classes; 0 for stsb, whose label is a score 0..5 */
    const char *label_names[3]; /* "entailment", ... as in the dataset's own features */
    int64_t validation_rows;    /* of the published data, for information */
};

/* By name, with or without "glue-" or "glue/" in front; NULL if unknown. */
const struct fb_glue_task *fb_glue_find(const char *name);
/* Fails with the nearest name and all there are. */
int fb_glue_fail_unknown(const char *name, int code, struct fb_err *err);
/* All eight, ended by a row whose name is NULL. */
extern const struct fb_glue_task fb_glue_tasks[];

/* Finds and reads a split. `data_dir` (may be NULL) is searched for
 * glue/<task>/<split>-*.parquet, glue/<task>/<split>.{parquet,jsonl,json,tsv}, the same without
 * "glue/", and the original GLUE layout <TASK>/dev.tsv; then $FUSION_BENCH_DATA_DIR; then the local
 * Hugging Face hub cache (datasets nyu-mll/glue and glue); then what the library `datasets` has
 * prepared (glue_cache.h). FB_ENOTFOUND says every place. The
 * result always has the task's text columns and a numeric label column. */
int fb_glue_open(struct fb_dataset *out, const struct fb_glue_task *task, const char *split,
                 const char *data_dir, int64_t limit, struct fb_err *err) FB_MUST_CHECK;

#endif
