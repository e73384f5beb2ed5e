/* glue_data.h - what the GLUE task pools share: the configured tokenizer, and the look at the data
 * before a run. */
#ifndef FB_TASK_GLUE_DATA_H
#define FB_TASK_GLUE_DATA_H

#include "task/glue_list.h"
#include "text/tokenizer.h"

/* Folder or hub name out of `tokenizer:`, a string or {pretrained_model_name_or_path: ...};
 * `fallback` where the node is NULL. NULL after FB_ECONFIG. */
const char *fb_glue_tokenizer_name(const struct fb_node *node, const char *fallback,
                                   struct fb_err *err);
/* Finds and opens it; owned: fb_tokenizer_close. Errors begin with "taskpool.tokenizer". */
int fb_glue_tokenizer_open(struct fb_tokenizer **out, const struct fb_node *node,
                           const char *fallback, struct fb_err *err) FB_MUST_CHECK;
/* Whether the first row of the task's split can be read. */
int fb_glue_data_check(const struct fb_glue_item *item, const char *data_dir,
                       struct fb_err *err) FB_MUST_CHECK;

#endif
