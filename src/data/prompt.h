/* prompt.h - the rows of a dataset as text-to-text examples of a template. */
#ifndef FB_DATA_PROMPT_H
#define FB_DATA_PROMPT_H

#include "data/dataset.h"
#include "text/template.h"

/* Everything is borrowed. */
struct fb_prompts {
    const struct fb_dataset *data;
    const struct fb_template *form;
    const struct fb_column *label;
};

/* Checks that the dataset has the template's columns as text and a label of numbers (whole ones
 * for templates of classes). FB_ENOTFOUND names the column that is missing and those there are. */
int fb_prompts_open(struct fb_prompts *out, const struct fb_dataset *data,
                    const struct fb_template *form, struct fb_err *err) FB_MUST_CHECK;
/* Append the prompt and the answer of a row. FB_EFORMAT for a null among the columns. */
int fb_prompt_input(struct fb_str *out, const struct fb_prompts *p, int64_t row,
                    struct fb_err *err) FB_MUST_CHECK;
int fb_prompt_target(struct fb_str *out, const struct fb_prompts *p, int64_t row,
                     struct fb_err *err) FB_MUST_CHECK;
/* {"input_text": ..., "target_text": ...}, as Python's json.dumps(ensure_ascii=False). */
int fb_prompt_print(struct fb_str *out, const struct fb_prompts *p, int64_t row,
                    struct fb_err *err) FB_MUST_CHECK;

#endif
