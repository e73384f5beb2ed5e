#include "config/override.h"

#include "base/number.h"
#include "config/override_token.h"
#include "config/override_value.h"

#include <string.h>

enum { TEXT_MOST = 1 << 20 }; /* bytes of one override */

/* letters, digits, '_', '-', '$'; begins with a letter, '_' or '$' */
static size_t special_id(const char *p) {
    size_t n = 0;

    while (p[n] == '$' || fb_token_id(p + n) ||
           (n && (p[n] == '-' || (p[n] >= '0' && p[n] <= '9'))))
        n += fb_token_id(p + n) ? fb_token_id(p + n) : 1;
    return n;
}

static size_t segment(const char *p) {
    size_t n = special_id(p);

    return n ? n : fb_token_unsigned(p);
}

/* A dotted path, a single identifier, or nothing (0): a lone integer is no key. */
static size_t dotted(const char *p) {
    size_t n = segment(p);
    bool dots = false;

    while (n && p[n] == '.' && segment(p + n + 1)) {
        n += 1 + segment(p + n + 1);
        dots = true;
    }
    return n && (dots || special_id(p)) ? n : 0;
}

/* id/id/... , or 0 when the text does not go on with '/' after an identifier. */
static size_t group_path(const char *p) {
    size_t n = fb_token_id(p);

    if (!n || p[n] != '/') return 0;
    while (p[n] == '/' && fb_token_id(p + n + 1))
        n += 1 + fb_token_id(p + n + 1);
    return n;
}

static int bad_key(const char *text, size_t at, struct fb_err *err) {
    char c = text[at];

    if (!c) return fb_override_fail(err, text, at, "expected '=' and a value, as in key=value");
    if (c == '/')
        return fb_override_fail(err, text, at, "'/' must stand between the names of a group path");
    if (c == ' ' || c == '\t')
        return fb_override_fail(err, text, at,
                                "a key holds no white space; quote the whole argument "
                                "only, not the key");
    if ((unsigned char)c >= 0x80)
        return fb_override_fail(err, text, at, "a key holds only ASCII letters, digits and _ - $");
    return fb_override_fail(
        err, text, at,
        "'%c' cannot stand in a key, which is a dotted path (a.b.0.c) or a group "
        "(a/b), with an optional @package",
        c);
}

static int parse_key(struct fb_override *out, size_t *at, struct fb_arena *a, struct fb_err *err) {
    const char *p = out->text + *at;
    size_t n = group_path(p);

    if (!n) n = dotted(p);
    if (!(out->key = fb_arena_strndup(a, p, n, err))) return err->code;
    if (p[n] == '@') {
        size_t size = dotted(p + n + 1);
        if (!(out->package = fb_arena_strndup(a, p + n + 1, size, err))) return err->code;
        n += 1 + size;
    }
    *at += n;
    if (p[n] == '=' || (!p[n] && out->kind == FB_OVERRIDE_DELETE)) return FB_OK;
    return bad_key(out->text, *at, err);
}

static int parse_value(struct fb_override *out, size_t at, struct fb_arena *a, struct fb_err *err) {
    struct fb_value value = {0};

    at += strspn(out->text + at, " \t");
    if (!out->text[at]) {
        out->value = fb_node_text(a, "", (struct fb_place){"command line", 0, 0}, err);
        return out->value ? FB_OK : err->code;
    }
    if (fb_value_parse(&value, out->text, at, a, err)) return err->code;
    out->sweep = value.sweep;
    if (value.sweep == FB_SWEEP_NONE) out->value = value.node;
    else out->choices = value.node;
    return FB_OK;
}

int fb_override_parse(struct fb_override *out, const char *text, struct fb_arena *a,
                      struct fb_err *err) {
    size_t at = 0, size = strlen(text);

    memset(out, 0, sizeof *out);
    if (size > TEXT_MOST)
        return fb_fail(err, FB_ECONFIG, "an override of %zu bytes; at most %d are read", size,
                       TEXT_MOST);
    if (!(out->text = fb_arena_strdup(a, text, err))) return err->code;
    if (text[0] == '~') out->kind = FB_OVERRIDE_DELETE;
    else if (text[0] == '+') out->kind = text[1] == '+' ? FB_OVERRIDE_FORCE : FB_OVERRIDE_ADD;
    at = out->kind == FB_OVERRIDE_SET ? 0 : out->kind == FB_OVERRIDE_FORCE ? 2 : 1;
    if (parse_key(out, &at, a, err)) return err->code;
    if (!text[at]) return FB_OK;
    return parse_value(out, at + 1, a, err);
}

bool fb_override_is_hydra(const struct fb_override *o) {
    return fb_starts_with(o->key, "hydra.") || fb_starts_with(o->key, "hydra/");
}

int fb_override_print_key(struct fb_str *out, const struct fb_override *o, struct fb_err *err) {
    static const char *const prefix[] = {"", "+", "++", "~"};

    if (fb_str_puts(out, prefix[o->kind], err) || fb_str_puts(out, o->key, err)) return err->code;
    if (!o->package) return FB_OK;
    return fb_str_printf(out, err, "@%s", o->package);
}

/* Inside quotes a backslash is special only in a run that a quote follows. */
static int print_quoted(struct fb_str *out, const char *text, struct fb_err *err) {
    if (fb_str_putc(out, '\'', err)) return err->code;
    while (*text) {
        size_t run = strspn(text, "\\");
        bool doubled = text[run] == '\'' || !text[run];
        for (size_t i = 0; i < run * (doubled ? 2 : 1); i++)
            if (fb_str_putc(out, '\\', err)) return err->code;
        text += run;
        if (!*text) break;
        if (*text == '\'' && fb_str_putc(out, '\\', err)) return err->code;
        if (fb_str_putc(out, *text++, err)) return err->code;
    }
    return fb_str_putc(out, '\'', err);
}

static int print_bare(struct fb_str *out, const char *text, struct fb_err *err) {
    for (; *text; text++) {
        if (strchr("\\()[]{}:=, \t", *text) && fb_str_putc(out, '\\', err)) return err->code;
        if (fb_str_putc(out, *text, err)) return err->code;
    }
    return FB_OK;
}

static int print_items(struct fb_str *out, const struct fb_node *value, struct fb_err *err) {
    for (int64_t i = 0; i < value->count; i++) {
        if (i && fb_str_putc(out, ',', err)) return err->code;
        if (value->kind == FB_MAP &&
            (print_bare(out, value->key[i].text, err) || fb_str_putc(out, ':', err)))
            return err->code;
        if (fb_override_print_value(out, value->item[i], err)) return err->code;
    }
    return FB_OK;
}

int fb_override_print_value(struct fb_str *out, const struct fb_node *value, struct fb_err *err) {
    char number[FB_REAL_TEXT];

    switch (value->kind) {
    case FB_NULL: return fb_str_puts(out, "null", err);
    case FB_BOOL: return fb_str_puts(out, value->value.flag ? "true" : "false", err);
    case FB_INT:
        if (value->text) return fb_str_puts(out, value->text, err);
        return fb_str_printf(out, err, "%jd", (intmax_t)value->value.integer);
    case FB_REAL: fb_format_real(number, value->value.real); return fb_str_puts(out, number, err);
    case FB_TEXT:
        if (strstr(value->text, "${") && !value->quoted) return fb_str_puts(out, value->text, err);
        return (value->quoted ? print_quoted : print_bare)(out, value->text, err);
    case FB_LIST:
        if (fb_str_putc(out, '[', err) || print_items(out, value, err)) return err->code;
        return fb_str_putc(out, ']', err);
    case FB_MAP:
        if (fb_str_putc(out, '{', err) || print_items(out, value, err)) return err->code;
        return fb_str_putc(out, '}', err);
    }
    return FB_OK;
}
