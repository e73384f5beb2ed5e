/* glue_form.h - GLUE files of other layouts, brought into the published one.
 *
 * The published parquet files (hub dataset nyu-mll/glue) are taken as they are. In the original
 * tab-separated files, and in JSON with text_a / text_b, columns are renamed to the published names
 * and labels become the published numbers: class ids, or scores rounded to 32 bits. Labels of the
 * test splits, where there are none, are -1. */
#ifndef FB_DATA_GLUE_FORM_H
#define FB_DATA_GLUE_FORM_H

#include "data/glue.h"

/* What the original files of a task are called, and their columns where the names differ. */
struct fb_glue_original {
    const char *name, *folder;
    const char *text[2];
    const char *label;
};

/* NULL for a task that is not GLUE's own. */
const struct fb_glue_original *fb_glue_original(const struct fb_glue_task *task);

/* Renames and converts in place; other columns stay. Text columns without nulls and a label in
 * range are guaranteed afterwards; FB_EFORMAT names the row, FB_ENOTFOUND the column. */
int fb_glue_publish(struct fb_dataset *d, const struct fb_glue_task *task, const char *split,
                    struct fb_err *err) FB_MUST_CHECK;

/* Opens a tab-separated file: exactly the published columns, idx being the row's number. */
int fb_glue_open_tsv(struct fb_dataset *out, const char *path, const struct fb_glue_task *task,
                     const char *split, int64_t limit, struct fb_err *err) FB_MUST_CHECK;

#endif
