/* data.h - the files of the tasks. */
#ifndef DEMO_DATA_H
#define DEMO_DATA_H

#include "rows.h"

/* <folder>/<task>/train.tsv and validation.tsv (validation_matched.tsv) of all tasks, under the
 * columns of GLUE; a training file begins with what a smaller one holds. */
int demo_data_write(const char *folder, int train_rows, struct fb_err *err) FB_MUST_CHECK;
/* Three tasks in formats, columns and labels of their own: <folder>/reviews-{train,test}.csv,
 * grammar-{train,test}.tsv, answers-{train,test}.jsonl. */
int demo_data_write_own(const char *folder, struct fb_err *err) FB_MUST_CHECK;

#endif
