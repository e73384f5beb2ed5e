#include "corpus.h"

#include "data/glue.h"
#include "out.h"
#include "text/template.h"

#include <stdio.h>
#include <string.h>

int demo_corpus_text(struct fb_str *out, const struct demo_all *all, struct fb_err *err) {
    char text[2 * LINE_MAX_BYTES];

    for (int at = 0; at < DEMO_TRAIN_ROWS; at++)
        for (int k = 0; k < DEMO_CLASS_TASKS; k++) {
            const struct example *e = &all->of[k].row[at];
            if (!demo_sensible(all->of[k].task, e)) continue;
            snprintf(text, sizeof text, "%s%s", e->text[0].text, e->text[1].text);
            if (demo_put_field(out, "text", text, err) || fb_str_puts(out, "}\n", err))
                return err->code;
        }
    return FB_OK;
}

/* ---- prompts -------------------------------------------------------------------------------- */

struct columns {
    const struct fb_glue_task *glue;
    const struct example *example;
};

static const char *column_text(void *self, const char *column, size_t *size, struct fb_err *err) {
    const struct columns *c = self;
    int second = c->glue->text[1] && !strcmp(column, c->glue->text[1]);

    (void)err;
    *size = c->example->text[second].size;
    return c->example->text[second].text;
}

int demo_put_prompt(struct fb_str *out, const struct demo_task *task, const struct example *e,
                    struct fb_err *err) {
    struct columns columns = {fb_glue_find(task->name), e};

    return fb_template_input(out, fb_template_find(task->name), column_text, &columns, err);
}

int demo_put_answer(struct fb_str *out, const struct demo_task *task, const struct example *e,
                    struct fb_err *err) {
    double label = fb_glue_find(task->name)->labels ? e->label : e->label / 10.0;

    return fb_template_target(out, fb_template_find(task->name), label, err);
}

/* ---- gaps ----------------------------------------------------------------------------------- */

/* A gap of 1 to 3 words begins at one word in ten: about a fifth of the words is missing. */
enum { GAP_MAX = 3, GAP_CHANCE = 10, SENTINELS = 16 };

static int put_sentinel(struct fb_str *out, int number, struct fb_err *err) {
    return fb_str_printf(out, err, "%s<extra_id_%d>", out->size ? " " : "", number);
}

static int put_word(struct fb_str *out, const char *word, size_t size, struct fb_err *err) {
    if (out->size && fb_str_putc(out, ' ', err)) return err->code;
    return fb_str_append(out, word, size, err);
}

/* Words of `text` go to `left` or, behind the number of their gap, to `gone`, which ends with the
 * number that follows. */
static int cut(struct fb_str *left, struct fb_str *gone, const char *text, struct draws *d,
               struct fb_err *err) {
    int gaps = 0, missing = 0;

    for (size_t size; *text; text += size + (text[size] == ' ')) {
        size = strcspn(text, " ");
        if (!missing && draw_chance(d, GAP_CHANCE) && gaps + 1 < SENTINELS) {
            missing = 1 + draw_below(d, GAP_MAX);
            if (put_sentinel(left, gaps, err) || put_sentinel(gone, gaps, err)) return err->code;
            gaps++;
        }
        if (put_word(missing ? gone : left, text, size, err)) return err->code;
        missing -= missing > 0;
    }
    return put_sentinel(gone, gaps, err);
}

static const struct example *draw_example(const struct demo_task **task, const struct demo_all *all,
                                          bool sensible, struct draws *d) {
    const struct demo_rows *rows;
    const struct example *e;

    do {
        rows = &all->of[draw_below(d, DEMO_TASKS)];
        e = &rows->row[draw_below(d, rows->count)];
    } while (sensible && !demo_sensible(rows->task, e));
    *task = rows->task;
    return e;
}

static int put_pair(struct fb_str *out, const struct demo_all *all, bool asks, struct draws *d,
                    struct fb_err *err) {
    const struct demo_task *task;
    const struct example *e = draw_example(&task, all, !asks, d);
    struct fb_str prompt = {0}, input = {0}, target = {0};
    int rc = demo_put_prompt(&prompt, task, e, err);

    if (!rc)
        rc = asks ? demo_put_answer(&target, task, e, err)
                  : cut(&input, &target, fb_str_text(&prompt), d, err);
    if (!rc) rc = demo_put_field(out, "input_text", fb_str_text(asks ? &prompt : &input), err);
    if (!rc) rc = demo_put_field(out, "target_text", fb_str_text(&target), err);
    if (!rc) rc = fb_str_puts(out, "}\n", err);
    fb_str_free(&prompt);
    fb_str_free(&input);
    fb_str_free(&target);
    return rc;
}

int demo_corpus_prompts(struct fb_str *out, const struct demo_all *all, int count, int asked,
                        struct fb_err *err) {
    struct draws d = {.seed = demo_seed(DEMO_GAPS, 0)};

    for (int i = 0; i < count; i++)
        if (put_pair(out, all, draw_chance(&d, asked), &d, err)) return err->code;
    return FB_OK;
}
