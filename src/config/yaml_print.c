/* yaml_print.c - writes nodes as OmegaConf.to_yaml does, byte for byte.
 *
 * The layout is that of PyYAML's emitter in block style with width 80 and indent 2: the writer
 * knows its column, whether the last character was a space (`whitespace`) and whether the line so
 * far is only indentation and indicators (`indention`), and from these decides where lines break.
 * Only what OmegaConf's dumper can produce is here: no anchors, tags, literal or folded blocks. */
#include "base/alloc.h"
#include "base/number.h"
#include "config/yaml.h"
#include "config/yaml_scalar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 80, INDENT = 2, SIMPLE_KEY_MAX = 128 };
enum { NEXT_LINE = 0x85, LINE_SEPARATOR = 0x2028, PARAGRAPH_SEPARATOR = 0x2029, BOM = 0xfeff };

enum style { PLAIN, SINGLE_QUOTED, DOUBLE_QUOTED };

struct scalar {
    uint32_t *c; /* owned: code points */
    int64_t n;
    enum style style;
    bool multiline;
};

struct printer {
    struct fb_str *out;
    struct fb_err *err;
    int rc; /* first failure; after it nothing is written */
    int indent;
    int64_t column;
    bool whitespace, indention;
    bool in_map; /* the node that comes is a key or value of a mapping */
    bool simple_key;
};

/* ---- text as code points -------------------------------------------------------------------- */

/* One character; a byte that is not part of valid UTF-8 becomes U+DC80..U+DCFF, as Python has it
 * for command line arguments. */
static uint32_t decode(const unsigned char **text) {
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *p = *text;
    int more = *p < 0xc2 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : *p < 0xf5 ? 3 : 0;
    uint32_t c = more ? *p & (0x3fu >> more) : *p;

    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) goto invalid;
        c = c << 6 | (p[i] & 0x3f);
    }
    if ((!more && *p >= 0x80) || c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        goto invalid;
    *text += more + 1;
    return c;
invalid:
    *text += 1;
    return 0xdc00u + *p;
}

static int to_code_points(struct scalar *s, const char *text, struct fb_err *err) {
    const unsigned char *p = (const unsigned char *)text;

    s->n = 0;
    if (!(s->c = fb_calloc(strlen(text) + 1, sizeof *s->c, err))) return err->code;
    while (*p)
        s->c[s->n++] = decode(&p);
    return FB_OK;
}

static void put(struct printer *p, const char *text, size_t n) {
    if (!p->rc) p->rc = fb_str_append(p->out, text, n, p->err);
}

static void put_char(struct printer *p, uint32_t c) {
    char text[4];
    size_t n;

    if (c < 0x80) {
        text[0] = (char)c;
        n = 1;
    } else {
        n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = n - 1; i; i--, c >>= 6)
            text[i] = (char)(0x80 | (c & 0x3f));
        text[0] = (char)(c | (0xf00u >> n & 0xffu));
    }
    put(p, text, n);
}

static void put_chars(struct printer *p, const uint32_t *c, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        put_char(p, c[i]);
    p->column += n;
}

/* ---- layout --------------------------------------------------------------------------------- */

static void line_break(struct printer *p, uint32_t c) {
    put_char(p, c);
    p->whitespace = p->indention = true;
    p->column = 0;
}

static void indent_line(struct printer *p) {
    if (!p->indention || p->column > p->indent || (p->column == p->indent && !p->whitespace))
        line_break(p, '\n');
    for (; p->column < p->indent; p->column++) {
        put(p, " ", 1);
        p->whitespace = true;
    }
}

static void indicator(struct printer *p, const char *text, bool needs_space, bool indention) {
    if (needs_space && !p->whitespace) {
        put(p, " ", 1);
        p->column++;
    }
    put(p, text, strlen(text));
    p->column += (int64_t)strlen(text);
    p->whitespace = false;
    p->indention = p->indention && indention;
}

/* ---- which style a string can have ---------------------------------------------------------- */

static bool is_break(uint32_t c) {
    return c == '\n' || c == NEXT_LINE || c == LINE_SEPARATOR || c == PARAGRAPH_SEPARATOR;
}

static bool is_blank(uint32_t c) {
    return c == 0 || c == ' ' || c == '\t' || c == '\r' || is_break(c);
}

static bool is_in(uint32_t c, const char *set) {
    return c && c < 0x80 && strchr(set, (int)c);
}

static bool is_printable(uint32_t c) {
    if (c == '\n' || (c >= 0x20 && c <= 0x7e) || c == NEXT_LINE) return true;
    return c != BOM && ((c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) ||
                        (c >= 0x10000 && c < 0x10ffff));
}

/* Whether the character at i means something to YAML in block context. */
static bool is_indicator(const struct scalar *s, int64_t i) {
    uint32_t c = s->c[i];
    bool before_blank = i + 1 == s->n || is_blank(s->c[i + 1]);

    if (i == 0) return is_in(c, "#,[]{}&*!|>'\"%@`") || (is_in(c, "?:-") && before_blank);
    return (c == ':' && before_blank) || (c == '#' && is_blank(s->c[i - 1]));
}

static bool starts_like_document(const struct scalar *s) {
    return s->n >= 3 && is_in(s->c[0], "-.") && s->c[1] == s->c[0] && s->c[2] == s->c[0];
}

/* `plain_ok`: unquoted, the text would be read back as a string. */
static void choose_style(struct scalar *s, bool plain_ok, bool simple_key) {
    bool plain, single = true, special = false, indicators = starts_like_document(s);

    s->multiline = false;
    for (int64_t i = 0; i < s->n; i++) {
        uint32_t c = s->c[i], next = i + 1 < s->n ? s->c[i + 1] : 'x';
        if (is_indicator(s, i)) indicators = true;
        if (is_break(c)) s->multiline = true;
        if (!is_printable(c)) special = true;
        if (is_break(c) && next == ' ') single = false;
        if (c == ' ' && is_break(next)) special = true;
    }
    single = single && !special && !(simple_key && s->multiline);
    plain = plain_ok && s->n && !indicators && !special && !s->multiline && s->c[0] != ' ' &&
            s->c[s->n - 1] != ' ';
    s->style = plain ? PLAIN : single ? SINGLE_QUOTED : DOUBLE_QUOTED;
}

/* ---- the three styles ----------------------------------------------------------------------- */

static void write_plain(struct printer *p, const struct scalar *s) {
    int64_t start = 0;

    if (!s->n) return;
    if (!p->whitespace) put_chars(p, &(uint32_t){' '}, 1);
    p->whitespace = p->indention = false;
    for (int64_t end = 0; end < s->n; end++) {
        if (s->c[end] != ' ') continue;
        put_chars(p, s->c + start, end - start);
        for (start = end; s->c[end + 1] == ' ';)
            end++;
        if (end == start && p->column > WIDTH && !p->simple_key) {
            indent_line(p);
            p->whitespace = p->indention = false;
        } else {
            put_chars(p, s->c + start, end + 1 - start);
        }
        start = end + 1;
    }
    put_chars(p, s->c + start, s->n - start);
}

/* A run of spaces [start, end) inside single quotes. */
static void single_quoted_spaces(struct printer *p, const struct scalar *s, int64_t start,
                                 int64_t end) {
    bool alone = start + 1 == end && start != 0 && end != s->n;

    if (alone && p->column > WIDTH && !p->simple_key) indent_line(p);
    else put_chars(p, s->c + start, end - start);
}

/* A run of line breaks: a single one would be folded into a space, so it is doubled. */
static void single_quoted_breaks(struct printer *p, const struct scalar *s, int64_t start,
                                 int64_t end) {
    if (s->c[start] == '\n') line_break(p, '\n');
    for (int64_t i = start; i < end; i++)
        line_break(p, s->c[i]);
    indent_line(p);
}

static void write_single_quoted(struct printer *p, const struct scalar *s) {
    int64_t end;

    indicator(p, "'", true, false);
    for (int64_t i = 0; i < s->n; i = end) {
        uint32_t c = s->c[i];
        end = i + 1;
        if (c == ' ') {
            while (end < s->n && s->c[end] == ' ')
                end++;
            single_quoted_spaces(p, s, i, end);
        } else if (is_break(c)) {
            while (end < s->n && is_break(s->c[end]))
                end++;
            single_quoted_breaks(p, s, i, end);
        } else if (c == '\'') {
            put_chars(p, (const uint32_t[]){'\'', '\''}, 2);
        } else {
            put_chars(p, &c, 1);
        }
    }
    indicator(p, "'", false, false);
}

static bool needs_escape(uint32_t c) {
    return c == '"' || c == '\\' || c == NEXT_LINE || c == LINE_SEPARATOR ||
           c == PARAGRAPH_SEPARATOR || c == BOM || c == '\n' || !is_printable(c) || c > 0xffff;
}

static void put_escape(struct printer *p, uint32_t c) {
    static const struct {
        uint32_t c;
        const char *text;
    } names[] = {{7, "\\a"},
                 {8, "\\b"},
                 {9, "\\t"},
                 {10, "\\n"},
                 {11, "\\v"},
                 {12, "\\f"},
                 {13, "\\r"},
                 {27, "\\e"},
                 {'"', "\\\""},
                 {'\\', "\\\\"},
                 {NEXT_LINE, "\\N"},
                 {LINE_SEPARATOR, "\\L"},
                 {PARAGRAPH_SEPARATOR, "\\P"}};
    char text[16];

    snprintf(text, sizeof text, c <= 0xff ? "\\x%02X" : c <= 0xffff ? "\\u%04X" : "\\U%08X", c);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].c == c) snprintf(text, sizeof text, "%s", names[i].text);
    put(p, text, strlen(text));
    p->column += (int64_t)strlen(text);
}

/* Ends the line with a backslash before s->c[next]; a space there needs one of its own. */
static void fold_double_quoted(struct printer *p, uint32_t next) {
    put_chars(p, &(uint32_t){'\\'}, 1);
    indent_line(p);
    p->whitespace = p->indention = false;
    if (next == ' ') put_chars(p, &(uint32_t){'\\'}, 1);
}

static void write_double_quoted(struct printer *p, const struct scalar *s) {
    int64_t start = 0, end = 0; /* [start, end) is not written yet */

    indicator(p, "\"", true, false);
    for (; end <= s->n; end++) {
        bool escape = end < s->n && needs_escape(s->c[end]);
        if (end == s->n || escape) {
            put_chars(p, s->c + start, end - start);
            start = end;
        }
        if (escape) {
            put_escape(p, s->c[end]);
            start = end + 1;
        }
        if (end > 0 && end < s->n - 1 && (s->c[end] == ' ' || start >= end) &&
            p->column + (end - start) > WIDTH && !p->simple_key) {
            if (start < end) {
                put_chars(p, s->c + start, end - start);
                start = end;
            }
            fold_double_quoted(p, s->c[start]);
        }
    }
    indicator(p, "\"", false, false);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static void write_scalar(struct printer *p, const struct scalar *s) {
    int indent = p->indent;

    p->indent = indent < 0 ? INDENT : indent + INDENT;
    if (s->style == PLAIN) write_plain(p, s);
    else if (s->style == SINGLE_QUOTED) write_single_quoted(p, s);
    else write_double_quoted(p, s);
    p->indent = indent;
}

/* A float as PyYAML writes it: ".inf", ".nan", and a point before every exponent. */
static void format_real(char out[FB_REAL_TEXT], const char *repr) {
    const char *e = strchr(repr, 'e');

    if (!strcmp(repr, "-inf")) snprintf(out, FB_REAL_TEXT, "-.inf");
    else if (!strcmp(repr, "nan") || !strcmp(repr, "inf")) snprintf(out, FB_REAL_TEXT, ".%s", repr);
    else if (e && !strchr(repr, '.'))
        snprintf(out, FB_REAL_TEXT, "%.*s.0%s", (int)(e - repr), repr, e);
    else snprintf(out, FB_REAL_TEXT, "%s", repr);
}

/* Fills s; `text` is what stands in the node or key. */
static int prepare(struct printer *p, struct scalar *s, enum fb_kind kind, const char *text,
                   bool simple_key) {
    char real[FB_REAL_TEXT];
    bool plain_ok =
        kind != FB_TEXT || (fb_yaml_tag_written(text) == FB_YAML_STR && !fb_yaml_must_quote(text));

    if (kind == FB_REAL) {
        format_real(real, text);
        text = real;
    }
    if (to_code_points(s, text, p->err)) return p->rc = p->err->code;
    choose_style(s, plain_ok, simple_key);
    return FB_OK;
}

static void print_scalar(struct printer *p, enum fb_kind kind, const char *text) {
    struct scalar s = {0};

    if (!p->rc && !prepare(p, &s, kind, text, p->simple_key)) write_scalar(p, &s);
    free(s.c);
}

static void print_node(struct printer *p, const struct fb_node *node);

static void print_list(struct printer *p, const struct fb_node *list) {
    int indent = p->indent;

    if (indent < 0) p->indent = 0;
    else if (!p->in_map || p->indention) p->indent += INDENT;
    for (int64_t i = 0; i < list->count && !p->rc; i++) {
        indent_line(p);
        indicator(p, "-", true, true);
        p->in_map = false;
        print_node(p, list->item[i]);
    }
    p->indent = indent;
}

/* PyYAML counts the short form of the tag ("!!str") in the length of a key. */
static bool is_simple_key(const struct scalar *s, enum fb_kind kind) {
    int64_t tag = kind == FB_BOOL || kind == FB_NULL ? 6 : kind == FB_REAL ? 7 : 5;

    return s->n && !s->multiline && s->n + tag < SIMPLE_KEY_MAX;
}

static void print_key(struct printer *p, const struct fb_key *key) {
    struct scalar s = {0};

    if (p->rc || prepare(p, &s, key->kind, key->text, true)) goto done;
    indent_line(p);
    p->simple_key = is_simple_key(&s, key->kind);
    if (!p->simple_key) {
        free(s.c);
        s.c = NULL;
        if (prepare(p, &s, key->kind, key->text, false)) goto done;
        indicator(p, "?", true, true);
    }
    write_scalar(p, &s);
    if (p->simple_key) {
        indicator(p, ":", false, false);
    } else {
        indent_line(p);
        indicator(p, ":", true, true);
    }
    p->simple_key = false;
done:
    free(s.c);
}

static void print_map(struct printer *p, const struct fb_node *map) {
    int indent = p->indent;

    p->indent = indent < 0 ? 0 : indent + INDENT;
    for (int64_t i = 0; i < map->count && !p->rc; i++) {
        print_key(p, &map->key[i]);
        p->in_map = true;
        print_node(p, map->item[i]);
    }
    p->indent = indent;
}

static void print_node(struct printer *p, const struct fb_node *node) {
    char number[FB_REAL_TEXT];

    switch (node->kind) {
    case FB_NULL: print_scalar(p, FB_NULL, "null"); break;
    case FB_BOOL: print_scalar(p, FB_BOOL, node->value.flag ? "true" : "false"); break;
    case FB_INT:
        snprintf(number, sizeof number, "%jd", (intmax_t)node->value.integer);
        print_scalar(p, FB_INT, node->text ? node->text : number);
        break;
    case FB_REAL:
        fb_format_real(number, node->value.real);
        print_scalar(p, FB_REAL, number);
        break;
    case FB_TEXT: print_scalar(p, FB_TEXT, node->text); break;
    case FB_LIST:
        if (node->count) print_list(p, node);
        else indicator(p, "[]", true, false);
        break;
    case FB_MAP:
        if (node->count) print_map(p, node);
        else indicator(p, "{}", true, false);
        break;
    }
}

int fb_yaml_print(struct fb_str *out, const struct fb_node *node, struct fb_err *err) {
    struct printer p = {.out = out, .err = err, .indent = -1, .whitespace = true};
    size_t begin = out->size;

    p.indention = true;
    print_node(&p, node);
    p.indent = 0;
    if (!p.rc) indent_line(&p);
    /* A plain scalar that is a whole document is ended explicitly. */
    if (!p.rc && node->kind < FB_LIST && out->data[begin] != '\'' && out->data[begin] != '"')
        put(&p, "...\n", 4);
    return p.rc;
}
