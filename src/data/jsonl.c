/* jsonl.c - JSON by jansson, which refuses duplicate keys, invalid UTF-8, lone surrogates, numbers
 * beyond 64 bits and nesting deeper than 2048. */
#include "data/jsonl.h"

#include "base/number.h"
#include "config/json.h"
#include "data/columns.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const size_t line_max = (size_t)64 << 20, document_max = (size_t)1 << 30;
static const size_t load_flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY;

struct text {
    const char *at, *end;
    int64_t line; /* of `at`, from 1 */
};

/* ---- values ---------------------------------------------------------------------------------- */

static int print_compact(struct fb_str *out, const json_t *value, struct fb_err *err);

static int print_object(struct fb_str *out, const json_t *object, struct fb_err *err) {
    const char *key, *before = "{";
    json_t *value;

    if (!json_object_size(object)) return fb_str_puts(out, "{}", err);
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (fb_str_puts(out, before, err) ||
            fb_json_print_text(out, key, strlen(key), false, err) || fb_str_putc(out, ':', err) ||
            print_compact(out, value, err))
            return err->code;
        before = ",";
    }
    return fb_str_putc(out, '}', err);
}

static int print_list(struct fb_str *out, const json_t *list, struct fb_err *err) {
    if (fb_str_putc(out, '[', err)) return err->code;
    for (size_t i = 0; i < json_array_size(list); i++)
        if ((i && fb_str_putc(out, ',', err)) || print_compact(out, json_array_get(list, i), err))
            return err->code;
    return fb_str_putc(out, ']', err);
}

/* The depth is bounded by the parser. */
static int print_compact(struct fb_str *out, const json_t *value, struct fb_err *err) {
    char number[FB_REAL_TEXT];

    switch (json_typeof(value)) {
    case JSON_OBJECT: return print_object(out, value, err);
    case JSON_ARRAY: return print_list(out, value, err);
    case JSON_STRING:
        return fb_json_print_text(out, json_string_value(value), json_string_length(value), false,
                                  err);
    case JSON_INTEGER:
        return fb_str_printf(out, err, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        fb_format_real(number, json_real_value(value));
        return fb_str_puts(out, number, err);
    case JSON_TRUE: return fb_str_puts(out, "true", err);
    case JSON_FALSE: return fb_str_puts(out, "false", err);
    case JSON_NULL: break;
    }
    return fb_str_puts(out, "null", err);
}

static int add_nested(struct fb_columns *c, int64_t column, const json_t *value,
                      struct fb_err *err) {
    struct fb_str text = {0};
    int rc = print_compact(&text, value, err);

    if (!rc) rc = fb_columns_text(c, column, text.data, text.size, err);
    fb_str_free(&text);
    return rc;
}

static int add_value(struct fb_columns *c, int64_t column, const json_t *value,
                     struct fb_err *err) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_ARRAY: return add_nested(c, column, value, err);
    case JSON_STRING:
        return fb_columns_text(c, column, json_string_value(value), json_string_length(value), err);
    case JSON_INTEGER: return fb_columns_int(c, column, json_integer_value(value), err);
    case JSON_REAL: return fb_columns_real(c, column, json_real_value(value), err);
    case JSON_TRUE:
    case JSON_FALSE: return fb_columns_bool(c, column, json_is_true(value), err);
    case JSON_NULL: break;
    }
    return FB_OK; /* the end of the row fills it in */
}

static int add_row(struct fb_columns *c, const json_t *row, struct fb_err *err) {
    const char *key;
    json_t *value;

    if (!json_is_object(row)) return fb_fail(err, FB_EFORMAT, "is not a JSON object");
    if (c->rows >= INT32_MAX) return fb_fail(err, FB_EFORMAT, "more than %d rows", INT32_MAX);
    json_object_foreach((json_t *)(uintptr_t)row, key, value) {
        int64_t column = fb_columns_find(c, key, err);
        if (column < 0 || add_value(c, column, value, err)) return err->code;
    }
    return fb_columns_end_row(c, err);
}

/* ---- layouts --------------------------------------------------------------------------------- */

static int syntax_error(const json_error_t *found, int64_t line, struct fb_err *err) {
    if (json_error_code(found) == json_error_out_of_memory)
        return fb_fail(err, FB_ENOMEM, "out of memory");
    return fb_fail(err, FB_EFORMAT, "line %" PRId64 ": not valid JSON: %s", line, found->text);
}

/* One document that holds all rows: a list, or an object of objects. */
static int read_document(struct fb_columns *c, const struct text *t, int64_t limit,
                         struct fb_err *err) {
    size_t size = (size_t)(t->end - t->at), i = 0;
    json_error_t found;
    json_t *root, *row;
    const char *key;
    int rc = FB_OK;

    if (size > document_max)
        return fb_fail(err, FB_EFORMAT, "a JSON document of %zu bytes, limit %zu", size,
                       document_max);
    if (!(root = json_loadb(t->at, size, load_flags, &found)))
        return syntax_error(&found, t->line - 1 + found.line, err);
    if (json_is_array(root)) {
        for (; i < json_array_size(root) && !rc && (limit < 0 || c->rows < limit); i++)
            if ((rc = add_row(c, json_array_get(root, i), err))) fb_context(err, "row %zu", i + 1);
    } else {
        json_object_foreach(root, key, row) {
            if (rc || (limit >= 0 && c->rows >= limit)) break;
            if ((rc = add_row(c, row, err))) fb_context(err, "row '%s'", key);
        }
    }
    json_decref(root);
    return rc;
}

static bool is_blank(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
        p++;
    return p == end;
}

static const char *line_end(const struct text *t) {
    const char *end = memchr(t->at, '\n', (size_t)(t->end - t->at));

    return end ? end : t->end;
}

static void next_line(struct text *t, const char *end) {
    t->at = end < t->end ? end + 1 : end;
    t->line++;
}

static int read_line(struct fb_columns *c, const struct text *t, const char *end,
                     struct fb_err *err) {
    size_t size = (size_t)(end - t->at);
    json_error_t found;
    json_t *row;

    if (size > line_max)
        return fb_fail(err, FB_EFORMAT, "line %" PRId64 ": %zu bytes, limit %zu", t->line, size,
                       line_max);
    if (!(row = json_loadb(t->at, size, load_flags, &found)))
        return syntax_error(&found, t->line, err);
    if (add_row(c, row, err)) fb_context(err, "line %" PRId64, t->line);
    json_decref(row);
    return err->code;
}

static int read_lines(struct fb_columns *c, struct text t, int64_t limit, struct fb_err *err) {
    while (t.at < t.end && (limit < 0 || c->rows < limit)) {
        const char *end = line_end(&t);
        if (!is_blank(t.at, end) && read_line(c, &t, end, err)) return err->code;
        next_line(&t, end);
    }
    return FB_OK;
}

/* Whether one value spans all of the text: a list, an object that its first line does not finish,
 * or an object on the only line whose values are objects. */
static bool is_document(const struct text *t) {
    const char *end = line_end(t), *key;
    size_t size = (size_t)(end - t->at), objects = 0;
    bool only = is_blank(end, t->end), document;
    json_error_t found;
    json_t *row, *value;

    if (*t->at == '[') return true;
    if (*t->at != '{' || size > line_max) return false;
    if (!(row = json_loadb(t->at, size, load_flags, &found)))
        return !only && json_error_code(&found) == json_error_premature_end_of_input;
    json_object_foreach(row, key, value) objects += json_is_object(value);
    document = only && objects && objects == json_object_size(row);
    json_decref(row);
    return document;
}

int fb_jsonl_read(struct fb_dataset *out, const char *text, size_t size, int64_t limit,
                  struct fb_err *err) {
    struct text t = {text, text + size, 1};
    struct fb_columns columns = {0};
    int rc;

    *out = (struct fb_dataset){0};
    err->code = FB_OK;
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) t.at += 3;
    for (const char *end; t.at < t.end && is_blank(t.at, end = line_end(&t));)
        next_line(&t, end);
    while (t.at < t.end && (*t.at == ' ' || *t.at == '\t'))
        t.at++;
    if (t.at < t.end && is_document(&t)) rc = read_document(&columns, &t, limit, err);
    else rc = read_lines(&columns, t, limit, err);
    if (!rc) rc = fb_columns_finish(&columns, out, err);
    fb_columns_free(&columns);
    return rc;
}
