/* override_value.c - recursive descent over the tokens of a value.
 *
 * An identifier directly before '(' is a function; one before '=' inside a call names an argument.
 * An unquoted value is a run of words: a single word is typed, several make a string in which
 * escapes are undone. Outer white space of the run is dropped. */
#include "config/override_value.h"

#include "base/number.h"
#include "config/override_token.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum { DEPTH_MOST = 64, ARGUMENTS_MOST = 1024 };

struct parser {
    const char *line;
    struct fb_token now, next;
    struct fb_arena *a;
    struct fb_err *err;
    int depth;
};

static int advance(struct parser *p) {
    p->now = p->next;
    if (p->now.kind == FB_TOKEN_END) return FB_OK;
    return fb_token_read(&p->next, p->line, p->now.at + p->now.size, p->err);
}

static const struct fb_place place = {"command line", 0, 0};

/* What the value should have gone on with. */
static int unexpected(struct parser *p, const char *expected) {
    switch (p->now.kind) {
    case FB_TOKEN_END:
        return fb_override_fail(p->err, p->line, p->now.at, "the value ends where %s is expected",
                                expected);
    case FB_TOKEN_EQUAL:
        return fb_override_fail(p->err, p->line, p->now.at,
                                "'=' in a value must be quoted or written \\=");
    case FB_TOKEN_POPEN:
    case FB_TOKEN_PCLOSE:
        return fb_override_fail(
            p->err, p->line, p->now.at,
            "parentheses in a value must be quoted or escaped with a backslash");
    case FB_TOKEN_QUOTED:
        return fb_override_fail(p->err, p->line, p->now.at,
                                "a quoted string must be the whole value; expected %s", expected);
    default:
        return fb_override_fail(p->err, p->line, p->now.at, "found '%.*s' where %s is expected",
                                (int)(p->now.size < 40 ? p->now.size : 40), p->line + p->now.at,
                                expected);
    }
}

static int expect(struct parser *p, enum fb_token_kind kind, const char *expected) {
    if (p->now.kind != kind) return unexpected(p, expected);
    return advance(p);
}

struct fb_node *fb_value_int(struct fb_arena *a, const char *text, size_t size,
                             struct fb_place where, struct fb_err *err) {
    char *digits = fb_arena_strndup(a, text, size, err), *to = digits;
    struct fb_node *node = digits ? fb_node_int(a, 0, where, err) : NULL;

    if (!node) return NULL;
    for (const char *from = digits; *from; from++)
        if (*from != '_' && *from != '+') *to++ = *from;
    *to = '\0';
    if (fb_parse_int(digits, &node->value.integer)) return node;
    node->value.integer = *digits == '-' ? INT64_MIN : INT64_MAX;
    node->text = digits;
    return node;
}

struct fb_node *fb_value_real(struct fb_arena *a, const char *text, size_t size,
                              struct fb_place where, struct fb_err *err) {
    char *digits = fb_arena_strndup(a, text, size, err), *to = digits;
    double sign = 1, value = 0;

    if (!digits) return NULL;
    for (const char *from = digits; *from; from++)
        if (*from == '-' && from == digits) sign = -1;
        else if (*from != '_' && !(*from == '+' && from == digits)) *to++ = *from;
    *to = '\0';
    if (!strcasecmp(digits, "inf")) value = HUGE_VAL;
    else if (!strcasecmp(digits, "nan") || !fb_parse_real(digits, &value)) value = NAN;
    return fb_node_real(a, sign < 0 ? -value : value, where, err);
}

/* \\" -> \ , \" -> " : halves the backslashes of runs that end at the quote. */
static struct fb_node *quoted(struct parser *p) {
    const char *text = p->line + p->now.at + 1;
    size_t size = p->now.size - 2, n = 0;
    char *out = fb_arena_strndup(p->a, text, size, p->err);
    struct fb_node *node;

    if (!out) return NULL;
    for (size_t i = 0; i < size;) {
        size_t run = strspn(text + i, "\\");
        size_t keep = text[i + run] == text[-1] ? run / 2 : run;
        memset(out + n, '\\', keep);
        n += keep;
        i += run;
        if (i < size) out[n++] = text[i++];
    }
    out[n] = '\0';
    node = fb_node_text(p->a, out, place, p->err);
    if (node) node->quoted = true;
    return node;
}

static struct fb_node *typed(struct parser *p, struct fb_token t) {
    const char *text = p->line + t.at;

    switch (t.kind) {
    case FB_TOKEN_INT: return fb_value_int(p->a, text, t.size, place, p->err);
    case FB_TOKEN_REAL: return fb_value_real(p->a, text, t.size, place, p->err);
    case FB_TOKEN_NULL: return fb_node_null(p->a, place, p->err);
    default: return fb_node_bool(p->a, t.size == 4, place, p->err);
    }
}

/* The words [from, to) of the line joined, escapes undone. */
static struct fb_node *joined(struct parser *p, size_t from, size_t to) {
    struct fb_str text = {0};
    struct fb_node *node = NULL;
    struct fb_token t;

    for (size_t at = from; at < to; at += t.size) {
        size_t escaped;
        if (fb_token_read(&t, p->line, at, p->err)) goto done;
        escaped = t.kind == FB_TOKEN_ESCAPE;
        for (size_t i = escaped; i < t.size; i += 1 + escaped)
            if (fb_str_putc(&text, p->line[at + i], p->err)) goto done;
    }
    node = fb_node_text(p->a, fb_str_text(&text), place, p->err);
done:
    fb_str_free(&text);
    return node;
}

/* `least` is the first token kind that may be part of it: mapping keys allow fewer. */
static struct fb_node *bare(struct parser *p, enum fb_token_kind least) {
    struct fb_token first = {0}, last = {0};
    size_t words = 0, from = p->now.at;
    size_t space = p->now.kind == FB_TOKEN_SPACE;

    for (; p->now.kind >= least; words++) {
        last = p->now;
        if (words == space) first = p->now;
        if (advance(p)) return NULL;
    }
    if (space) words--;
    if (!words) {
        fb_override_fail(p->err, p->line, from, "a value of nothing but white space; quote it");
        return NULL;
    }
    if (words > 1 && last.kind == FB_TOKEN_SPACE) words--;
    else last.at += last.size;
    if (words == 1 && first.kind <= FB_TOKEN_NULL && first.kind >= FB_TOKEN_REAL)
        return typed(p, first);
    return joined(p, first.at, last.at);
}

static int parse_element(struct parser *p, struct fb_value *out);

/* An element that must not be a sweep: those stand at the top only. */
static struct fb_node *parse_node(struct parser *p) {
    struct fb_value value = {0};
    size_t at = p->now.at;

    if (parse_element(p, &value)) return NULL;
    if (value.sweep == FB_SWEEP_NONE) return value.node;
    fb_override_fail(p->err, p->line, at, "a sweep cannot stand inside a list or mapping");
    return NULL;
}

static struct fb_node *parse_list(struct parser *p) {
    struct fb_node *list = fb_node_list(p->a, place, p->err);

    if (!list || advance(p)) return NULL;
    if (p->now.kind == FB_TOKEN_LIST_CLOSE) return advance(p) ? NULL : list;
    for (;;) {
        struct fb_node *item = parse_node(p);
        if (!item || fb_node_push(p->a, list, item, p->err)) return NULL;
        if (p->now.kind != FB_TOKEN_COMMA) break;
        if (advance(p)) return NULL;
    }
    return expect(p, FB_TOKEN_LIST_CLOSE, "',' or ']'") ? NULL : list;
}

static int key_of(struct fb_key *key, const struct fb_node *node, struct parser *p, size_t at) {
    struct fb_str text = {0};

    if (node->kind == FB_NULL)
        return fb_override_fail(p->err, p->line, at, "null cannot be the key of a mapping");
    key->kind = node->kind;
    key->text = node->text;
    if (key->text) return FB_OK;
    if (!fb_override_print_value(&text, node, p->err))
        key->text = fb_arena_strdup(p->a, fb_str_text(&text), p->err);
    fb_str_free(&text);
    return key->text ? FB_OK : p->err->code;
}

static int parse_pair(struct parser *p, struct fb_node *map) {
    struct fb_key key = {0};
    struct fb_node *node;
    size_t at = p->now.at;

    if (p->now.kind == FB_TOKEN_QUOTED)
        return fb_override_fail(p->err, p->line, at,
                                "the key of a mapping cannot be quoted; escape special characters");
    if (p->now.kind <= FB_TOKEN_INTERPOLATION) return unexpected(p, "a key");
    if (!(node = bare(p, FB_TOKEN_REAL)) || key_of(&key, node, p, at)) return p->err->code;
    if (expect(p, FB_TOKEN_COLON, "':'") || !(node = parse_node(p))) return p->err->code;
    return fb_node_set_key(p->a, map, key, node, p->err);
}

static struct fb_node *parse_map(struct parser *p) {
    struct fb_node *map = fb_node_map(p->a, place, p->err);

    if (!map || advance(p)) return NULL;
    if (p->now.kind == FB_TOKEN_MAP_CLOSE) return advance(p) ? NULL : map;
    for (;;) {
        if (parse_pair(p, map)) return NULL;
        if (p->now.kind != FB_TOKEN_COMMA) break;
        if (advance(p)) return NULL;
    }
    return expect(p, FB_TOKEN_MAP_CLOSE, "',' or '}'") ? NULL : map;
}

static int parse_argument(struct parser *p, struct fb_argument *arg, bool named_before) {
    if (p->now.kind == FB_TOKEN_ID && p->next.kind == FB_TOKEN_EQUAL) {
        arg->name = fb_arena_strndup(p->a, p->line + p->now.at, p->now.size, p->err);
        if (!arg->name || advance(p)) return p->err->code; /* the name */
        if (advance(p)) return p->err->code;               /* the '=' */
    } else if (named_before) {
        return fb_override_fail(p->err, p->line, p->now.at,
                                "a positional argument after a named one");
    }
    if (parse_element(p, &arg->value)) return p->err->code;
    /* Functions see the text of quoted arguments. */
    if (arg->value.node) arg->value.node->quoted = false;
    return FB_OK;
}

static int parse_arguments(struct parser *p, struct fb_argument *args, int *count) {
    if (p->now.kind == FB_TOKEN_PCLOSE) return advance(p);
    for (;;) {
        bool named_before = *count && args[*count - 1].name;
        if (*count == ARGUMENTS_MOST)
            return fb_override_fail(p->err, p->line, p->now.at, "more than %d arguments",
                                    ARGUMENTS_MOST);
        if (parse_argument(p, args + *count, named_before)) return p->err->code;
        ++*count;
        if (p->now.kind != FB_TOKEN_COMMA) break;
        if (advance(p)) return p->err->code;
    }
    return expect(p, FB_TOKEN_PCLOSE, "',' or ')'");
}

static int count_commas(const struct parser *p) {
    int n = 1;

    for (const char *c = p->line + p->now.at; *c && n < ARGUMENTS_MOST; c++)
        n += *c == ',';
    return n;
}

static int parse_function(struct parser *p, struct fb_value *out) {
    size_t at = p->now.at;
    char *name = fb_arena_strndup(p->a, p->line + at, p->now.size, p->err);
    struct fb_argument *args;
    char words[512];
    int count = 0;

    if (!name || !(args = fb_arena_calloc(p->a, (size_t)count_commas(p), sizeof *args, p->err)))
        return p->err->code;
    if (advance(p)) return p->err->code;
    if (advance(p) || parse_arguments(p, args, &count)) return p->err->code;
    if (!fb_sweep_call(out, name, args, count, p->a, p->err)) return FB_OK;
    if (p->err->code == FB_ENOMEM) return p->err->code;
    memcpy(words, p->err->msg, sizeof words);
    words[sizeof words - 1] = '\0';
    return fb_override_fail(p->err, p->line, at, "%s(): %s", name, words);
}

static int parse_plain(struct parser *p, struct fb_value *out) {
    switch (p->now.kind) {
    case FB_TOKEN_LIST_OPEN: out->node = parse_list(p); break;
    case FB_TOKEN_MAP_OPEN: out->node = parse_map(p); break;
    case FB_TOKEN_QUOTED:
        if ((out->node = quoted(p)) && advance(p)) out->node = NULL;
        break;
    default:
        if (p->now.kind < FB_TOKEN_COLON) return unexpected(p, "a value");
        out->node = bare(p, FB_TOKEN_COLON);
    }
    return out->node ? FB_OK : p->err->code;
}

static int parse_element(struct parser *p, struct fb_value *out) {
    int rc;

    *out = (struct fb_value){0};
    if (p->depth == DEPTH_MOST)
        return fb_override_fail(p->err, p->line, p->now.at, "nested more than %d deep", DEPTH_MOST);
    p->depth++;
    if (p->now.kind == FB_TOKEN_ID && p->next.kind == FB_TOKEN_POPEN) rc = parse_function(p, out);
    else rc = parse_plain(p, out);
    p->depth--;
    return rc;
}

/* a,b,c: the first element is read already. */
static int parse_choices(struct parser *p, struct fb_value *out) {
    struct fb_node *list = fb_node_list(p->a, place, p->err);
    struct fb_node *item = out->node;

    if (!list) return p->err->code;
    if (out->sweep != FB_SWEEP_NONE) return unexpected(p, "the end of the value after a sweep");
    for (;;) {
        if (fb_node_push(p->a, list, item, p->err)) return p->err->code;
        if (p->now.kind != FB_TOKEN_COMMA) break;
        if (advance(p) || !(item = parse_node(p))) return p->err->code;
    }
    *out = (struct fb_value){.sweep = FB_SWEEP_SIMPLE, .node = list};
    return FB_OK;
}

int fb_value_parse(struct fb_value *out, const char *line, size_t at, struct fb_arena *a,
                   struct fb_err *err) {
    struct parser p = {.line = line, .a = a, .err = err};

    if (fb_token_read(&p.next, line, at, err) || advance(&p)) return err->code;
    if (parse_element(&p, out)) return err->code;
    if (p.now.kind == FB_TOKEN_COMMA && parse_choices(&p, out)) return err->code;
    if (p.now.kind != FB_TOKEN_END) return unexpected(&p, "the end of the value");
    if (out->sweep == FB_SWEEP_RANGE && fb_sweep_enumerate(out, a, err)) {
        char words[256];
        if (err->code == FB_ENOMEM) return err->code;
        memcpy(words, err->msg, sizeof words);
        words[sizeof words - 1] = '\0';
        return fb_override_fail(err, line, at, "%s", words);
    }
    return FB_OK;
}
