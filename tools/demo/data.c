#include "data.h"

#include "base/alloc.h"
#include "data/glue.h"
#include "out.h"

#include <stdlib.h>
#include <string.h>

/* ---- GLUE's columns ------------------------------------------------------------------------- */

static int put_row(struct fb_str *out, const struct fb_glue_task *glue, const struct example *e,
                   struct fb_err *err) {
    for (int i = 0; i < 2 && glue->text[i]; i++)
        if (fb_str_printf(out, err, "%s\t", e->text[i].text)) return err->code;
    if (glue->labels) return fb_str_printf(out, err, "%d\n", e->label);
    return fb_str_printf(out, err, "%d.%d\n", e->label / 10, e->label % 10);
}

static int write_split(const char *folder, const struct demo_rows *rows, const char *split,
                       struct fb_err *err) {
    const struct fb_glue_task *glue = fb_glue_find(rows->task->name);
    char *name = fb_asprintf(err, "%s/%s.tsv", rows->task->name, split);
    struct fb_str text = {0};
    int rc = name ? FB_OK : err->code;

    for (int i = 0; i < 2 && glue->text[i] && !rc; i++)
        rc = fb_str_printf(&text, err, "%s\t", glue->text[i]);
    if (!rc) rc = fb_str_printf(&text, err, "%s\n", glue->label);
    for (int i = 0; i < rows->count && !rc; i++)
        rc = put_row(&text, glue, &rows->row[i], err);
    if (!rc) rc = demo_write(folder, name, &text, err);
    fb_str_free(&text);
    free(name);
    return rc;
}

static int write_task(const char *folder, const struct demo_task *task, int train_rows,
                      struct fb_err *err) {
    struct demo_rows validation, train = {0};
    int rc;

    if (demo_rows_draw(&validation, task, DEMO_VALIDATION, DEMO_VALIDATION_ROWS, NULL, err))
        return err->code;
    rc = write_split(folder, &validation, fb_glue_find(task->name)->validation, err);
    if (!rc) rc = demo_rows_train(&train, task, train_rows, err);
    if (!rc) rc = write_split(folder, &train, "train", err);
    demo_rows_free(&validation);
    demo_rows_free(&train);
    return rc;
}

int demo_data_write(const char *folder, int train_rows, struct fb_err *err) {
    for (int i = 0; i < DEMO_TASKS; i++)
        if (write_task(folder, &demo_tasks[i], train_rows, err)) return err->code;
    return FB_OK;
}

/* ---- examples/own-data ---------------------------------------------------------------------- */

typedef int put_own(struct fb_str *out, const struct example *e, int number, struct fb_err *err);

/* Quoted where there is a comma in it; the space at its end is not taken along. */
static int put_review(struct fb_str *out, const struct example *e, int number, struct fb_err *err) {
    const char *text = e->text[0].text, *quote = strchr(text, ',') ? "\"" : "";

    (void)number;
    return fb_str_printf(out, err, "%s%.*s%s,%s\n", quote, (int)e->text[0].size - 1, text, quote,
                         e->label ? "good" : "bad");
}

static int put_sentence(struct fb_str *out, const struct example *e, int number,
                        struct fb_err *err) {
    return fb_str_printf(out, err, "%d\t%s\t%s\n", number, e->text[0].text,
                         e->label ? "fine" : "wrong");
}

static int put_answer(struct fb_str *out, const struct example *e, int number, struct fb_err *err) {
    (void)number;
    if (demo_put_field(out, "question", e->text[0].text, err) ||
        demo_put_field(out, "reply", e->text[1].text, err))
        return err->code;
    return fb_str_printf(out, err, ", \"off_topic\": %d}\n", e->label);
}

static const struct own {
    const char *task, *header, *name[2]; /* test, train */
    put_own *put;
} owns[] = {
    {"sst2", "review,mood\n", {"reviews-test.csv", "reviews-train.csv"}, put_review},
    {"cola", "id\tsentence\tverdict\n", {"grammar-test.tsv", "grammar-train.tsv"}, put_sentence},
    {"qnli", "", {"answers-test.jsonl", "answers-train.jsonl"}, put_answer},
};
enum { OWNS = sizeof owns / sizeof *owns, OWN_TEST_ROWS = 128, OWN_TRAIN_ROWS = 384 };

static int write_own_rows(const char *folder, const struct own *own, int split,
                          const struct demo_rows *rows, struct fb_err *err) {
    struct fb_str text = {0};
    int rc = fb_str_puts(&text, own->header, err);

    for (int i = 0; i < rows->count && !rc; i++)
        rc = own->put(&text, &rows->row[i], i, err);
    if (!rc) rc = demo_write(folder, own->name[split], &text, err);
    fb_str_free(&text);
    return rc;
}

static int write_own(const char *folder, const struct own *own, struct fb_err *err) {
    const struct demo_task *task = demo_task(own->task);
    struct demo_rows test, train = {0};
    int rc;

    if (demo_rows_draw(&test, task, DEMO_OWN_TEST, OWN_TEST_ROWS, NULL, err)) return err->code;
    rc = demo_rows_draw(&train, task, DEMO_OWN_TRAIN, OWN_TRAIN_ROWS, &test, err);
    if (!rc) rc = write_own_rows(folder, own, 0, &test, err);
    if (!rc) rc = write_own_rows(folder, own, 1, &train, err);
    demo_rows_free(&test);
    demo_rows_free(&train);
    return rc;
}

int demo_data_write_own(const char *folder, struct fb_err *err) {
    for (int i = 0; i < OWNS; i++)
        if (write_own(folder, &owns[i], err)) return err->code;
    return FB_OK;
}
