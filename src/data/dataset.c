#include "data/dataset.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/number.h"
#include "config/json.h"
#include "data/arrow.h"
#include "data/jsonl.h"
#include "data/parquet.h"
#include "data/tsv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_words[] = {"text", "integer", "real", "boolean"};

static void column_free(struct fb_column *c) {
    free(c->name);
    free(c->valid);
    free(c->bytes);
    free(c->offset);
    free(c->integer);
    free(c->real);
    *c = (struct fb_column){0};
}

void fb_dataset_free(struct fb_dataset *dataset) {
    for (int i = 0; i < dataset->columns; i++)
        column_free(&dataset->column[i]);
    for (int i = 0; i < dataset->skips; i++)
        free(dataset->skipped[i].name);
    free(dataset->column);
    free(dataset->skipped);
    free(dataset->source);
    *dataset = (struct fb_dataset){0};
}

/* ---- opening --------------------------------------------------------------------------------- */

static int read_image(struct fb_dataset *out, const struct fb_map *map, const char *path,
                      int64_t limit, struct fb_err *err) {
    const struct fb_tsv_form tsv = {.separator = '\t'}, csv = {.separator = ',', .quotes = true};
    const char *text = (const char *)map->data;

    if (map->size >= 4 && !memcmp(text, "PAR1", 4))
        return fb_parquet_read(out, map->data, map->size, limit, err);
    if (fb_arrow_recognise(map->data, map->size))
        return fb_arrow_read(out, map->data, map->size, limit, err);
    if (fb_ends_with(path, ".arrow"))
        return fb_fail(err, FB_EFORMAT,
                       "begins neither with ARROW1 nor as a stream: not an Arrow file");
    if (map->size >= 4 && !memcmp(text, "PARE", 4))
        return fb_fail(err, FB_EUNSUPPORTED, "the file is encrypted: not supported");
    if (fb_ends_with(path, ".parquet"))
        return fb_fail(err, FB_EFORMAT, "does not begin with PAR1: not a parquet file");
    if (fb_ends_with(path, ".tsv")) return fb_tsv_read(out, text, map->size, &tsv, limit, err);
    if (fb_ends_with(path, ".csv")) return fb_tsv_read(out, text, map->size, &csv, limit, err);
    return fb_jsonl_read(out, text, map->size, limit, err);
}

int fb_dataset_open(struct fb_dataset *out, const char *path, int64_t limit, struct fb_err *err) {
    struct fb_map map;
    int rc;

    *out = (struct fb_dataset){0};
    rc = fb_map_open(&map, path, err);
    if (!rc) rc = read_image(out, &map, path, limit, err);
    fb_map_close(&map);
    if (!rc && !(out->source = fb_strdup(path, err))) rc = err->code;
    if (!rc) return FB_OK;
    fb_dataset_free(out);
    return fb_context(err, "dataset '%s'", path);
}

/* ---- appending ------------------------------------------------------------------------------- */

static int check_columns(const struct fb_dataset *a, const struct fb_dataset *b,
                         struct fb_err *err) {
    if (a->columns != b->columns)
        return fb_fail(err, FB_EMISMATCH, "%d columns, %d before", b->columns, a->columns);
    for (int i = 0; i < a->columns; i++) {
        if (strcmp(a->column[i].name, b->column[i].name))
            return fb_fail(err, FB_EMISMATCH, "column %d is '%s', '%s' before", i + 1,
                           b->column[i].name, a->column[i].name);
        if (a->column[i].kind != b->column[i].kind)
            return fb_fail(err, FB_EMISMATCH, "column '%s' is %s, %s before", a->column[i].name,
                           kind_words[b->column[i].kind], kind_words[a->column[i].kind]);
    }
    return FB_OK;
}

static int extend(void **array, size_t have, const void *more, size_t n, size_t size,
                  struct fb_err *err) {
    void *grown = fb_realloc(*array, have + n, size, err);

    if (!grown) return err->code;
    *array = grown;
    if (n) memcpy((char *)grown + have * size, more, n * size);
    return FB_OK;
}

static int extend_valid(struct fb_column *a, size_t have, const struct fb_column *b, size_t n,
                        struct fb_err *err) {
    uint8_t *valid;

    if (!a->valid && !b->valid) return FB_OK;
    if (!(valid = fb_realloc(a->valid, have + n, 1, err))) return err->code;
    if (!a->valid) memset(valid, 1, have);
    if (b->valid) memcpy(valid + have, b->valid, n);
    else memset(valid + have, 1, n);
    a->valid = valid;
    return FB_OK;
}

static int extend_text(struct fb_column *a, size_t have, const struct fb_column *b, size_t n,
                       struct fb_err *err) {
    uint64_t base = a->offset[have];

    if (extend((void **)&a->bytes, base, b->bytes, b->offset[n], 1, err) ||
        extend((void **)&a->offset, have + 1, b->offset + 1, n, sizeof *a->offset, err))
        return err->code;
    for (size_t i = 1; i <= n; i++)
        a->offset[have + i] += base;
    return FB_OK;
}

static int extend_column(struct fb_column *a, size_t have, const struct fb_column *b, size_t n,
                         struct fb_err *err) {
    if (extend_valid(a, have, b, n, err)) return err->code;
    switch (a->kind) {
    case FB_COLUMN_TEXT: return extend_text(a, have, b, n, err);
    case FB_COLUMN_REAL:
        a->single = a->single && b->single;
        return extend((void **)&a->real, have, b->real, n, sizeof *a->real, err);
    case FB_COLUMN_INT:
    case FB_COLUMN_BOOL: break;
    }
    return extend((void **)&a->integer, have, b->integer, n, sizeof *a->integer, err);
}

int fb_dataset_append(struct fb_dataset *out, struct fb_dataset *more, struct fb_err *err) {
    char *source = NULL;
    int rc = check_columns(out, more, err);

    if (rc && more->source) fb_context(err, "dataset '%s'", more->source);
    if (!rc && out->source && more->source &&
        !(source = fb_asprintf(err, "%s, %s", out->source, more->source)))
        rc = err->code;
    for (int i = 0; i < out->columns && !rc; i++)
        rc = extend_column(&out->column[i], (size_t)out->rows, &more->column[i], (size_t)more->rows,
                           err);
    if (!rc) {
        out->rows += more->rows;
        if (source) free(out->source);
        if (source) out->source = source;
    } else {
        free(source);
    }
    fb_dataset_free(more);
    return rc;
}

/* ---- looking --------------------------------------------------------------------------------- */

const struct fb_column *fb_dataset_column(const struct fb_dataset *dataset, const char *name,
                                          struct fb_err *err) {
    const char *where = dataset->source ? dataset->source : "memory";
    char list[1024] = "";
    size_t used = 0;

    for (int i = 0; i < dataset->columns; i++)
        if (!strcmp(dataset->column[i].name, name)) return &dataset->column[i];
    for (int i = 0; i < dataset->skips; i++)
        if (!strcmp(dataset->skipped[i].name, name)) {
            fb_fail(err, FB_EUNSUPPORTED, "dataset '%s': column '%s' %s, which is not supported",
                    where, name, dataset->skipped[i].why);
            return NULL;
        }
    for (int i = 0; i < dataset->columns; i++) {
        size_t n = strlen(dataset->column[i].name);
        if (n + 3 > sizeof list - used) break;
        memcpy(list + used, i ? ", " : "", i ? 3 : 1);
        memcpy(list + used + (i ? 2 : 0), dataset->column[i].name, n + 1);
        used += n + (i ? 2 : 0);
    }
    fb_fail(err, FB_ENOTFOUND, "dataset '%s': no column '%s' (columns: %s)", where, name,
            dataset->columns ? list : "none");
    return NULL;
}

int fb_dataset_check_column(const struct fb_dataset *d, const char *name, bool text,
                            struct fb_err *err) {
    const struct fb_column *column = fb_dataset_column(d, name, err);

    if (!column) return err->code;
    if (text && column->kind != FB_COLUMN_TEXT)
        return fb_fail(err, FB_EFORMAT, "%s: column '%s' holds numbers, not text", d->source, name);
    for (int64_t row = 0; column->valid && row < d->rows; row++)
        if (!column->valid[row])
            return fb_fail(err, FB_EFORMAT, "%s: row %jd: column '%s' is null", d->source,
                           (intmax_t)row, name);
    return FB_OK;
}

const char *fb_column_text(const struct fb_column *column, int64_t row, size_t *size) {
    uint64_t begin = column->offset[row];

    *size = (size_t)(column->offset[row + 1] - begin);
    return *size ? column->bytes + begin : "";
}

static int print_real(struct fb_str *out, double value, struct fb_err *err) {
    char text[FB_REAL_TEXT];

    if (isnan(value)) return fb_str_puts(out, "NaN", err);
    if (isinf(value)) return fb_str_puts(out, value < 0 ? "-Infinity" : "Infinity", err);
    fb_format_real(text, value);
    return fb_str_puts(out, text, err);
}

static int print_value(struct fb_str *out, const struct fb_column *c, int64_t row,
                       struct fb_err *err) {
    const char *text;
    size_t size;

    if (c->valid && !c->valid[row]) return fb_str_puts(out, "null", err);
    switch (c->kind) {
    case FB_COLUMN_TEXT:
        text = fb_column_text(c, row, &size);
        return fb_json_print_text(out, text, size, false, err);
    case FB_COLUMN_REAL: return print_real(out, c->real[row], err);
    case FB_COLUMN_BOOL: return fb_str_puts(out, c->integer[row] ? "true" : "false", err);
    case FB_COLUMN_INT: break;
    }
    return fb_str_printf(out, err, "%" PRId64, c->integer[row]);
}

int fb_dataset_print_row(struct fb_str *out, const struct fb_dataset *dataset, int64_t row,
                         struct fb_err *err) {
    if (fb_str_putc(out, '{', err)) return err->code;
    for (int i = 0; i < dataset->columns; i++) {
        const struct fb_column *c = &dataset->column[i];
        if ((i && fb_str_puts(out, ", ", err)) ||
            fb_json_print_text(out, c->name, strlen(c->name), false, err) ||
            fb_str_puts(out, ": ", err) || print_value(out, c, row, err))
            return err->code;
    }
    return fb_str_putc(out, '}', err);
}
