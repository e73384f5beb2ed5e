#include "data/prompt.h"

#include "config/json.h"

static const struct fb_column *number_column(const struct fb_dataset *data,
                                             const struct fb_template *form, struct fb_err *err) {
    const struct fb_column *label = fb_dataset_column(data, "label", err);

    if (!label) return NULL;
    if (label->kind == FB_COLUMN_INT || label->kind == FB_COLUMN_BOOL) return label;
    if (label->kind == FB_COLUMN_REAL && !form->target[0]) return label;
    fb_fail(err, FB_EFORMAT, "column 'label' holds %s where task '%s' has %s",
            label->kind == FB_COLUMN_REAL ? "fractions" : "text", form->task,
            form->target[0] ? "classes 0, 1, ..." : "a score");
    return NULL;
}

int fb_prompts_open(struct fb_prompts *out, const struct fb_dataset *data,
                    const struct fb_template *form, struct fb_err *err) {
    char column[FB_TEMPLATE_COLUMN];
    const char *at = form->input;

    *out = (struct fb_prompts){.data = data, .form = form};
    while (fb_template_next(&at, column)) {
        const struct fb_column *text = fb_dataset_column(data, column, err);
        if (!text) return fb_context(err, "the prompt of task '%s'", form->task);
        if (text->kind != FB_COLUMN_TEXT)
            return fb_fail(err, FB_EFORMAT, "the prompt of task '%s': column '%s' holds no text",
                           form->task, column);
    }
    if (!(out->label = number_column(data, form, err)))
        return fb_context(err, "the answer of task '%s'", form->task);
    return FB_OK;
}

/* One row, as the callback of the template sees it. */
struct row {
    const struct fb_dataset *data;
    int64_t row;
};

static int fail_null(const char *column, int64_t row, struct fb_err *err) {
    return fb_fail(err, FB_EFORMAT, "row %jd: column '%s' is null", (intmax_t)row, column);
}

static const char *row_text(void *self, const char *name, size_t *size, struct fb_err *err) {
    const struct row *r = self;
    const struct fb_column *column = fb_dataset_column(r->data, name, err);

    if (!column) return NULL;
    if (!column->valid || column->valid[r->row]) return fb_column_text(column, r->row, size);
    fail_null(name, r->row, err);
    return NULL;
}

int fb_prompt_input(struct fb_str *out, const struct fb_prompts *p, int64_t row,
                    struct fb_err *err) {
    struct row self = {p->data, row};

    return fb_template_input(out, p->form, row_text, &self, err);
}

int fb_prompt_target(struct fb_str *out, const struct fb_prompts *p, int64_t row,
                     struct fb_err *err) {
    const struct fb_column *label = p->label;

    if (label->valid && !label->valid[row]) return fail_null("label", row, err);
    return fb_template_target(
        out, p->form,
        label->kind == FB_COLUMN_REAL ? label->real[row] : (double)label->integer[row], err);
}

int fb_prompt_print(struct fb_str *out, const struct fb_prompts *p, int64_t row,
                    struct fb_err *err) {
    struct fb_str text = {0};
    int rc = fb_prompt_input(&text, p, row, err);

    if (!rc) rc = fb_str_puts(out, "{\"input_text\": ", err);
    if (!rc) rc = fb_json_print_text(out, text.data, text.size, false, err);
    if (!rc) rc = fb_str_puts(out, ", \"target_text\": ", err);
    text.size = 0;
    if (!rc) rc = fb_prompt_target(&text, p, row, err);
    if (!rc) rc = fb_json_print_text(out, fb_str_text(&text), text.size, false, err);
    if (!rc) rc = fb_str_putc(out, '}', err);
    fb_str_free(&text);
    return rc;
}
