/* json.c - JSON through jansson, written as Python's json module writes it.
 *
 * jansson keeps integers as int64 and refuses larger ones. */
#include "config/json.h"

#include "base/map.h"
#include "base/number.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { DEPTH_MAX = 2048 }; /* jansson's own limit is the same */

/* ---- reading -------------------------------------------------------------------------------- */

static struct fb_node *convert(const json_t *json, struct fb_arena *a, struct fb_place place,
                               struct fb_err *err);

static int convert_object(struct fb_node *map, const json_t *json, struct fb_arena *a,
                          struct fb_err *err) {
    json_t *object = (json_t *)(uintptr_t)json; /* jansson's iterators are not const */

    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct fb_node *child = convert(json_object_iter_value(i), a, map->place, err);
        if (!child || fb_node_set(a, map, json_object_iter_key(i), child, err)) return err->code;
    }
    return FB_OK;
}

static int convert_array(struct fb_node *list, const json_t *json, struct fb_arena *a,
                         struct fb_err *err) {
    for (size_t i = 0; i < json_array_size(json); i++) {
        struct fb_node *child = convert(json_array_get(json, i), a, list->place, err);
        if (!child || fb_node_push(a, list, child, err)) return err->code;
    }
    return FB_OK;
}

static struct fb_node *convert(const json_t *json, struct fb_arena *a, struct fb_place place,
                               struct fb_err *err) {
    struct fb_node *node = NULL;

    switch (json_typeof(json)) {
    case JSON_NULL: return fb_node_null(a, place, err);
    case JSON_TRUE: return fb_node_bool(a, true, place, err);
    case JSON_FALSE: return fb_node_bool(a, false, place, err);
    case JSON_INTEGER: return fb_node_int(a, json_integer_value(json), place, err);
    case JSON_REAL: return fb_node_real(a, json_real_value(json), place, err);
    case JSON_STRING:
        if ((node = fb_node_text(a, json_string_value(json), place, err))) node->quoted = true;
        return node;
    case JSON_ARRAY:
        node = fb_node_list(a, place, err);
        return node && !convert_array(node, json, a, err) ? node : NULL;
    case JSON_OBJECT:
        node = fb_node_map(a, place, err);
        return node && !convert_object(node, json, a, err) ? node : NULL;
    }
    return NULL;
}

static int refused(const json_error_t *e, const char *file, struct fb_err *err) {
    if (json_error_code(e) == json_error_out_of_memory)
        return fb_fail(err, FB_ENOMEM, "out of memory");
    if (json_error_code(e) == json_error_numeric_overflow)
        fb_fail(err, FB_EFORMAT, "number beyond 64 bits (%s)", e->text);
    else if (json_error_code(e) == json_error_null_character)
        fb_fail(err, FB_EFORMAT, "string with a zero byte");
    else fb_fail(err, FB_EFORMAT, "%s", e->text);
    return file ? fb_context(err, "%s:%d:%d", file, e->line, e->column)
                : fb_context(err, "%d:%d", e->line, e->column);
}

int fb_json_parse(struct fb_node **out, struct fb_arena *a, const char *text, size_t size,
                  const char *file, struct fb_err *err) {
    json_error_t error;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

    *out = NULL;
    if (!json) return refused(&error, file, err);
    *out = convert(json, a, (struct fb_place){.file = file}, err);
    json_decref(json);
    return *out ? FB_OK : err->code;
}

int fb_json_load(struct fb_node **out, struct fb_arena *a, const char *path, struct fb_err *err) {
    struct fb_map map = {0};
    char *name = fb_arena_strdup(a, path, err);
    int rc;

    *out = NULL;
    if (!name) return err->code;
    if (fb_map_open(&map, path, err)) return fb_context(err, "%s", path);
    rc = fb_json_parse(out, a, (const char *)map.data, map.size, name, err);
    fb_map_close(&map);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Length of the valid UTF-8 character at p, at most `left` bytes, or 0. */
static size_t utf8_length(const unsigned char *p, size_t left) {
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (p[0] > 0xf4 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static uint32_t utf8_value(const unsigned char *p, size_t n) {
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);

    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

static int put_escape(struct fb_str *out, uint32_t c, struct fb_err *err) {
    if (c < 0x10000) return fb_str_printf(out, err, "\\u%04x", c);
    c -= 0x10000;
    return fb_str_printf(out, err, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

static int put_char(struct fb_str *out, const unsigned char *p, size_t n, bool ascii,
                    struct fb_err *err) {
    uint32_t c = utf8_value(p, n);

    switch (c) {
    case '"': return fb_str_puts(out, "\\\"", err);
    case '\\': return fb_str_puts(out, "\\\\", err);
    case '\n': return fb_str_puts(out, "\\n", err);
    case '\r': return fb_str_puts(out, "\\r", err);
    case '\t': return fb_str_puts(out, "\\t", err);
    case '\f': return fb_str_puts(out, "\\f", err);
    case '\b': return fb_str_puts(out, "\\b", err);
    default: break;
    }
    if (c < 0x20 || (ascii && c > 0x7e)) return put_escape(out, c, err);
    return fb_str_append(out, p, n, err);
}

int fb_json_print_text(struct fb_str *out, const char *text, size_t size, bool ascii,
                       struct fb_err *err) {
    static const unsigned char replacement[] = {0xef, 0xbf, 0xbd};
    const unsigned char *p = (const unsigned char *)text;

    if (fb_str_putc(out, '"', err)) return err->code;
    while (size) {
        size_t n = utf8_length(p, size);
        if (n ? put_char(out, p, n, ascii, err) : put_char(out, replacement, 3, ascii, err))
            return err->code;
        p += n ? n : 1;
        size -= n ? n : 1;
    }
    return fb_str_putc(out, '"', err);
}

static int print_real(struct fb_str *out, double value, struct fb_err *err) {
    char number[FB_REAL_TEXT];

    if (isnan(value)) return fb_str_puts(out, "NaN", err);
    if (isinf(value)) return fb_str_puts(out, value < 0 ? "-Infinity" : "Infinity", err);
    fb_format_real(number, value);
    return fb_str_puts(out, number, err);
}

/* Where `indent` is set, every child starts a line of its own, two spaces per level. */
static int print(struct fb_str *out, const struct fb_node *node, int depth, bool indent,
                 struct fb_err *err);

static int print_break(struct fb_str *out, int depth, bool indent, struct fb_err *err) {
    return indent ? fb_str_printf(out, err, "\n%*s", 2 * depth, "") : FB_OK;
}

static int print_key(struct fb_str *out, const struct fb_key *key, struct fb_err *err) {
    const char *text = key->text;

    if (key->kind == FB_REAL && !strcmp(text, "nan")) text = "NaN";
    else if (key->kind == FB_REAL && !strcmp(text, "inf")) text = "Infinity";
    else if (key->kind == FB_REAL && !strcmp(text, "-inf")) text = "-Infinity";
    if (fb_json_print_text(out, text, strlen(text), true, err)) return err->code;
    return fb_str_puts(out, ": ", err);
}

static int print_children(struct fb_str *out, const struct fb_node *node, int depth, bool indent,
                          struct fb_err *err) {
    bool map = node->kind == FB_MAP;

    if (depth > DEPTH_MAX) return fb_fail(err, FB_EFORMAT, "nested deeper than %d", DEPTH_MAX);
    if (fb_str_putc(out, map ? '{' : '[', err)) return err->code;
    for (int64_t i = 0; i < node->count; i++) {
        if (i && fb_str_puts(out, indent ? "," : ", ", err)) return err->code;
        if (print_break(out, depth + 1, indent, err)) return err->code;
        if (map && print_key(out, &node->key[i], err)) return err->code;
        if (print(out, node->item[i], depth + 1, indent, err)) return err->code;
    }
    if (node->count && print_break(out, depth, indent, err)) return err->code;
    return fb_str_putc(out, map ? '}' : ']', err);
}

static int print(struct fb_str *out, const struct fb_node *node, int depth, bool indent,
                 struct fb_err *err) {
    switch (node->kind) {
    case FB_NULL: return fb_str_puts(out, "null", err);
    case FB_BOOL: return fb_str_puts(out, node->value.flag ? "true" : "false", err);
    case FB_INT:
        if (node->text) return fb_str_puts(out, node->text, err);
        return fb_str_printf(out, err, "%jd", (intmax_t)node->value.integer);
    case FB_REAL: return print_real(out, node->value.real, err);
    case FB_TEXT: return fb_json_print_text(out, node->text, strlen(node->text), true, err);
    case FB_LIST:
    case FB_MAP: return print_children(out, node, depth, indent, err);
    }
    return FB_OK;
}

int fb_json_print(struct fb_str *out, const struct fb_node *node, struct fb_err *err) {
    return print(out, node, 0, false, err);
}

int fb_json_print_indented(struct fb_str *out, const struct fb_node *node, struct fb_err *err) {
    if (print(out, node, 0, true, err)) return err->code;
    return fb_str_putc(out, '\n', err);
}
