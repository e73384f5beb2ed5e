#include "train/corpus.h"

#include "base/alloc.h"
#include "base/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_MAX = 1 << 16 };

/* ---- columns --------------------------------------------------------------------------------- */

static const struct {
    const char *text, *label;
} usual[] = {
    [FB_CLASSIFICATION] = {"text", "label"},
    [FB_TEXT_TO_TEXT] = {"input_text", "target_text"},
    [FB_LANGUAGE_MODEL] = {"text", NULL},
};

static void name_columns(struct fb_corpus *c, const struct fb_corpus_source *from) {
    if (from->task) {
        c->form = *from->task;
        return;
    }
    c->form = (struct fb_glue_task){.name = "", .text = {usual[c->objective].text}};
    for (int64_t i = 0; i < from->text_columns.count && i < 2; i++)
        c->form.text[i] = from->text_columns.item[i];
    c->form.label = from->label_column ? from->label_column : usual[c->objective].label;
}

static int check_column(const struct fb_dataset *d, const char *name, bool text,
                        struct fb_err *err) {
    const struct fb_column *column = fb_dataset_column(d, name, err);

    if (!column) return err->code;
    if (text && column->kind != FB_COLUMN_TEXT)
        return fb_fail(err, FB_EFORMAT, "%s: column '%s' holds numbers, not text", d->source, name);
    if (!text && column->kind == FB_COLUMN_REAL)
        return fb_fail(err, FB_EFORMAT,
                       "%s: column '%s' holds fractions; classes are whole numbers or names",
                       d->source, name);
    for (int64_t row = 0; column->valid && row < d->rows; row++)
        if (!column->valid[row])
            return fb_fail(err, FB_EFORMAT, "%s: row %jd: column '%s' is null", d->source,
                           (intmax_t)row, name);
    return FB_OK;
}

static int check_columns(const struct fb_corpus *c, const struct fb_dataset *d,
                         struct fb_err *err) {
    for (int i = 0; i < 2 && c->form.text[i]; i++)
        if (check_column(d, c->form.text[i], true, err)) return err->code;
    if (c->objective == FB_CLASSIFICATION) return check_column(d, c->form.label, false, err);
    if (c->objective == FB_TEXT_TO_TEXT && !*c->form.name)
        return check_column(d, c->form.label, true, err);
    return FB_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int open_rows(struct fb_corpus *c, const struct fb_corpus_source *from, struct fb_err *err) {
    struct fb_examples *e = &c->examples;
    struct fb_glue_item item = {c->form.name, &c->form, from->split};

    if (!from->file) return fb_examples_open(e, &item, from->data_dir, from->limit, err);
    if (fb_dataset_open(&e->data, from->file, from->limit, err)) return err->code;
    e->task = &c->form;
    e->count = e->data.rows;
    if (c->objective == FB_LANGUAGE_MODEL) return FB_OK;
    e->label = fb_dataset_column(&e->data, c->form.label, err);
    return e->label ? FB_OK : err->code;
}

int fb_corpus_open(struct fb_corpus *out, enum fb_objective objective,
                   const struct fb_corpus_source *from, struct fb_err *err) {
    *out = (struct fb_corpus){.objective = objective};
    name_columns(out, from);
    if (open_rows(out, from, err)) return err->code;
    out->count = out->examples.count;
    if (!out->count) return fb_fail(err, FB_EFORMAT, "%s: no rows", out->examples.data.source);
    return check_columns(out, &out->examples.data, err);
}

void fb_corpus_free(struct fb_corpus *c) {
    fb_examples_free(&c->examples);
    fb_ids_free(&c->ids);
    fb_ids_free(&c->answer_ids);
    free(c->offset);
    free(c->answer_offset);
    free(c->label);
    *c = (struct fb_corpus){0};
}

/* ---- classes --------------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A label as text; borrowed from `text`. */
static const char *label_text(struct fb_str *text, const struct fb_column *label, int64_t row,
                              struct fb_err *err) {
    size_t size;
    const char *bytes = fb_column_text(label, row, &size);

    text->size = 0;
    return fb_str_append(text, bytes, size, err) ? NULL : fb_str_text(text);
}

static int sorted_names(struct fb_classes *out, struct fb_names *names, struct fb_arena *arena,
                        struct fb_err *err) {
    const char **name =
        fb_arena_calloc(arena, (size_t)names->count ? (size_t)names->count : 1, sizeof *name, err);

    for (int64_t i = 0; name && i < names->count; i++)
        if (!(name[i] = fb_arena_strdup(arena, names->name[i], err))) return err->code;
    if (!name) return err->code;
    qsort(name, (size_t)names->count, sizeof *name, by_bytes);
    *out = (struct fb_classes){(int)names->count, name};
    return FB_OK;
}

static int text_classes(struct fb_classes *out, const struct fb_column *label, int64_t rows,
                        struct fb_arena *arena, struct fb_err *err) {
    struct fb_names names = {0};
    struct fb_str text = {0};
    int rc = FB_OK;

    for (int64_t row = 0; !rc && row < rows; row++) {
        const char *name = label_text(&text, label, row, err);
        if (!name || fb_names_add(&names, name, NULL, err) < 0) rc = err->code;
        else if (names.count > CLASSES_MAX)
            rc = fb_fail(err, FB_EFORMAT, "column '%s' has more than %d different labels",
                         label->name, CLASSES_MAX);
    }
    if (!rc) rc = sorted_names(out, &names, arena, err);
    fb_names_free(&names);
    fb_str_free(&text);
    return rc;
}

static int number_classes(struct fb_classes *out, const struct fb_column *label, int64_t rows,
                          struct fb_err *err) {
    int64_t most = 0;

    for (int64_t row = 0; row < rows; row++) {
        int64_t value = label->integer[row];
        if (value < 0 || value >= CLASSES_MAX)
            return fb_fail(err, FB_EFORMAT, "row %jd: label %jd is outside 0 .. %d", (intmax_t)row,
                           (intmax_t)value, CLASSES_MAX - 1);
        if (value > most) most = value;
    }
    *out = (struct fb_classes){.count = (int)most + 1};
    return FB_OK;
}

int fb_classes_find(struct fb_classes *out, const struct fb_corpus *c, struct fb_arena *arena,
                    struct fb_err *err) {
    const struct fb_column *label = c->examples.label;
    int64_t rows = c->examples.data.rows;
    int rc;

    *out = (struct fb_classes){c->form.labels, c->form.label_names};
    if (c->form.labels) return FB_OK;
    rc = label->kind == FB_COLUMN_TEXT ? text_classes(out, label, rows, arena, err)
                                       : number_classes(out, label, rows, err);
    if (!rc && out->count < 2)
        rc = fb_fail(err, FB_EFORMAT, "column '%s' has one label only: nothing can be learnt",
                     label->name);
    return rc ? fb_context(err, "%s", c->examples.data.source) : FB_OK;
}

/* Number of a text label, or -1. */
static int64_t class_of(const struct fb_classes *classes, const char *name) {
    for (int i = 0; classes->name && i < classes->count; i++)
        if (!strcmp(classes->name[i], name)) return i;
    return -1;
}

static int label_row(struct fb_corpus *c, const struct fb_classes *classes, int64_t row,
                     struct fb_str *text, struct fb_err *err) {
    const struct fb_column *label = c->examples.label;
    const char *name;
    int number;

    if (label->kind != FB_COLUMN_TEXT) {
        if (fb_examples_class(&c->examples, row, classes->count, &number, err)) return err->code;
        c->label[row] = (int32_t)number;
        return FB_OK;
    }
    if (!(name = label_text(text, label, row, err))) return err->code;
    c->label[row] = (int32_t)class_of(classes, name);
    if (c->label[row] >= 0) return FB_OK;
    return fb_fail(err, FB_EFORMAT, "%s: row %jd: label '%.80s' is none of the %d classes",
                   c->examples.data.source, (intmax_t)row, name, classes->count);
}

int fb_corpus_label(struct fb_corpus *c, const struct fb_classes *classes, struct fb_err *err) {
    struct fb_str text = {0};
    int rc = FB_OK;

    free(c->label);
    if (!(c->label = fb_calloc((size_t)c->count, sizeof *c->label, err))) return err->code;
    for (int64_t row = 0; !rc && row < c->count; row++)
        rc = label_row(c, classes, row, &text, err);
    fb_str_free(&text);
    return rc;
}

/* ---- ids ------------------------------------------------------------------------------------- */

static int encode_text(struct fb_corpus *c, const struct fb_corpus_coding *how, int64_t row,
                       struct fb_err *err) {
    size_t size[2] = {0, 0};
    const struct fb_dataset *d = &c->examples.data;
    int64_t most = how->block_size ? 0 : how->max_length - 1;

    for (int i = 0; i < 2 && c->form.text[i]; i++) {
        const struct fb_column *column = fb_dataset_column(d, c->form.text[i], err);
        const char *text = column ? fb_column_text(column, row, &size[i]) : NULL;
        int64_t left = most ? most - (c->ids.count - c->offset[row]) : 0;
        if (!column) return err->code;
        if (most && left <= 0) break;
        if (fb_encoder_encode_pair(how->encoder, &c->ids, text, size[i], NULL, 0, left, false, err))
            return err->code;
    }
    return fb_ids_push(&c->ids, &how->end, 1, err);
}

/* Sequences of block_size out of all ids. */
static int cut_blocks(struct fb_corpus *c, int64_t size, struct fb_err *err) {
    c->count = c->ids.count / size;
    if (!c->count)
        return fb_fail(err, FB_EFORMAT, "%s: %jd tokens are too few for one block of %jd",
                       c->examples.data.source, (intmax_t)c->ids.count, (intmax_t)size);
    free(c->offset);
    if (!(c->offset = fb_calloc((size_t)c->count + 1, sizeof *c->offset, err))) return err->code;
    for (int64_t i = 0; i <= c->count; i++)
        c->offset[i] = i * size;
    return FB_OK;
}

static int encode_texts(struct fb_corpus *c, const struct fb_corpus_coding *how,
                        struct fb_err *err) {
    int64_t rows = c->examples.count;

    c->ids.count = 0;
    free(c->offset);
    if (!(c->offset = fb_calloc((size_t)rows + 1, sizeof *c->offset, err))) return err->code;
    for (int64_t row = 0; row < rows; row++) {
        if (encode_text(c, how, row, err))
            return fb_context(err, "%s: row %jd", c->examples.data.source, (intmax_t)row);
        c->offset[row + 1] = c->ids.count;
    }
    c->count = rows;
    if (how->block_size && cut_blocks(c, how->block_size, err)) return err->code;
    c->input = (struct fb_sequences){c->count, c->ids.id, c->offset};
    return FB_OK;
}

/* The label column of a file as the answers: a look at the same rows under another name. */
static int encode_answers(struct fb_corpus *c, const struct fb_corpus_coding *how,
                          struct fb_err *err) {
    struct fb_glue_task form = {.name = "", .text = {c->form.label}};
    struct fb_examples view = {.task = &form, .data = c->examples.data, .count = c->count};
    int rc = fb_examples_encode(&view, how->encoder, how->max_target_length, -1, err);

    fb_ids_free(&c->answer_ids);
    free(c->answer_offset);
    c->answer_ids = view.ids;
    c->answer_offset = view.offset;
    c->target = fb_examples_inputs(&view);
    return rc;
}

static int encode_text_to_text(struct fb_corpus *c, const struct fb_corpus_coding *how,
                               struct fb_err *err) {
    struct fb_examples *e = &c->examples;
    bool prompts = *c->form.name != '\0';

    if (prompts ? fb_examples_encode_prompts(e, how->encoder, how->max_length, err) ||
                      fb_examples_encode_targets(e, how->encoder, how->max_target_length, err)
                : fb_examples_encode(e, how->encoder, how->max_length, -1, err) ||
                      encode_answers(c, how, err))
        return err->code;
    c->input = fb_examples_inputs(e);
    if (prompts) c->target = fb_examples_targets(e);
    return FB_OK;
}

int fb_corpus_encode(struct fb_corpus *c, const struct fb_corpus_coding *how, struct fb_err *err) {
    if (c->objective == FB_LANGUAGE_MODEL) return encode_texts(c, how, err);
    if (c->objective == FB_TEXT_TO_TEXT) return encode_text_to_text(c, how, err);
    if (fb_examples_encode(&c->examples, how->encoder, how->max_length, how->pad, err))
        return err->code;
    c->input = fb_examples_inputs(&c->examples);
    return FB_OK;
}
