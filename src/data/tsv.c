/* tsv.c - two passes over the text: the first finds the kinds of the columns and counts the rows,
 * the second fills them in. */
#include "data/tsv.h"

#include "base/alloc.h"
#include "base/number.h"
#include "data/columns.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 64 }; /* a longer field is text */

struct cursor {
    const struct fb_tsv_form *form;
    const char *at, *end;
    int64_t line;           /* of `at`, from 1 */
    struct fb_str unquoted; /* the field, when it had quotes */
};

struct field {
    const char *text; /* borrowed from the input, or from `unquoted` until the next field */
    size_t size;
    bool last; /* of its row */
};

/* ---- fields ---------------------------------------------------------------------------------- */

/* The bytes behind a field: a separator, a line end, or the end of the text. */
static int finish_field(struct cursor *c, struct field *f, struct fb_err *err) {
    f->last = true;
    if (c->at == c->end) return FB_OK;
    if (*c->at == c->form->separator) {
        c->at++;
        f->last = false;
        return FB_OK;
    }
    if (*c->at == '\r' && c->end - c->at > 1 && c->at[1] == '\n') c->at++;
    if (*c->at != '\n')
        return fb_fail(err, FB_EFORMAT, "line %" PRId64 ": text after a closing quote", c->line);
    c->at++;
    c->line++;
    return FB_OK;
}

static int quoted_field(struct cursor *c, struct field *f, struct fb_err *err) {
    int64_t line = c->line;

    c->unquoted.size = 0;
    for (c->at++;;) {
        const char *quote = memchr(c->at, '"', (size_t)(c->end - c->at));
        if (!quote)
            return fb_fail(err, FB_EFORMAT, "line %" PRId64 ": a quote is never closed", line);
        if (fb_str_append(&c->unquoted, c->at, (size_t)(quote - c->at), err)) return err->code;
        for (; c->at < quote; c->at++)
            c->line += *c->at == '\n';
        c->at = quote + 1;
        if (c->at == c->end || *c->at != '"') break;
        if (fb_str_putc(&c->unquoted, '"', err)) return err->code;
        c->at++;
    }
    f->text = fb_str_text(&c->unquoted);
    f->size = c->unquoted.size;
    return finish_field(c, f, err);
}

static int next_field(struct cursor *c, struct field *f, struct fb_err *err) {
    const char *begin = c->at;

    if (c->form->quotes && c->at < c->end && *c->at == '"') return quoted_field(c, f, err);
    while (c->at < c->end && *c->at != c->form->separator && *c->at != '\n')
        c->at++;
    f->text = begin;
    f->size = (size_t)(c->at - begin);
    if (c->at < c->end && *c->at == '\n' && f->size && c->at[-1] == '\r') f->size--;
    return finish_field(c, f, err);
}

/* Calls `use` for each field of the next row. A row of another width than `width` is an error. */
typedef int use_field(void *state, int64_t column, const struct field *f, struct fb_err *err);

static int next_row(struct cursor *c, int64_t width, use_field *use, void *state,
                    struct fb_err *err) {
    int64_t line = c->line, n = 0;
    struct field f = {0};

    do {
        if (next_field(c, &f, err)) return err->code;
        if (n < width && use(state, n, &f, err)) return fb_context(err, "line %" PRId64, line);
        n++;
    } while (!f.last);
    if (n != width)
        return fb_fail(err, FB_EFORMAT, "line %" PRId64 ": %" PRId64 " fields, expected %" PRId64,
                       line, n, width);
    return FB_OK;
}

/* ---- kinds ----------------------------------------------------------------------------------- */

/* "0", "-12"; not "+1", "007" or "-0", which would not be printed the same way again. */
static bool is_integer(const char *text, int64_t *value) {
    const char *digits = text + (*text == '-');

    if (digits[0] == '0' && (digits[1] || digits != text)) return false;
    return *text != '+' && fb_parse_int(text, value);
}

static bool is_real(const char *text, double *value) {
    const char *digits = text + (*text == '-');

    if (digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') return false;
    return *text != '+' && fb_parse_real(text, value);
}

/* The field as a terminated string; false if it is too long for a number or holds a zero byte. */
static bool as_string(const struct field *f, char out[NUMBER_MAX]) {
    if (f->size >= NUMBER_MAX || memchr(f->text, 0, f->size)) return false;
    memcpy(out, f->text, f->size);
    out[f->size] = '\0';
    return true;
}

enum kind { EMPTY, INTEGER, REAL, TEXT }; /* each holds the ones before it */

struct kinds {
    enum kind kind[FB_COLUMNS_MAX];
};

static int find_kind(void *state, int64_t column, const struct field *f, struct fb_err *err) {
    enum kind *kind = &((struct kinds *)state)->kind[column], found = TEXT;
    char text[NUMBER_MAX];
    int64_t integer;
    double real;

    (void)err;
    if (*kind == TEXT || !f->size) return FB_OK;
    if (as_string(f, text)) {
        if (is_integer(text, &integer)) found = INTEGER;
        else if (is_real(text, &real)) found = REAL;
    }
    if (found > *kind) *kind = found;
    return FB_OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

struct table {
    struct fb_columns columns;
    struct kinds kinds;
};

static int add_header(void *state, int64_t column, const struct field *f, struct fb_err *err) {
    struct table *t = state;
    struct fb_str name = {0};
    int64_t at;

    if (memchr(f->text, 0, f->size)) return fb_fail(err, FB_EFORMAT, "a name holds a zero byte");
    if (fb_str_append(&name, f->text, f->size, err)) return err->code;
    at = fb_columns_find(&t->columns, fb_str_text(&name), err);
    if (at >= 0 && at != column)
        fb_fail(err, FB_EFORMAT, "two columns are named '%s'", fb_str_text(&name));
    fb_str_free(&name);
    return at == column ? FB_OK : err->code;
}

static int add_field(void *state, int64_t column, const struct field *f, struct fb_err *err) {
    struct table *t = state;
    char text[NUMBER_MAX];
    int64_t integer;
    double real;

    switch (t->kinds.kind[column]) {
    case INTEGER:
        if (!f->size) return FB_OK;
        if (as_string(f, text) && is_integer(text, &integer))
            return fb_columns_int(&t->columns, column, integer, err);
        break;
    case REAL:
        if (!f->size) return FB_OK;
        if (as_string(f, text) && fb_parse_real(text, &real))
            return fb_columns_real(&t->columns, column, real, err);
        break;
    case EMPTY:
    case TEXT: break;
    }
    return fb_columns_text(&t->columns, column, f->text, f->size, err);
}

static int64_t count_fields(struct cursor c, struct fb_err *err) {
    struct field f = {0};
    int64_t n = 0;

    c.unquoted = (struct fb_str){0};
    for (; !f.last; n++)
        if (next_field(&c, &f, err)) {
            n = err->code;
            break;
        }
    fb_str_free(&c.unquoted);
    return n;
}

static int read_header(struct table *t, struct cursor *c, int64_t *width, struct fb_err *err) {
    *width = 0;
    if (c->form->header) {
        for (; c->form->header[*width]; *width += 1) {
            const char *name = c->form->header[*width];
            struct field f = {name, strlen(name), false};
            if (add_header(t, *width, &f, err)) return err->code;
        }
        return FB_OK;
    }
    if (c->at == c->end) return FB_OK;
    if ((*width = count_fields(*c, err)) < 0) return err->code;
    return next_row(c, *width, add_header, t, err);
}

/* A line end at the very end of the text does not begin another row. */
static int read_rows(struct cursor *c, int64_t width, int64_t limit, use_field *use, void *state,
                     struct table *t, struct fb_err *err) {
    for (int64_t rows = 0; c->at < c->end && (limit < 0 || rows < limit); rows++) {
        if (rows >= INT32_MAX) return fb_fail(err, FB_EFORMAT, "more than %d rows", INT32_MAX);
        if (next_row(c, width, use, state, err)) return err->code;
        if (t && fb_columns_end_row(&t->columns, err)) return err->code;
    }
    return FB_OK;
}

static int read_table(struct table *t, struct cursor *c, int64_t limit, struct fb_err *err) {
    const char *begin;
    int64_t width, line;

    if (read_header(t, c, &width, err)) return err->code;
    begin = c->at;
    line = c->line;
    for (int64_t i = 0; i < width; i++)
        t->kinds.kind[i] = c->form->text_only ? TEXT : EMPTY;
    if (!c->form->text_only && read_rows(c, width, limit, find_kind, &t->kinds, NULL, err))
        return err->code;
    c->at = begin;
    c->line = line;
    return read_rows(c, width, limit, add_field, t, t, err);
}

int fb_tsv_read(struct fb_dataset *out, const char *text, size_t size,
                const struct fb_tsv_form *form, int64_t limit, struct fb_err *err) {
    struct cursor c = {.form = form, .at = text, .end = text + size, .line = 1};
    struct table *t = fb_calloc(1, sizeof *t, err);
    int rc;

    *out = (struct fb_dataset){0};
    if (!t) return err->code;
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) c.at += 3;
    rc = read_table(t, &c, limit, err);
    if (!rc) rc = fb_columns_finish(&t->columns, out, err);
    fb_str_free(&c.unquoted);
    fb_columns_free(&t->columns);
    free(t);
    return rc;
}
