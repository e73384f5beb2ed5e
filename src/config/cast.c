/* cast.c - int(), float(), str(), bool() of an override's value, with Python's conversions.
 *
 * Lists, mappings and sweeps are converted item by item. */
#include "config/override_value.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct fb_node *refuse(const struct fb_node *node, const char *to, struct fb_err *err) {
    fb_fail(err, FB_ECONFIG, "cannot turn %s%s%s into %s", fb_kind_name(node->kind),
            node->kind == FB_TEXT ? " " : "", node->kind == FB_TEXT ? node->text : "", to);
    return NULL;
}

static struct fb_node *int_of_real(struct fb_arena *a, double value, struct fb_place place,
                                   struct fb_err *err) {
    if (!(value > -9.2e18 && value < 9.2e18)) {
        fb_fail(err, FB_ECONFIG, "%g does not fit an integer of 64 bits", value);
        return NULL;
    }
    return fb_node_int(a, (int64_t)value, place, err);
}

/* The text of a number without the white space and underscores that Python allows; NULL if it is
 * not made of the characters of a number. */
static char *number_text(struct fb_arena *a, const char *text, size_t *size, struct fb_err *err) {
    size_t from = strspn(text, " \t"), to = strlen(text);

    while (to > from && (text[to - 1] == ' ' || text[to - 1] == '\t'))
        to--;
    *size = to - from;
    return fb_arena_strndup(a, text + from, *size, err);
}

static struct fb_node *int_of_text(struct fb_arena *a, const struct fb_node *node,
                                   struct fb_err *err) {
    size_t size;
    char *text = number_text(a, node->text, &size, err);
    size_t sign, digits = 0;

    if (!text) return NULL;
    sign = *text == '-' || *text == '+';
    while ((text[sign + digits] >= '0' && text[sign + digits] <= '9') ||
           (digits && text[sign + digits] == '_' && text[sign + digits - 1] != '_'))
        digits++;
    if (!digits || sign + digits != size || text[size - 1] == '_')
        return refuse(node, "an integer", err);
    return fb_value_int(a, text, size, node->place, err);
}

static struct fb_node *real_of_text(struct fb_arena *a, const struct fb_node *node,
                                    struct fb_err *err) {
    size_t size;
    char *text = number_text(a, node->text, &size, err);
    const char *body = text ? text + (*text == '-' || *text == '+') : NULL;
    double value;

    if (!text) return NULL;
    if (!strcasecmp(body, "infinity")) size -= strlen("inity");
    else if (strcasecmp(body, "inf") && strcasecmp(body, "nan") && !fb_parse_real(text, &value))
        return refuse(node, "a number", err);
    return fb_value_real(a, text, size, node->place, err);
}

static struct fb_node *to_int(struct fb_arena *a, const struct fb_node *node, struct fb_err *err) {
    switch (node->kind) {
    case FB_INT: return fb_node_copy(a, node, err);
    case FB_BOOL: return fb_node_int(a, node->value.flag, node->place, err);
    case FB_REAL: return int_of_real(a, node->value.real, node->place, err);
    case FB_TEXT: return int_of_text(a, node, err);
    default: return refuse(node, "an integer", err);
    }
}

static struct fb_node *to_real(struct fb_arena *a, const struct fb_node *node, struct fb_err *err) {
    double value;

    switch (node->kind) {
    case FB_INT:
        value = (double)node->value.integer;
        if (node->text && !fb_parse_real(node->text, &value)) return refuse(node, "a number", err);
        return fb_node_real(a, value, node->place, err);
    case FB_BOOL: return fb_node_real(a, node->value.flag, node->place, err);
    case FB_REAL: return fb_node_copy(a, node, err);
    case FB_TEXT: return real_of_text(a, node, err);
    default: return refuse(node, "a number", err);
    }
}

static struct fb_node *to_text(struct fb_arena *a, const struct fb_node *node, struct fb_err *err) {
    char number[FB_REAL_TEXT];

    switch (node->kind) {
    case FB_INT:
        if (node->text) return fb_node_text(a, node->text, node->place, err);
        snprintf(number, sizeof number, "%jd", (intmax_t)node->value.integer);
        return fb_node_text(a, number, node->place, err);
    case FB_BOOL: return fb_node_text(a, node->value.flag ? "true" : "false", node->place, err);
    case FB_REAL:
        fb_format_real(number, node->value.real);
        return fb_node_text(a, number, node->place, err);
    case FB_TEXT: return fb_node_text(a, node->text, node->place, err);
    default: return refuse(node, "a string", err);
    }
}

static struct fb_node *to_bool(struct fb_arena *a, const struct fb_node *node, struct fb_err *err) {
    switch (node->kind) {
    case FB_INT: return fb_node_bool(a, node->text || node->value.integer, node->place, err);
    case FB_BOOL: return fb_node_copy(a, node, err);
    case FB_REAL: return fb_node_bool(a, node->value.real != 0, node->place, err);
    case FB_TEXT:
        if (!strcasecmp(node->text, "true")) return fb_node_bool(a, true, node->place, err);
        if (!strcasecmp(node->text, "false")) return fb_node_bool(a, false, node->place, err);
        return refuse(node, "a boolean", err);
    case FB_NULL: return fb_node_bool(a, false, node->place, err);
    default: return refuse(node, "a boolean", err);
    }
}

static struct fb_node *cast_node(struct fb_arena *a, const struct fb_node *node, enum fb_kind kind,
                                 struct fb_err *err);

static struct fb_node *cast_items(struct fb_arena *a, const struct fb_node *node, enum fb_kind kind,
                                  struct fb_err *err) {
    struct fb_node *out = node->kind == FB_LIST ? fb_node_list(a, node->place, err)
                                                : fb_node_map(a, node->place, err);

    for (int64_t i = 0; out && i < node->count; i++) {
        struct fb_node *item = cast_node(a, node->item[i], kind, err);
        int rc;
        if (!item) return NULL;
        rc = node->kind == FB_LIST ? fb_node_push(a, out, item, err)
                                   : fb_node_set_key(a, out, node->key[i], item, err);
        if (rc) return NULL;
    }
    return out;
}

static struct fb_node *cast_node(struct fb_arena *a, const struct fb_node *node, enum fb_kind kind,
                                 struct fb_err *err) {
    if (node->kind == FB_LIST || node->kind == FB_MAP) return cast_items(a, node, kind, err);
    switch (kind) {
    case FB_INT: return to_int(a, node, err);
    case FB_REAL: return to_real(a, node, err);
    case FB_BOOL: return to_bool(a, node, err);
    default: return to_text(a, node, err);
    }
}

int fb_cast(struct fb_value *out, const struct fb_value *in, enum fb_kind kind, struct fb_arena *a,
            struct fb_err *err) {
    *out = *in;
    if (in->sweep == FB_SWEEP_GLOB) return fb_fail(err, FB_ECONFIG, "a glob cannot be converted");
    if (in->sweep != FB_SWEEP_RANGE)
        return (out->node = cast_node(a, in->node, kind, err)) ? FB_OK : err->code;
    if (kind != FB_INT && kind != FB_REAL)
        return fb_fail(err, FB_ECONFIG, "a range can only be turned into integers or numbers");
    if (!(out->start = cast_node(a, in->start, kind, err)) ||
        !(out->stop = cast_node(a, in->stop, kind, err)) ||
        !(out->step = cast_node(a, in->step, kind, err)))
        return err->code;
    return FB_OK;
}
