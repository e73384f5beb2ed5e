/* template.h - the text-to-text prompts of the GLUE tasks (FusionBench's Flan-T5 templates, to the
 * letter, misspellings included). */
#ifndef FB_TEXT_TEMPLATE_H
#define FB_TEXT_TEMPLATE_H

#include "base/str.h"

/* One task. Placeholders are {column}; braces inside the data are safe. */
struct fb_template {
    const char *task;      /* "cola" */
    const char *input;     /* "Indicate if ... \"{sentence}\". Answere ..." */
    const char *target[3]; /* class words by label, NULL-terminated where fewer; all NULL: the label
                              with one decimal */
};

/* By GLUE task name ("cola"); NULL if unknown. */
const struct fb_template *fb_template_find(const char *task);
/* All, ended by a row whose task is NULL. */
extern const struct fb_template fb_templates[];

enum { FB_TEMPLATE_COLUMN = 64 }; /* bytes that any column name of a template fits in */

/* The next placeholder at or behind `*at`, which starts as `input`: writes its column, moves `*at`
 * behind its brace and returns its width with both braces; 0 when there is none left. */
int fb_template_next(const char **at, char column[FB_TEMPLATE_COLUMN]);

/* Gives the text of a column: borrowed, not terminated; NULL after an error in `err`. */
typedef const char *fb_template_text(void *self, const char *column, size_t *size,
                                     struct fb_err *err);
/* Appends the prompt with the columns' raw text in it; nothing after a failure. */
int fb_template_input(struct fb_str *out, const struct fb_template *t, fb_template_text *text,
                      void *self, struct fb_err *err) FB_MUST_CHECK;
/* Appends the answer for a label: a class word ("" for an unknown label), or "%.1f" of
 * it as Python formats it. */
int fb_template_target(struct fb_str *out, const struct fb_template *t, double label,
                       struct fb_err *err) FB_MUST_CHECK;

#endif
