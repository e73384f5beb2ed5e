#include "data/columns.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct fb_growing {
    struct fb_column column; /* arrays of `capacity` rows; name unset */
    bool typed;              /* a value has been seen */
    bool nulls;
    int64_t rows, capacity;
    size_t text_capacity;
};

static const char *const kind_words[] = {"text", "an integer", "a real number", "a boolean"};

void fb_columns_free(struct fb_columns *c) {
    for (int64_t i = 0; i < c->names.count && i < c->capacity; i++) {
        struct fb_column *column = &c->column[i].column;
        free(column->valid);
        free(column->bytes);
        free(column->offset);
        free(column->integer);
        free(column->real);
    }
    free(c->column);
    fb_names_free(&c->names);
    *c = (struct fb_columns){0};
}

int64_t fb_columns_find(struct fb_columns *c, const char *name, struct fb_err *err) {
    int64_t at = fb_names_find(&c->names, name), capacity;
    struct fb_growing *grown;

    if (at >= 0) return at;
    if (c->names.count >= FB_COLUMNS_MAX)
        return fb_fail(err, FB_EFORMAT, "more than %d columns", FB_COLUMNS_MAX);
    if (c->names.count == c->capacity) {
        capacity = c->capacity ? c->capacity * 2 : 8;
        grown = fb_realloc(c->column, (size_t)capacity, sizeof *grown, err);
        if (!grown) return err->code;
        memset(grown + c->capacity, 0, (size_t)(capacity - c->capacity) * sizeof *grown);
        c->column = grown;
        c->capacity = capacity;
    }
    return fb_names_add(&c->names, name, NULL, err);
}

/* ---- one column ------------------------------------------------------------------------------ */

static int grow(void **array, int64_t count, size_t size, struct fb_err *err) {
    void *grown = fb_realloc(*array, (size_t)count, size, err);

    if (!grown) return err->code;
    *array = grown;
    return FB_OK;
}

/* Room for rows up to and including `row`; the array that is needed depends on the kind. */
static int reserve(struct fb_growing *g, int64_t row, struct fb_err *err) {
    struct fb_column *c = &g->column;
    int64_t capacity = g->capacity;

    if (row < capacity) return FB_OK;
    while (capacity <= row)
        capacity = capacity ? capacity * 2 : 16;
    if (grow((void **)&c->valid, capacity, 1, err)) return err->code;
    if (g->typed && c->kind == FB_COLUMN_TEXT) {
        if (grow((void **)&c->offset, capacity + 1, sizeof *c->offset, err)) return err->code;
    } else if (g->typed && c->kind == FB_COLUMN_REAL) {
        if (grow((void **)&c->real, capacity, sizeof *c->real, err)) return err->code;
    } else if (g->typed) {
        if (grow((void **)&c->integer, capacity, sizeof *c->integer, err)) return err->code;
    }
    g->capacity = capacity;
    return FB_OK;
}

static void push_null(struct fb_growing *g) {
    struct fb_column *c = &g->column;

    c->valid[g->rows] = 0;
    if (c->offset) c->offset[g->rows + 1] = c->offset[g->rows];
    if (c->real) c->real[g->rows] = 0;
    if (c->integer) c->integer[g->rows] = 0;
    g->nulls = true;
    g->rows++;
}

static int pad_to(struct fb_growing *g, int64_t rows, struct fb_err *err) {
    while (g->rows < rows) {
        if (reserve(g, g->rows, err)) return err->code;
        push_null(g);
    }
    return FB_OK;
}

/* The first value decides the kind; the rows before it are nulls. */
static int set_kind(struct fb_growing *g, enum fb_column_kind kind, struct fb_err *err) {
    struct fb_column *c = &g->column;
    size_t rows = (size_t)g->capacity;

    if (kind == FB_COLUMN_TEXT) c->offset = fb_calloc(rows + 1, sizeof *c->offset, err);
    else if (kind == FB_COLUMN_REAL) c->real = fb_calloc(rows, sizeof *c->real, err);
    else c->integer = fb_calloc(rows, sizeof *c->integer, err);
    if (!c->offset && !c->real && !c->integer) return err->code;
    c->kind = kind;
    g->typed = true;
    return FB_OK;
}

static int widen(struct fb_growing *g, struct fb_err *err) {
    struct fb_column *c = &g->column;

    if (!(c->real = fb_malloc((size_t)g->capacity * sizeof *c->real, err))) return err->code;
    for (int64_t i = 0; i < g->rows; i++)
        c->real[i] = (double)c->integer[i];
    free(c->integer);
    c->integer = NULL;
    c->kind = FB_COLUMN_REAL;
    return FB_OK;
}

/* Makes room for a value of `kind` in the current row of a column. NULL on failure. */
static struct fb_growing *slot(struct fb_columns *c, int64_t column, enum fb_column_kind kind,
                               struct fb_err *err) {
    struct fb_growing *g = &c->column[column];

    if (pad_to(g, c->rows, err) || reserve(g, c->rows, err)) return NULL;
    if (!g->typed && set_kind(g, kind, err)) return NULL;
    if (g->column.kind == FB_COLUMN_INT && kind == FB_COLUMN_REAL && widen(g, err)) return NULL;
    if (g->column.kind != kind && !(g->column.kind == FB_COLUMN_REAL && kind == FB_COLUMN_INT)) {
        fb_fail(err, FB_EFORMAT, "column '%s' holds %s here and %s above", c->names.name[column],
                kind_words[kind], kind_words[g->column.kind]);
        return NULL;
    }
    g->column.valid[g->rows++] = 1;
    return g;
}

int fb_columns_text(struct fb_columns *c, int64_t column, const char *text, size_t size,
                    struct fb_err *err) {
    struct fb_growing *g = slot(c, column, FB_COLUMN_TEXT, err);
    size_t used, capacity;

    if (!g) return err->code;
    used = (size_t)g->column.offset[g->rows - 1];
    capacity = g->text_capacity;
    if (size > capacity - used || !g->column.bytes) {
        if (size > SIZE_MAX / 4 - used) return fb_fail(err, FB_ENOMEM, "out of memory");
        capacity = capacity * 2 > used + size ? capacity * 2 : used + size + 64;
        if (grow((void **)&g->column.bytes, (int64_t)capacity, 1, err)) return err->code;
        g->text_capacity = capacity;
    }
    if (size) memcpy(g->column.bytes + used, text, size);
    g->column.offset[g->rows] = used + size;
    return FB_OK;
}

int fb_columns_real(struct fb_columns *c, int64_t column, double value, struct fb_err *err) {
    struct fb_growing *g = slot(c, column, FB_COLUMN_REAL, err);

    if (!g) return err->code;
    g->column.real[g->rows - 1] = value;
    return FB_OK;
}

int fb_columns_int(struct fb_columns *c, int64_t column, int64_t value, struct fb_err *err) {
    struct fb_growing *g = slot(c, column, FB_COLUMN_INT, err);

    if (!g) return err->code;
    if (g->column.kind == FB_COLUMN_REAL) g->column.real[g->rows - 1] = (double)value;
    else g->column.integer[g->rows - 1] = value;
    return FB_OK;
}

int fb_columns_bool(struct fb_columns *c, int64_t column, bool value, struct fb_err *err) {
    struct fb_growing *g = slot(c, column, FB_COLUMN_BOOL, err);

    if (!g) return err->code;
    g->column.integer[g->rows - 1] = value;
    return FB_OK;
}

int fb_columns_end_row(struct fb_columns *c, struct fb_err *err) {
    c->rows++;
    for (int64_t i = 0; i < c->names.count; i++)
        if (pad_to(&c->column[i], c->rows, err)) return err->code;
    return FB_OK;
}

/* ---- the dataset ----------------------------------------------------------------------------- */

static int finish_column(struct fb_growing *g, int64_t rows, struct fb_err *err) {
    if (pad_to(g, rows, err)) return err->code;
    if (!g->typed && (reserve(g, rows, err) || set_kind(g, FB_COLUMN_TEXT, err))) return err->code;
    if (!g->nulls) {
        free(g->column.valid);
        g->column.valid = NULL;
    }
    /* Only the text is worth giving back. */
    if (!g->column.offset) return FB_OK;
    return grow((void **)&g->column.bytes, (int64_t)g->column.offset[rows], 1, err);
}

int fb_columns_finish(struct fb_columns *c, struct fb_dataset *out, struct fb_err *err) {
    int64_t n = c->names.count;

    *out = (struct fb_dataset){0};
    for (int64_t i = 0; i < n; i++)
        if (finish_column(&c->column[i], c->rows, err)) return err->code;
    if (!(out->column = fb_calloc((size_t)n, sizeof *out->column, err))) return err->code;
    for (int64_t i = 0; i < n; i++) {
        out->column[i] = c->column[i].column;
        out->column[i].name = c->names.name[i];
        c->names.name[i] = NULL;
        c->column[i] = (struct fb_growing){0};
    }
    out->rows = c->rows;
    out->columns = (int)n;
    fb_columns_free(c);
    return FB_OK;
}
