/* glue_form.c - GLUE files of other layouts, brought into the published one. */
#include "data/glue_form.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/number.h"
#include "data/tsv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct fb_glue_original originals[] = {
    {"cola", "CoLA", {NULL, NULL}, NULL},
    {"mnli", "MNLI", {"sentence1", "sentence2"}, "gold_label"},
    {"mrpc", "MRPC", {"#1 String", "#2 String"}, "Quality"},
    {"qnli", "QNLI", {NULL, NULL}, NULL},
    {"qqp", "QQP", {NULL, NULL}, "is_duplicate"},
    {"rte", "RTE", {NULL, NULL}, NULL},
    {"sst2", "SST-2", {"text", NULL}, NULL},
    {"stsb", "STS-B", {NULL, NULL}, "score"},
    {NULL, NULL, {NULL, NULL}, NULL},
};

/* CoLA's train.tsv and dev.tsv have no row of names. */
static const char *const cola_header[] = {"source", "label", "star", "sentence", NULL};

const struct fb_glue_original *fb_glue_original(const struct fb_glue_task *task) {
    for (const struct fb_glue_original *o = originals; o->name; o++)
        if (!strcmp(o->name, task->name)) return o;
    return NULL;
}

/* ---- columns and labels as published -------------------------------------------------------- */

static struct fb_column *column(struct fb_dataset *d, const char *name) {
    for (int i = 0; name && i < d->columns; i++)
        if (!strcmp(d->column[i].name, name)) return &d->column[i];
    return NULL;
}

/* Renames the first of the alternatives that exists to `name`, unless `name` itself exists. */
static int rename_column(struct fb_dataset *d, const char *name, const char *original,
                         const char *plain, struct fb_err *err) {
    struct fb_column *c = column(d, name);
    char *copy;

    if (c) return FB_OK;
    if (!(c = column(d, original)) && !(c = column(d, plain))) return FB_OK;
    if (!(copy = fb_strdup(name, err))) return err->code;
    free(c->name);
    c->name = copy;
    return FB_OK;
}

static int rename_columns(struct fb_dataset *d, const struct fb_glue_task *task,
                          struct fb_err *err) {
    const struct fb_glue_original *o = fb_glue_original(task);
    const char *plain = task->text[1] ? "text_a" : "text";

    if (rename_column(d, task->text[0], o ? o->text[0] : NULL, plain, err)) return err->code;
    if (task->text[1] && rename_column(d, task->text[1], o ? o->text[1] : NULL, "text_b", err))
        return err->code;
    return rename_column(d, task->label, o ? o->label : NULL, NULL, err);
}

static int check_text(const struct fb_dataset *d, const char *name, struct fb_err *err) {
    const struct fb_column *c = fb_dataset_column(d, name, err);

    if (!c) return err->code;
    if (c->kind != FB_COLUMN_TEXT)
        return fb_fail(err, FB_EFORMAT, "dataset '%s': column '%s' does not hold text", d->source,
                       name);
    for (int64_t i = 0; c->valid && i < d->rows; i++)
        if (!c->valid[i])
            return fb_fail(err, FB_EFORMAT, "dataset '%s': row %" PRId64 ": column '%s' is null",
                           d->source, i + 1, name);
    return FB_OK;
}

/* A label as text: a class name, or a number. */
static bool parse_label(const struct fb_glue_task *task, const struct fb_column *c, int64_t row,
                        int64_t *id, double *score) {
    size_t size;
    const char *text = fb_column_text(c, row, &size);
    char word[FB_REAL_TEXT];

    for (int k = 0; k < task->labels && k < 3 && task->label_names[k]; k++)
        if (strlen(task->label_names[k]) == size && !memcmp(task->label_names[k], text, size)) {
            *id = k;
            return true;
        }
    if (size >= sizeof word || memchr(text, 0, size)) return false;
    memcpy(word, text, size);
    word[size] = '\0';
    return task->labels ? fb_parse_int(word, id) : fb_parse_real(word, score);
}

static int unknown_label(const struct fb_dataset *d, const struct fb_glue_task *task, int64_t row,
                         const char *text, size_t size, struct fb_err *err) {
    int shown = size > 40 ? 40 : (int)size;

    if (!task->labels)
        return fb_fail(err, FB_EFORMAT, "dataset '%s': row %" PRId64 ": '%.*s' is not a score",
                       d->source, row + 1, shown, text);
    return fb_fail(err, FB_EFORMAT,
                   "dataset '%s': row %" PRId64 ": label '%.*s' is neither a name nor a number "
                   "of the %d classes",
                   d->source, row + 1, shown, text, task->labels);
}

/* Turns a text column of labels into numbers. */
static int parse_labels(const struct fb_dataset *d, const struct fb_glue_task *task,
                        struct fb_column *c, struct fb_err *err) {
    int64_t *id = NULL;
    double *score = NULL;
    size_t size, rows = (size_t)d->rows;
    const char *text;

    if (task->labels) id = fb_calloc(rows, sizeof *id, err);
    else score = fb_calloc(rows, sizeof *score, err);
    if (!id && !score) return err->code;
    for (int64_t i = 0; i < d->rows; i++) {
        int64_t found = 0;
        double real = 0;
        if (!parse_label(task, c, i, &found, &real)) {
            text = fb_column_text(c, i, &size);
            free(id);
            free(score);
            return unknown_label(d, task, i, text, size, err);
        }
        if (id) id[i] = found;
        else score[i] = real;
    }
    free(c->bytes);
    free(c->offset);
    c->bytes = NULL;
    c->offset = NULL;
    c->integer = id;
    c->real = score;
    c->kind = id ? FB_COLUMN_INT : FB_COLUMN_REAL;
    return FB_OK;
}

/* Scores are 32-bit in the published files. */
static int fix_scores(const struct fb_dataset *d, struct fb_column *c, struct fb_err *err) {
    if (c->kind != FB_COLUMN_REAL) {
        if (!(c->real = fb_calloc((size_t)d->rows, sizeof *c->real, err))) return err->code;
        for (int64_t i = 0; i < d->rows; i++)
            c->real[i] = (double)c->integer[i];
        free(c->integer);
        c->integer = NULL;
        c->kind = FB_COLUMN_REAL;
    }
    for (int64_t i = 0; i < d->rows; i++)
        c->real[i] = (double)(float)c->real[i];
    c->single = true;
    return FB_OK;
}

static int check_ids(const struct fb_dataset *d, const struct fb_glue_task *task,
                     struct fb_column *c, struct fb_err *err) {
    if (c->kind == FB_COLUMN_REAL)
        return fb_fail(err, FB_EFORMAT, "dataset '%s': column '%s' holds reals, not class numbers",
                       d->source, task->label);
    c->kind = FB_COLUMN_INT;
    for (int64_t i = 0; i < d->rows; i++)
        if (c->integer[i] < -1 || c->integer[i] >= task->labels)
            return fb_fail(err, FB_EFORMAT,
                           "dataset '%s': row %" PRId64 ": label %" PRId64
                           ", the task has labels 0 to %d",
                           d->source, i + 1, c->integer[i], task->labels - 1);
    return FB_OK;
}

/* Appends a column of `value`s, or of row numbers. The name is copied. */
static int add_numbers(struct fb_dataset *d, const char *name, bool count, int64_t value,
                       struct fb_err *err) {
    struct fb_column *grown = fb_realloc(d->column, (size_t)d->columns + 1, sizeof *grown, err);
    struct fb_column *c;

    if (!grown) return err->code;
    d->column = grown;
    c = &grown[d->columns];
    *c = (struct fb_column){.kind = FB_COLUMN_INT};
    c->integer = fb_malloc((size_t)d->rows * sizeof *c->integer, err);
    c->name = c->integer ? fb_strdup(name, err) : NULL;
    if (!c->name) {
        free(c->integer);
        return err->code;
    }
    for (int64_t i = 0; i < d->rows; i++)
        c->integer[i] = count ? i : value;
    d->columns++;
    return FB_OK;
}

static int fix_labels(struct fb_dataset *d, const struct fb_glue_task *task, const char *split,
                      struct fb_err *err) {
    struct fb_column *c = column(d, task->label);

    if (!c && !strncmp(split, "test", 4)) {
        if (add_numbers(d, task->label, false, -1, err)) return err->code;
        c = column(d, task->label);
    }
    if (!c) return fb_dataset_column(d, task->label, err) ? FB_OK : err->code;
    for (int64_t i = 0; c->valid && i < d->rows; i++)
        if (!c->valid[i])
            return fb_fail(err, FB_EFORMAT, "dataset '%s': row %" PRId64 " has no label", d->source,
                           i + 1);
    if (c->kind == FB_COLUMN_TEXT && parse_labels(d, task, c, err)) return err->code;
    return task->labels ? check_ids(d, task, c, err) : fix_scores(d, c, err);
}

int fb_glue_publish(struct fb_dataset *d, const struct fb_glue_task *task, const char *split,
                    struct fb_err *err) {
    if (rename_columns(d, task, err)) return err->code;
    for (int i = 0; i < 2 && task->text[i]; i++)
        if (check_text(d, task->text[i], err)) return err->code;
    return fix_labels(d, task, split, err);
}

/* ---- tab-separated files -------------------------------------------------------------------- */

/* Moves the named column to position `at`; the columns before it keep theirs. */
static void move_column(struct fb_dataset *d, const char *name, int at) {
    struct fb_column *c = column(d, name), kept = *c;

    memmove(&d->column[at + 1], &d->column[at], (size_t)(c - &d->column[at]) * sizeof *c);
    d->column[at] = kept;
}

/* Leaves the columns that the published files have: texts, label, idx. */
static int keep_published(struct fb_dataset *d, const struct fb_glue_task *task,
                          struct fb_err *err) {
    struct fb_dataset rest = {0};
    int n = 0;

    for (int i = 0; i < 2 && task->text[i]; i++)
        move_column(d, task->text[i], n++);
    move_column(d, task->label, n++);
    if (!(rest.column = fb_calloc((size_t)d->columns, sizeof *rest.column, err))) return err->code;
    rest.columns = d->columns - n;
    memcpy(rest.column, d->column + n, (size_t)rest.columns * sizeof *rest.column);
    d->columns = n;
    fb_dataset_free(&rest);
    return add_numbers(d, "idx", true, 0, err);
}

/* Whether the first line is a row of CoLA: four fields, the second a label. */
static bool lacks_header(const struct fb_map *map) {
    const char *text = (const char *)map->data;
    const char *tab = memchr(text, '\t', map->size);
    size_t left = tab ? map->size - (size_t)(tab - text) : 0;

    return left > 2 && (tab[1] == '0' || tab[1] == '1') && tab[2] == '\t';
}

int fb_glue_open_tsv(struct fb_dataset *out, const char *path, const struct fb_glue_task *task,
                     const char *split, int64_t limit, struct fb_err *err) {
    struct fb_tsv_form form = {.separator = '\t', .text_only = true};
    struct fb_map map;
    int rc;

    if (fb_map_open(&map, path, err)) return fb_context(err, "dataset '%s'", path);
    if (!strcmp(task->name, "cola") && lacks_header(&map)) form.header = cola_header;
    rc = fb_tsv_read(out, (const char *)map.data, map.size, &form, limit, err);
    fb_map_close(&map);
    if (!rc && !(out->source = fb_strdup(path, err))) rc = err->code;
    if (rc) fb_context(err, "dataset '%s'", path);
    if (!rc) rc = fb_glue_publish(out, task, split, err);
    if (!rc) rc = keep_published(out, task, err);
    if (rc) fb_dataset_free(out);
    return rc;
}
