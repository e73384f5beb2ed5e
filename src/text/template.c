/* template.c - the prompts that FusionBench's Flan-T5 models were tuned with, to the letter.
 *
 * "Answere" is part of them: models have learned it. */
#include "text/template.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

const struct fb_template fb_templates[] = {
    {"cola",
     "Indicate if the following sentence is grammatically correct or not: \"{sentence}\". Answere "
     "'acceptable' or 'unacceptable'.",
     {"unacceptable", "acceptable"}},
    {"mnli",
     "Does the premise: '{premise}' logically imply, contradict, or is neutral to the hypothesis: "
     "'{hypothesis}'? Answere with 'entailment', 'contradiction', or 'neutral'.",
     {"entailment", "neutral", "contradiction"}},
    {"mrpc",
     "Are the following sentences '{sentence1}' and '{sentence2}' conveying the same meaning? "
     "Answere with 'yes' or 'no'.",
     {"no", "yes"}},
    {"qnli",
     "Given the context: '{sentence}', does the question '{question}' have an answer based on the "
     "information provided? Answer with 'yes' or 'no'.",
     {"yes", "no"}},
    {"qqp",
     "Do the questions '{question1}' and '{question2}' have the same intent? Answere with 'yes' or "
     "'no'.",
     {"no", "yes"}},
    {"rte",
     "Does the text: '{sentence1}' entail that '{sentence2}' is true? Provide 'yes' or 'no'.",
     {"yes", "no"}},
    {"sst2",
     "Given the sentence '{sentence}', determine the sentiment. Is it positive or negative?",
     {"negative", "positive"}},
    {"stsb",
     "Consider the sentences '{sentence1}' and '{sentence2}'. On a scale from 1 (completely "
     "different) to 5 (completely similar), rate the similarity.",
     {NULL}},
    {NULL, NULL, {NULL}},
};

const struct fb_template *fb_template_find(const char *task) {
    for (const struct fb_template *t = fb_templates; t->task; t++)
        if (!strcmp(t->task, task)) return t;
    return NULL;
}

int fb_template_next(const char **at, char column[FB_TEMPLATE_COLUMN]) {
    const char *open = strchr(*at, '{');
    const char *close = open ? strchr(open, '}') : NULL;

    if (!close) return 0;
    snprintf(column, FB_TEMPLATE_COLUMN, "%.*s", (int)(close - open - 1), open + 1);
    *at = close + 1;
    return (int)(close + 1 - open);
}

int fb_template_input(struct fb_str *out, const struct fb_template *t, fb_template_text *text,
                      void *self, struct fb_err *err) {
    char column[FB_TEMPLATE_COLUMN];
    const char *from = t->input, *at = from, *words;
    size_t kept = out->size, size;
    int width;

    while ((width = fb_template_next(&at, column))) {
        if (!(words = text(self, column, &size, err)) ||
            fb_str_append(out, from, (size_t)(at - from - width), err) ||
            fb_str_append(out, words, size, err))
            goto fail;
        from = at;
    }
    if (!fb_str_puts(out, from, err)) return FB_OK;
fail:
    out->size = kept;
    if (out->data) out->data[kept] = '\0';
    return err->code;
}

int fb_template_target(struct fb_str *out, const struct fb_template *t, double label,
                       struct fb_err *err) {
    /* Python writes every NaN as "nan"; C keeps its sign. */
    if (!t->target[0])
        return isnan(label) ? fb_str_puts(out, "nan", err) : fb_str_printf(out, err, "%.1f", label);
    for (int i = 0; i < 3 && t->target[i]; i++)
        if (label == i) return fb_str_puts(out, t->target[i], err);
    return FB_OK;
}
