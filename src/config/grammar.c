/* grammar.c - recursive descent over the interpolation grammar.
 *
 * The reference is OmegaConf 2.3's ANTLR grammar, whose lexer takes the longest token; the classes
 * of characters below are its tokens. What it calls modes are the functions here: text (the top
 * level and quoted strings), interpolation, and element. */
#include "config/grammar.h"

#include "base/number.h"
#include "config/yaml_scalar.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 100 };

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define BLANKS  " \t"
/* What an unquoted word is made of; ':' and blanks have rules of their own. */
#define WORD LETTERS DIGITS "/-\\+.$%*@?|"
/* What a key inside ${} cannot hold. */
#define NO_KEY "\\{}()[]:. \t'\""

struct scanner {
    const char *text, *p;
    struct fb_arena *arena;
    struct fb_err *err;
    int depth;
};

static struct fb_expr *interpolation(struct scanner *s);
static struct fb_expr *element(struct scanner *s);

/* ---- helpers -------------------------------------------------------------------------------- */

static void *fail(struct scanner *s, const char *what) {
    fb_fail(s->err, FB_ECONFIG, "'%.200s': %s at character %zu", s->text, what,
            (size_t)(s->p - s->text) + 1);
    return NULL;
}

static struct fb_expr *expr_new(struct scanner *s, enum fb_expr_kind kind) {
    struct fb_expr *e = fb_arena_calloc(s->arena, 1, sizeof *e, s->err);

    if (e) e->kind = kind;
    return e;
}

static bool add(struct scanner *s, struct fb_expr *to, struct fb_expr *child) {
    if (!child) return false;
    if (to->count == to->capacity) {
        int64_t capacity = to->capacity ? to->capacity * 2 : 4;
        struct fb_expr **grown = fb_arena_calloc(s->arena, (size_t)capacity, sizeof *grown, s->err);
        if (!grown) return false;
        if (to->count) memcpy(grown, to->child, (size_t)to->count * sizeof *grown);
        to->child = grown;
        to->capacity = capacity;
    }
    to->child[to->count++] = child;
    return true;
}

static struct fb_expr *value_expr(struct scanner *s, struct fb_node *value) {
    struct fb_expr *e = value ? expr_new(s, FB_EXPR_VALUE) : NULL;

    if (e) e->value = value;
    return e;
}

static struct fb_expr *literal(struct scanner *s, const char *text, size_t n) {
    char *copy = fb_arena_strndup(s->arena, text, n, s->err);

    return copy ? value_expr(s, fb_node_text(s->arena, copy, (struct fb_place){0}, s->err)) : NULL;
}

static bool add_literal(struct scanner *s, struct fb_expr *to, const char *text, size_t n) {
    return !n || add(s, to, literal(s, text, n));
}

static bool opens(const char *p) {
    return p[0] == '$' && p[1] == '{';
}

static void skip_blanks(struct scanner *s) {
    s->p += strspn(s->p, BLANKS);
}

/* Whether the next token, blanks before it included, is `c`. */
static bool next_is(const struct scanner *s, char c) {
    return s->p[strspn(s->p, BLANKS)] == c;
}

/* Takes `c` with the blanks around it. */
static void take(struct scanner *s) {
    skip_blanks(s);
    s->p++;
    skip_blanks(s);
}

static bool deeper(struct scanner *s) {
    if (++s->depth <= DEPTH_MAX) return true;
    fb_fail(s->err, FB_ECONFIG, "'%.200s': nested deeper than %d levels", s->text, DEPTH_MAX);
    return false;
}

/* ---- words ---------------------------------------------------------------------------------- */

static const char *after_sign(const char *p) {
    return p + (*p == '-' || *p == '+');
}

/* [0-9](_?[0-9])*, or NULL */
static const char *after_digits(const char *p) {
    if (!strspn(p, DIGITS)) return NULL;
    p += strspn(p, DIGITS);
    while (*p == '_' && strspn(p + 1, DIGITS))
        p += 1 + strspn(p + 1, DIGITS);
    return p;
}

static const char *after_unsigned(const char *p) {
    return *p == '0' ? p + 1 : after_digits(p);
}

static bool same_word(const char *a, const char *lower) {
    for (; *a && *lower; a++, lower++)
        if ((*a >= 'A' && *a <= 'Z' ? *a + 32 : *a) != *lower) return false;
    return *a == *lower;
}

static bool is_int(const char *word) {
    const char *end = after_unsigned(after_sign(word));

    return end && !*end;
}

static bool is_real(const char *word) {
    const char *p = after_sign(word), *whole = after_unsigned(p), *end;

    if (same_word(p, "inf") || same_word(p, "nan")) return true;
    end = whole ? whole : p;
    if (*end == '.') {
        const char *fraction = after_digits(end + 1);
        if (!whole && !fraction) return false;
        end = fraction ? fraction : end + 1;
    } else if (!whole) {
        return false;
    }
    if (!*end) return true;
    if (*end != 'e' && *end != 'E') return false;
    end = after_digits(after_sign(end + 1));
    return end && !*end;
}

/* A number through YAML's constructor, which spells infinity and NaN with a point. */
static struct fb_node *number(struct fb_arena *a, enum fb_yaml_tag tag, const char *word,
                              struct fb_err *err) {
    struct fb_node *node = fb_node_null(a, (struct fb_place){0}, err);
    const char *p = after_sign(word);

    if (same_word(p, "nan")) word = ".nan";
    else if (same_word(p, "inf")) word = *word == '-' ? "-.inf" : ".inf";
    if (!node || fb_yaml_construct(node, tag, word, a, err)) return NULL;
    return node;
}

struct fb_node *fb_grammar_word(struct fb_arena *a, const char *word, struct fb_err *err) {
    struct fb_place place = {0};

    if (same_word(word, "null")) return fb_node_null(a, place, err);
    if (same_word(word, "true")) return fb_node_bool(a, true, place, err);
    if (same_word(word, "false")) return fb_node_bool(a, false, place, err);
    if (is_int(word)) return number(a, FB_YAML_INT, word, err);
    if (is_real(word)) return number(a, FB_YAML_REAL, word, err);
    return fb_node_text(a, word, place, err);
}

/* ---- text: the top level and quoted strings ------------------------------------------------- */

/* A run of `n` backslashes at s->p. Before "${" and before the closing quote they escape each
 * other, and an odd one escapes what follows; anywhere else they stand for themselves. */
static bool backslashes(struct scanner *s, struct fb_expr *join, char quote, size_t n) {
    const char *next = s->p + n;
    bool special = opens(next) || (quote && *next == quote);
    size_t kept = special ? n / 2 : n;

    if (!add_literal(s, join, s->p, kept)) return false;
    s->p = next;
    if (!special || n % 2 == 0) return true;
    n = *next == '$' ? 2 : 1;
    s->p += n;
    return add_literal(s, join, next, n);
}

/* Everything up to the closing quote (or the end, when `quote` is 0) as children of `join`. */
static bool text_into(struct scanner *s, struct fb_expr *join, char quote) {
    while (*s->p && !(quote && *s->p == quote)) {
        const char special[] = {'$', '\\', quote, '\0'};
        size_t n = strspn(s->p, "\\");
        bool ok;
        if (n) {
            ok = backslashes(s, join, quote, n);
        } else if (opens(s->p)) {
            ok = add(s, join, interpolation(s));
        } else {
            n = 1 + strcspn(s->p + 1, special);
            ok = add_literal(s, join, s->p, n);
            s->p += n;
        }
        if (!ok) return false;
    }
    return true;
}

static struct fb_expr *quoted(struct scanner *s) {
    struct fb_expr *join = expr_new(s, FB_EXPR_JOIN);
    char quote = *s->p++;

    if (!join || !text_into(s, join, quote)) return NULL;
    if (*s->p != quote) return fail(s, "the quote is not closed");
    s->p++;
    return join;
}

/* ---- interpolations ------------------------------------------------------------------------- */

static bool is_identifier(const char *p, size_t n) {
    return n && strspn(p, LETTERS) && strspn(p, LETTERS DIGITS "-") >= n;
}

/* One key: a word or a nested interpolation. `*identifier` says whether it can be part of a
 * resolver's name. */
static bool key_into(struct scanner *s, struct fb_expr *e, bool *identifier) {
    size_t n = strcspn(s->p, NO_KEY);

    if (opens(s->p)) return add(s, e, interpolation(s));
    if (!n) return fail(s, "a key is missing") != NULL;
    if (!is_identifier(s->p, n)) *identifier = false;
    if (!add_literal(s, e, s->p, n)) return false;
    s->p += n;
    return true;
}

static bool bracket_into(struct scanner *s, struct fb_expr *e) {
    bool ignored;

    if (!add_literal(s, e, s->p++, 1) || !key_into(s, e, &ignored)) return false;
    if (*s->p != ']') return fail(s, "expected ']'") != NULL;
    return add_literal(s, e, s->p++, 1);
}

/* Elements up to `close`, which is taken. An empty one is the empty string. */
static bool sequence_into(struct scanner *s, struct fb_expr *e, char close) {
    bool after_comma = true, any = false;

    for (; !next_is(s, close); any = true) {
        if (next_is(s, ',')) {
            if (after_comma && !add(s, e, literal(s, "", 0))) return false;
            after_comma = true;
            take(s);
        } else if (!after_comma || !*s->p) {
            return fail(s, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'") != NULL;
        } else {
            if (!add(s, e, element(s))) return false;
            after_comma = false;
        }
    }
    skip_blanks(s);
    s->p++;
    return !any || !after_comma || add(s, e, literal(s, "", 0));
}

static struct fb_expr *call(struct scanner *s, struct fb_expr *e) {
    e->kind = FB_EXPR_CALL;
    e->names = e->count;
    take(s);
    return sequence_into(s, e, '}') ? e : NULL;
}

/* At "${". */
static struct fb_expr *interpolation(struct scanner *s) {
    struct fb_expr *e = expr_new(s, FB_EXPR_SELECT);
    bool name = true; /* could be the name of a resolver so far */
    size_t dots;

    if (!e || !deeper(s)) return NULL;
    s->p += 2;
    skip_blanks(s);
    if ((dots = strspn(s->p, "."))) {
        name = false;
        if (!add_literal(s, e, s->p, dots)) return NULL;
        s->p += dots;
    }
    if (*s->p == '[') {
        name = false;
        if (!bracket_into(s, e)) return NULL;
    } else if (!key_into(s, e, &name)) {
        return NULL;
    }
    while (*s->p == '.' || *s->p == '[') {
        if (*s->p == '[') {
            name = false;
            if (!bracket_into(s, e)) return NULL;
        } else if (!add_literal(s, e, s->p++, 1) || !key_into(s, e, &name)) {
            return NULL;
        }
    }
    if (name && next_is(s, ':')) {
        if (!call(s, e)) return NULL;
    } else {
        if (!next_is(s, '}')) return fail(s, "expected '}'");
        skip_blanks(s);
        s->p++;
    }
    s->depth--;
    return e;
}

/* ---- elements ------------------------------------------------------------------------------- */

/* Length of one escape at p: a backslash and the character it keeps, or 0. */
static size_t escape_length(const char *p) {
    return p[0] == '\\' && p[1] && strchr("\\()[]{}:=, \t", p[1]) ? 2 : 0;
}

/* One piece of an unquoted word: an escape, a run of blanks inside it, ':', or plain characters
 * up to any of these. 0 where the word ends. */
static size_t piece_length(const struct scanner *s, bool key) {
    const char *p = s->p;
    size_t n = strspn(p, BLANKS);

    if (n) {
        const char *stops = key ? ",]}:" : ",]}";
        return p[n] && strchr(stops, p[n]) ? 0 : n;
    }
    if (escape_length(p)) return 2;
    if (*p == ':') return key ? 0 : 1 + strspn(p + 1, BLANKS);
    if (opens(p)) return 0;
    while (p[n] && strchr(WORD, p[n]) && !escape_length(p + n) && !opens(p + n))
        n++;
    return n;
}

/* An unquoted word, typed when nothing in it is escaped, blank or interpolated. */
static struct fb_expr *word(struct scanner *s, bool key) {
    struct fb_expr *join = expr_new(s, FB_EXPR_JOIN);
    const char *begin = s->p;
    bool plain = true;

    if (!join) return NULL;
    for (;;) {
        size_t n = piece_length(s, key), escape = escape_length(s->p) / 2;
        if (!key && opens(s->p)) {
            if (!add(s, join, interpolation(s))) return NULL;
            plain = false;
            continue;
        }
        if (!n) break;
        if (escape) plain = false;
        if (!add_literal(s, join, s->p + escape, n - escape)) return NULL;
        s->p += n;
    }
    if (s->p == begin) return fail(s, "a value is missing");
    if (plain) {
        char *text = fb_arena_strndup(s->arena, begin, (size_t)(s->p - begin), s->err);
        return text ? value_expr(s, fb_grammar_word(s->arena, text, s->err)) : NULL;
    }
    if (join->count == 1 && join->child[0]->kind != FB_EXPR_VALUE) return join->child[0];
    return join;
}

static struct fb_expr *list(struct scanner *s) {
    struct fb_expr *e = expr_new(s, FB_EXPR_LIST);

    take(s);
    return e && sequence_into(s, e, ']') ? e : NULL;
}

/* The key of a mapping is an unquoted word; with escapes it is their joined text. */
static struct fb_expr *map_key(struct scanner *s) {
    struct fb_expr *key = word(s, true);
    struct fb_str text = {0};
    struct fb_expr *joined = NULL;

    if (!key || key->kind == FB_EXPR_VALUE) return key;
    for (int64_t i = 0; i < key->count; i++)
        if (fb_str_puts(&text, key->child[i]->value->text, s->err)) goto done;
    joined = literal(s, fb_str_text(&text), text.size);
done:
    fb_str_free(&text);
    return joined;
}

static struct fb_expr *map(struct scanner *s) {
    struct fb_expr *e = expr_new(s, FB_EXPR_MAP);

    take(s);
    if (!e) return NULL;
    if (next_is(s, '}')) {
        skip_blanks(s);
        s->p++;
        return e;
    }
    for (;;) {
        if (!add(s, e, map_key(s))) return NULL;
        if (!next_is(s, ':')) return fail(s, "expected ':'");
        take(s);
        if (!add(s, e, element(s))) return NULL;
        if (!next_is(s, ',')) break;
        take(s);
    }
    if (!next_is(s, '}')) return fail(s, "expected ',' or '}'");
    skip_blanks(s);
    s->p++;
    return e;
}

static struct fb_expr *element(struct scanner *s) {
    struct fb_expr *e;

    if (!deeper(s)) return NULL;
    switch (*s->p) {
    case '\'':
    case '"': e = quoted(s); break;
    case '[': e = list(s); break;
    case '{': e = map(s); break;
    default: e = word(s, false); break;
    }
    s->depth--;
    return e;
}

/* ---- whole strings -------------------------------------------------------------------------- */

int fb_grammar_text(struct fb_expr **out, struct fb_arena *a, const char *text,
                    struct fb_err *err) {
    struct scanner s = {.text = text, .p = text, .arena = a, .err = err};
    struct fb_expr *join = expr_new(&s, FB_EXPR_JOIN);

    *out = NULL;
    if (!join || !text_into(&s, join, '\0')) return err->code;
    *out = join->count == 1 ? join->child[0] : join;
    return FB_OK;
}

int fb_grammar_element(struct fb_expr **out, struct fb_arena *a, const char *text,
                       struct fb_err *err) {
    struct scanner s = {.text = text, .p = text, .arena = a, .err = err};

    *out = NULL;
    if (!(*out = element(&s))) return err->code;
    if (!*s.p) return FB_OK;
    *out = NULL;
    fail(&s, "the value should end");
    return err->code;
}
