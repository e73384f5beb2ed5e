/* corpus.h - what the base models learn from, as JSON lines. */
#ifndef DEMO_CORPUS_H
#define DEMO_CORPUS_H

#include "rows.h"

#include "base/str.h"

/* {"text": ...}: the sensible examples of the tasks with classes, in an order that mixes the tasks.
 * The two texts of a pair stand end to end, as a classifier reads them. */
int demo_corpus_text(struct fb_str *out, const struct demo_all *all,
                     struct fb_err *err) FB_MUST_CHECK;

/* `count` rows {"input_text": ..., "target_text": ...} from the prompts of all tasks. `asked` of
 * 100 are a prompt and its answer; the others are prompts of sensible examples with gaps, and what
 * stood there (span corruption: Raffel et al. 2020, section 3.1.4). */
int demo_corpus_prompts(struct fb_str *out, const struct demo_all *all, int count, int asked,
                        struct fb_err *err) FB_MUST_CHECK;

/* Appends the prompt of a row, and its answer. */
int demo_put_prompt(struct fb_str *out, const struct demo_task *task, const struct example *e,
                    struct fb_err *err) FB_MUST_CHECK;
int demo_put_answer(struct fb_str *out, const struct demo_task *task, const struct example *e,
                    struct fb_err *err) FB_MUST_CHECK;

#endif
