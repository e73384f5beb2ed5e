#include "config/opts.h"

#include "base/number.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 4096, SUGGEST_MAX = 64, KEY_MAX = 128 };

static const char *const type_names[] = {
    "",       "true or false",   "integer",         "number",  "string",
    "choice", "list of numbers", "list of strings", "anything"};

static void *field(const struct fb_opt *opt, void *out) {
    return (char *)out + opt->offset;
}

/* ---- one value ---------------------------------------------------------------------------- */

/* A limit or value as the user would write it: integers without a point. */
static void format_number(char out[FB_REAL_TEXT], const struct fb_opt *opt, double v) {
    if (opt->type == FB_OPT_IS_INT) snprintf(out, FB_REAL_TEXT, "%.0f", v);
    else fb_format_real(out, v);
}

static int check_range(const struct fb_opt *opt, double v, struct fb_err *err) {
    char found[FB_REAL_TEXT], least[FB_REAL_TEXT], most[FB_REAL_TEXT];

    if (v >= opt->least && v <= opt->most) return FB_OK; /* NaN fails */
    format_number(found, opt, v);
    format_number(least, opt, opt->least);
    format_number(most, opt, opt->most);
    return fb_fail(err, FB_ECONFIG, "%s is outside %s .. %s", found, least, most);
}

static int set_bool(const struct fb_opt *opt, void *out, bool v) {
    *(bool *)field(opt, out) = v;
    return FB_OK;
}

static int set_int(const struct fb_opt *opt, void *out, int64_t v, struct fb_err *err) {
    if (check_range(opt, (double)v, err)) return err->code;
    *(int64_t *)field(opt, out) = v;
    return FB_OK;
}

static int set_real(const struct fb_opt *opt, void *out, double v, struct fb_err *err) {
    if (check_range(opt, v, err)) return err->code;
    *(double *)field(opt, out) = v;
    return FB_OK;
}

static int set_text(const struct fb_opt *opt, void *out, const char *v, struct fb_arena *arena,
                    struct fb_err *err) {
    char *copy = NULL;

    if (v && !(copy = fb_arena_strdup(arena, v, err))) return err->code;
    *(const char **)field(opt, out) = copy;
    return FB_OK;
}

static int set_choice(const struct fb_opt *opt, void *out, const char *v, struct fb_arena *arena,
                      struct fb_err *err) {
    size_t n = strlen(v), m;

    for (const char *p = opt->choices; *p; p += m + (p[m] == '|')) {
        m = strcspn(p, "|");
        if (m == n && !memcmp(p, v, n)) return set_text(opt, out, v, arena, err);
    }
    return fb_fail(err, FB_ECONFIG, "'%s' is none of %s", v, opt->choices);
}

static int wrong_kind(const struct fb_opt *opt, const struct fb_node *node, struct fb_err *err) {
    if (node->kind == FB_TEXT)
        return fb_fail(err, FB_ECONFIG, "expects %s, found the string '%s'", type_names[opt->type],
                       node->text);
    return fb_fail(err, FB_ECONFIG, "expects %s, found %s", type_names[opt->type],
                   fb_kind_name(node->kind));
}

/* ---- values from nodes ---------------------------------------------------------------------- */

static bool real_of(const struct fb_node *node, double *out) {
    if (node->kind == FB_INT && node->text) return fb_parse_real(node->text, out);
    if (node->kind == FB_INT) *out = (double)node->value.integer;
    else if (node->kind == FB_REAL) *out = node->value.real;
    else return false;
    return true;
}

/* The text of a scalar where a string is wanted: `tokenizer: 12` names the folder "12". */
static const char *text_of(const struct fb_node *node, char number[FB_REAL_TEXT]) {
    switch (node->kind) {
    case FB_TEXT: return node->text;
    case FB_INT:
        snprintf(number, FB_REAL_TEXT, "%jd", (intmax_t)node->value.integer);
        return node->text ? node->text : number;
    case FB_REAL: fb_format_real(number, node->value.real); return number;
    default: return NULL;
    }
}

static int read_reals(const struct fb_opt *opt, void *out, const struct fb_node *node,
                      struct fb_arena *arena, struct fb_err *err) {
    struct fb_reals list = {0};
    double *item = fb_arena_calloc(arena, (size_t)node->count, sizeof *item, err);

    if (!item) return err->code;
    for (int64_t i = 0; i < node->count; i++) {
        if (!real_of(node->item[i], &item[i])) return wrong_kind(opt, node->item[i], err);
        if (check_range(opt, item[i], err)) return fb_context(err, "[%jd]", (intmax_t)i);
    }
    list.item = item;
    list.count = node->count;
    *(struct fb_reals *)field(opt, out) = list;
    return FB_OK;
}

static int read_texts(const struct fb_opt *opt, void *out, const struct fb_node *node,
                      struct fb_arena *arena, struct fb_err *err) {
    const char **item = fb_arena_calloc(arena, (size_t)node->count, sizeof *item, err);
    char number[FB_REAL_TEXT];

    if (!item) return err->code;
    for (int64_t i = 0; i < node->count; i++) {
        const char *text = text_of(node->item[i], number);
        if (!text) return wrong_kind(opt, node->item[i], err);
        if (!(item[i] = fb_arena_strdup(arena, text, err))) return err->code;
    }
    *(struct fb_texts *)field(opt, out) = (struct fb_texts){item, node->count};
    return FB_OK;
}

static int read_null(const struct fb_opt *opt, void *out, const struct fb_node *node,
                     struct fb_err *err) {
    switch (opt->type) {
    case FB_OPT_IS_TEXT: *(const char **)field(opt, out) = NULL; return FB_OK;
    case FB_OPT_IS_NODE: *(const struct fb_node **)field(opt, out) = NULL; return FB_OK;
    case FB_OPT_IS_REALS: *(struct fb_reals *)field(opt, out) = (struct fb_reals){0}; return FB_OK;
    case FB_OPT_IS_TEXTS: *(struct fb_texts *)field(opt, out) = (struct fb_texts){0}; return FB_OK;
    default: return wrong_kind(opt, node, err);
    }
}

static int read_node(const struct fb_opt *opt, void *out, const struct fb_node *node,
                     struct fb_arena *arena, struct fb_err *err) {
    char number[FB_REAL_TEXT];
    const char *text;
    double real;

    if (fb_node_is_missing(node)) return fb_fail(err, FB_ECONFIG, "must be given (it is \?\?\?)");
    if (node->kind == FB_NULL) return read_null(opt, out, node, err);
    switch (opt->type) {
    case FB_OPT_IS_BOOL:
        if (node->kind == FB_BOOL) return set_bool(opt, out, node->value.flag);
        break;
    case FB_OPT_IS_INT:
        if (node->kind == FB_INT && node->text)
            return fb_fail(err, FB_ECONFIG, "%s does not fit 64 bits", node->text);
        if (node->kind == FB_INT) return set_int(opt, out, node->value.integer, err);
        break;
    case FB_OPT_IS_REAL:
        if (real_of(node, &real)) return set_real(opt, out, real, err);
        break;
    case FB_OPT_IS_TEXT:
        if ((text = text_of(node, number))) return set_text(opt, out, text, arena, err);
        break;
    case FB_OPT_IS_CHOICE:
        if ((text = text_of(node, number))) return set_choice(opt, out, text, arena, err);
        break;
    case FB_OPT_IS_REALS:
        if (node->kind == FB_LIST) return read_reals(opt, out, node, arena, err);
        break;
    case FB_OPT_IS_TEXTS:
        if (node->kind == FB_LIST) return read_texts(opt, out, node, arena, err);
        break;
    case FB_OPT_IS_NODE: *(const struct fb_node **)field(opt, out) = node; return FB_OK;
    case FB_OPT_IS_END: break;
    }
    return wrong_kind(opt, node, err);
}

/* ---- values from text: defaults and arguments ----------------------------------------------- */

/* "[a, b]" or "a,b" into a list node of trimmed words, numbers where they read as such. */
static struct fb_node *list_of_text(const char *text, struct fb_arena *arena, struct fb_err *err) {
    struct fb_node *list = fb_node_list(arena, (struct fb_place){0}, err);
    size_t n = strlen(text);

    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') text++, n -= 2;
    while (list && n) {
        size_t m = 0, left, right;
        struct fb_node *child;
        char *word;
        double real;
        while (m < n && text[m] != ',')
            m++;
        for (left = 0; left < m && text[left] == ' '; left++) {
        }
        for (right = m; right > left && text[right - 1] == ' '; right--) {
        }
        if (!(word = fb_arena_strndup(arena, text + left, right - left, err))) return NULL;
        child = fb_parse_real(word, &real) ? fb_node_real(arena, real, (struct fb_place){0}, err)
                                           : fb_node_text(arena, word, (struct fb_place){0}, err);
        if (list->count >= LIST_MAX) {
            fb_fail(err, FB_ECONFIG, "list of more than %d entries", LIST_MAX);
            return NULL;
        }
        if (fb_node_push(arena, list, child, err)) return NULL;
        if (m < n) m++;
        text += m;
        n -= m;
    }
    return list;
}

static int read_text(const struct fb_opt *opt, void *out, const char *text, struct fb_arena *arena,
                     struct fb_err *err) {
    struct fb_node null = {.kind = FB_NULL}, *list;
    int64_t integer;
    double real;

    if (!strcmp(text, "null") && opt->type != FB_OPT_IS_CHOICE)
        return read_null(opt, out, &null, err);
    switch (opt->type) {
    case FB_OPT_IS_BOOL:
        if (!strcmp(text, "true") || !strcmp(text, "false"))
            return set_bool(opt, out, *text == 't');
        break;
    case FB_OPT_IS_INT:
        if (fb_parse_int(text, &integer)) return set_int(opt, out, integer, err);
        break;
    case FB_OPT_IS_REAL:
        if (fb_parse_real(text, &real)) return set_real(opt, out, real, err);
        break;
    case FB_OPT_IS_TEXT: return set_text(opt, out, text, arena, err);
    case FB_OPT_IS_CHOICE: return set_choice(opt, out, text, arena, err);
    case FB_OPT_IS_REALS:
    case FB_OPT_IS_TEXTS:
        if (!(list = list_of_text(text, arena, err))) return err->code;
        return read_node(opt, out, list, arena, err);
    default: break;
    }
    return fb_fail(err, FB_ECONFIG, "expects %s, found '%s'", type_names[opt->type], text);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const struct fb_opt *find(const struct fb_opt *opts, const char *key) {
    for (; opts && opts->key; opts++)
        if (!strcmp(opts->key, key)) return opts;
    return NULL;
}

static bool listed(const char *const *words, const char *word) {
    for (; words && *words; words++)
        if (!strcmp(*words, word)) return true;
    return false;
}

/* "max_length" or, on a command line, "--max-length". */
static const char *shown_key(char out[KEY_MAX], const char *key, bool as_flag) {
    snprintf(out, KEY_MAX, "%s%s", as_flag ? "--" : "", key);
    for (char *p = out; as_flag && *p; p++)
        if (*p == '_') *p = '-';
    return out;
}

static int unknown(const struct fb_opt *opts, const char *key, bool as_flag, int code,
                   struct fb_err *err) {
    const char *names[SUGGEST_MAX], *nearest;
    char shown[KEY_MAX], other[KEY_MAX];
    struct fb_str all = {.max = 2048};
    struct fb_err ignored = {0};
    size_t n = 0;

    for (; opts && opts->key && n < SUGGEST_MAX; opts++)
        names[n++] = opts->key;
    shown_key(shown, key, as_flag);
    if (!n) return fb_fail(err, code, "no option '%s' (it has none)", shown);
    if ((nearest = fb_nearest(key, names, n)))
        return fb_fail(err, code, "no option '%s' (did you mean '%s'?)", shown,
                       shown_key(other, nearest, as_flag));
    for (size_t i = 0; i < n; i++)
        if (fb_str_printf(&all, &ignored, "%s%s", i ? ", " : "",
                          shown_key(other, names[i], as_flag)))
            break;
    fb_fail(err, code, "no option '%s' (there are %s)", shown, fb_str_text(&all));
    fb_str_free(&all);
    return code;
}

static int read_defaults(const struct fb_opt *opts, void *out, struct fb_arena *arena,
                         struct fb_err *err) {
    for (; opts && opts->key; opts++)
        if (read_text(opts, out, opts->fallback, arena, err))
            return fb_context(err, "default of option '%s'", opts->key);
    return FB_OK;
}

int fb_opts_read(const struct fb_opt *opts, void *out, const struct fb_node *map,
                 const char *const *ignored, struct fb_arena *arena, struct fb_err *err) {
    char place[512];

    if (read_defaults(opts, out, arena, err)) return err->code;
    if (!map || map->kind == FB_NULL) return FB_OK;
    fb_place_format(place, sizeof place, map->place);
    if (map->kind != FB_MAP)
        return fb_fail(err, FB_ECONFIG, "%sexpects a mapping of options, found %s", place,
                       fb_kind_name(map->kind));
    for (int64_t i = 0; i < map->count; i++) {
        const struct fb_node *child = map->item[i];
        const struct fb_opt *opt = find(opts, map->key[i].text);
        if (!opt && listed(ignored, map->key[i].text)) continue;
        if (opt ? read_node(opt, out, child, arena, err)
                : unknown(opts, map->key[i].text, false, FB_ECONFIG, err)) {
            if (opt) fb_context(err, "option '%s'", opt->key);
            if (!child->place.file) return err->code;
            fb_place_format(place, sizeof place, child->place);
            place[strlen(place) - 2] = '\0'; /* fb_context adds ": " itself */
            return fb_context(err, "%s", place);
        }
    }
    return FB_OK;
}

static int read_flag(const struct fb_opt *opts, void *out, int argc, char **argv, int *i,
                     struct fb_arena *arena, struct fb_err *err) {
    const char *word = argv[*i] + 2, *equals = strchr(word, '=');
    char *key = fb_arena_strndup(arena, word, equals ? (size_t)(equals - word) : strlen(word), err);
    const struct fb_opt *opt;
    char shown[KEY_MAX];
    bool negated = false;

    if (!key) return err->code;
    for (char *p = key; *p; p++)
        if (*p == '-') *p = '_';
    opt = find(opts, key);
    if (!opt && fb_starts_with(key, "no_")) {
        opt = find(opts, key + 3);
        negated = opt && opt->type == FB_OPT_IS_BOOL && !equals;
        if (!negated) opt = NULL;
    }
    if (!opt) return unknown(opts, key, true, FB_EUSAGE, err);
    if (opt->type == FB_OPT_IS_BOOL && !equals) return set_bool(opt, out, !negated);
    if (!equals && *i + 1 >= argc)
        return fb_fail(err, FB_EUSAGE, "option '--%s' needs a value", word);
    if (read_text(opt, out, equals ? equals + 1 : argv[++*i], arena, err)) {
        if (err->code == FB_ECONFIG) err->code = FB_EUSAGE;
        return fb_context(err, "option '%s'", shown_key(shown, opt->key, true));
    }
    return FB_OK;
}

int fb_opts_read_args(const struct fb_opt *opts, void *out, int argc, char **argv, int *positional,
                      struct fb_arena *arena, struct fb_err *err) {
    bool flags = true;

    *positional = 0;
    if (read_defaults(opts, out, arena, err)) return err->code;
    for (int i = 0; i < argc; i++) {
        if (flags && !strcmp(argv[i], "--")) {
            flags = false;
        } else if (flags && argv[i][0] == '-' && argv[i][1] == '-') {
            if (read_flag(opts, out, argc, argv, &i, arena, err)) return err->code;
        } else if (flags && argv[i][0] == '-' && argv[i][1]) {
            return fb_fail(err, FB_EUSAGE, "no option '%s'", argv[i]);
        } else {
            argv[(*positional)++] = argv[i];
        }
    }
    return FB_OK;
}

/* ---- showing a table ------------------------------------------------------------------------- */

static int describe_limits(struct fb_str *out, const struct fb_opt *opt, struct fb_err *err) {
    char least[FB_REAL_TEXT], most[FB_REAL_TEXT];

    if (opt->type == FB_OPT_IS_CHOICE) return fb_str_printf(out, err, "; %s", opt->choices);
    if (opt->type == FB_OPT_IS_INT)
        return fb_str_printf(out, err, "; %.0f .. %.0f", opt->least, opt->most);
    if (opt->type != FB_OPT_IS_REAL && opt->type != FB_OPT_IS_REALS) return FB_OK;
    fb_format_real(least, opt->least);
    fb_format_real(most, opt->most);
    return fb_str_printf(out, err, "; %s .. %s", least, most);
}

int fb_opts_print(struct fb_str *out, const struct fb_opt *opts, bool as_flags,
                  struct fb_err *err) {
    for (; opts && opts->key; opts++) {
        char key[KEY_MAX];
        if (fb_str_printf(out, err, "  %-24s %s (%s, default %s",
                          shown_key(key, opts->key, as_flags), opts->help, type_names[opts->type],
                          *opts->fallback ? opts->fallback : "empty") ||
            describe_limits(out, opts, err) || fb_str_puts(out, ")\n", err))
            return err->code;
    }
    return FB_OK;
}

struct fb_node *fb_opts_node(const struct fb_opt *opts, struct fb_arena *a, struct fb_err *err) {
    struct fb_node *list = fb_node_list(a, (struct fb_place){0}, err);

    for (; list && opts && opts->key; opts++) {
        struct fb_node *row = fb_node_map(a, (struct fb_place){0}, err);
        bool ranged = opts->type == FB_OPT_IS_INT || opts->type == FB_OPT_IS_REAL ||
                      opts->type == FB_OPT_IS_REALS;
        if (fb_node_set_text(a, row, "key", opts->key, err) ||
            fb_node_set_text(a, row, "type", type_names[opts->type], err) ||
            fb_node_set_text(a, row, "default", opts->fallback, err) ||
            (ranged && fb_node_set_real(a, row, "least", opts->least, err)) ||
            (ranged && fb_node_set_real(a, row, "most", opts->most, err)) ||
            (opts->choices && fb_node_set_text(a, row, "choices", opts->choices, err)) ||
            fb_node_set_text(a, row, "help", opts->help, err) || fb_node_push(a, list, row, err))
            return NULL;
    }
    return list;
}
