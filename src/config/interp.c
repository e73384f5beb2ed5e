/* interp.c - evaluates the interpolation grammar over a tree of nodes.
 *
 * Follows OmegaConf 2.3: a string is resolved relative to the container that holds it, every node
 * on the way of a key is resolved where it stands, and what comes out of an interpolation is not
 * looked at again. OmegaConf recurses without limits; here cycles, depth and work are bounded. */
#include "config/interp.h"

#include "base/number.h"
#include "config/grammar.h"
#include "config/resolvers.h"

#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 200, STEPS_MAX = 300000, BYTES_PER_STEP = 256, TEXT_MAX = 1 << 20 };

struct fb_interp_frame {
    const struct fb_node *node;
    struct fb_interp_frame *below;
    int depth;
};

static struct fb_node *evaluate(struct fb_interp *in, struct fb_node *node, const struct fb_expr *e,
                                struct fb_err *err);

/* ---- bounds --------------------------------------------------------------------------------- */

static int spend(struct fb_interp *in, size_t bytes, struct fb_err *err) {
    in->steps += 1 + (int64_t)(bytes / BYTES_PER_STEP);
    if (in->steps <= STEPS_MAX) return FB_OK;
    return fb_fail(err, FB_ECONFIG, "resolving interpolations takes more than %d steps", STEPS_MAX);
}

static int push_frame(struct fb_interp *in, struct fb_interp_frame *frame,
                      const struct fb_node *node, struct fb_err *err) {
    *frame = (struct fb_interp_frame){node, in->busy, in->busy ? in->busy->depth + 1 : 1};
    if (frame->depth > FRAMES_MAX)
        return fb_fail(err, FB_ECONFIG, "interpolations nest deeper than %d levels", FRAMES_MAX);
    for (const struct fb_interp_frame *f = in->busy; f; f = f->below)
        if (f->node == node) return fb_fail(err, FB_ECONFIG, "Recursive interpolation detected");
    if (spend(in, 0, err)) return err->code;
    in->busy = frame;
    return FB_OK;
}

/* ---- values as text ------------------------------------------------------------------------- */

static int print_quoted(struct fb_str *out, const char *text, struct fb_err *err) {
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';

    if (fb_str_putc(out, quote, err)) return err->code;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        int rc;
        if (c == '\\' || c == (unsigned char)quote) rc = fb_str_printf(out, err, "\\%c", c);
        else if (c == '\n') rc = fb_str_puts(out, "\\n", err);
        else if (c == '\r') rc = fb_str_puts(out, "\\r", err);
        else if (c == '\t') rc = fb_str_puts(out, "\\t", err);
        else if (c < 0x20 || c == 0x7f) rc = fb_str_printf(out, err, "\\x%02x", c);
        else rc = fb_str_putc(out, *text, err);
        if (rc) return rc;
    }
    return fb_str_putc(out, quote, err);
}

/* repr() of a scalar given as kind and text: a key, or a string. */
static int print_word(struct fb_str *out, enum fb_kind kind, const char *text, struct fb_err *err) {
    if (kind == FB_NULL) return fb_str_puts(out, "None", err);
    if (kind == FB_BOOL) return fb_str_puts(out, *text == 't' ? "True" : "False", err);
    if (kind == FB_TEXT) return print_quoted(out, text, err);
    return fb_str_puts(out, text, err);
}

static int print_repr(struct fb_str *out, const struct fb_node *node, struct fb_err *err);

static int print_children(struct fb_str *out, const struct fb_node *node, struct fb_err *err) {
    bool map = node->kind == FB_MAP;

    if (fb_str_putc(out, map ? '{' : '[', err)) return err->code;
    for (int64_t i = 0; i < node->count; i++) {
        if (i && fb_str_puts(out, ", ", err)) return err->code;
        if (map && (print_word(out, node->key[i].kind, node->key[i].text, err) ||
                    fb_str_puts(out, ": ", err)))
            return err->code;
        if (print_repr(out, node->item[i], err)) return err->code;
    }
    return fb_str_putc(out, map ? '}' : ']', err);
}

static int print_repr(struct fb_str *out, const struct fb_node *node, struct fb_err *err) {
    char number[FB_REAL_TEXT];

    switch (node->kind) {
    case FB_BOOL: return fb_str_puts(out, node->value.flag ? "True" : "False", err);
    case FB_INT:
        if (node->text) return fb_str_puts(out, node->text, err);
        return fb_str_printf(out, err, "%jd", (intmax_t)node->value.integer);
    case FB_REAL: fb_format_real(number, node->value.real); return fb_str_puts(out, number, err);
    case FB_NULL:
    case FB_TEXT: return print_word(out, node->kind, node->text, err);
    case FB_LIST:
    case FB_MAP: break;
    }
    return print_children(out, node, err);
}

int fb_interp_print(struct fb_str *out, const struct fb_node *value, struct fb_err *err) {
    if (value->kind == FB_TEXT) return fb_str_puts(out, value->text, err);
    return print_repr(out, value, err);
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* The next part of "a.b[c].d" into `part` (at most its size); false at the end. */
static bool next_part(const char **key, char *part, size_t size) {
    const char *p = *key, *begin;
    size_t n;

    if (!*p) return false;
    if (*p == '.') { /* the dot that ends the key: an empty part, which is no key */
        begin = ++p;
        n = 0;
    } else if (*p == '[') {
        begin = p + 1;
        n = strcspn(begin, "]");
        p = begin + n + (begin[n] == ']');
    } else {
        begin = p;
        n = strcspn(begin, ".[");
        p = begin + n;
    }
    if (*p == '.' && p[1]) p++;
    *key = p;
    if (n >= size) n = size - 1;
    memcpy(part, begin, n);
    part[n] = '\0';
    return true;
}

static int child_of(const struct fb_node *container, const char *part, struct fb_node **out,
                    struct fb_err *err) {
    int64_t i;

    *out = NULL;
    if (container->kind == FB_MAP) {
        *out = fb_node_get(container, part);
        return FB_OK;
    }
    if (!fb_parse_int(part, &i))
        return fb_fail(err, FB_ECONFIG, "Index '%s' is not an integer", part);
    if (i >= 0 && i < container->count) *out = container->item[i];
    return FB_OK;
}

/* The container a key starts from, and the key without its leading dots. */
static int start_of(struct fb_node *container, const char **key, struct fb_node **out,
                    struct fb_err *err) {
    const char *whole = *key;
    struct fb_node *node = container;

    *out = NULL;
    if (*whole != '.') {
        while (node && node->parent)
            node = node->parent;
    } else {
        for (++*key; **key == '.'; ++*key) {
            node = node ? node->parent : NULL;
            if (!node) return fb_fail(err, FB_ECONFIG, "Error resolving key '%s'", whole);
        }
    }
    *out = node;
    return FB_OK;
}

static int is_missing(struct fb_interp *in, const struct fb_node *node, struct fb_err *err) {
    struct fb_str path = {.max = 512};
    struct fb_err ignored = {0};

    if (fb_node_path(&path, node, &ignored)) fb_str_free(&path);
    fb_fail(err, FB_ECONFIG, "Missing mandatory value: %s", fb_str_text(&path));
    fb_str_free(&path);
    in->missing = true;
    return err->code;
}

/* Follows `key` from `node`. Strict: what is missing or not a container is an error; otherwise it
 * is not found. */
static int follow(struct fb_interp *in, struct fb_node *node, const char *key, bool strict,
                  struct fb_node **out, struct fb_err *err) {
    const char *whole = key;
    char part[512];

    *out = NULL;
    while (node && next_part(&key, part, sizeof part)) {
        struct fb_node *child;
        if (node->kind != FB_MAP && node->kind != FB_LIST) {
            if (!strict) return FB_OK;
            return fb_fail(err, FB_ECONFIG,
                           "Error trying to access %s: '%s' is looked up in a %s, which is not a "
                           "container",
                           whole, part, fb_kind_name(node->kind));
        }
        if (child_of(node, part, &child, err)) return err->code;
        if (fb_node_is_missing(child) && strict) return is_missing(in, child, err);
        if (child && fb_interp_value(in, child, &child, err)) return err->code;
        node = child;
    }
    *out = node;
    return FB_OK;
}

int fb_interp_select(struct fb_interp *in, struct fb_node *container, const char *key,
                     struct fb_node **out, struct fb_err *err) {
    struct fb_node *start;

    *out = NULL;
    if (start_of(container, &key, &start, err)) return err->code;
    return follow(in, start, key, false, out, err);
}

static struct fb_node *select_strictly(struct fb_interp *in, struct fb_node *node, const char *key,
                                       struct fb_err *err) {
    struct fb_node *start, *found;

    if (start_of(node->parent, &key, &start, err) || follow(in, start, key, true, &found, err))
        return NULL;
    if (!found) {
        fb_fail(err, FB_ECONFIG, "Interpolation key '%s' not found", key);
        return NULL;
    }
    for (const struct fb_node *up = node->parent; up; up = up->parent) {
        if (up != found) continue;
        fb_fail(err, FB_ECONFIG, "Interpolation to parent node detected");
        return NULL;
    }
    return found;
}

/* ---- expressions ---------------------------------------------------------------------------- */

static struct fb_node *text_node(struct fb_interp *in, const struct fb_node *node,
                                 const struct fb_str *text, struct fb_err *err) {
    struct fb_node *result;

    if (spend(in, text->size, err)) return NULL;
    result = fb_node_text(in->arena, fb_str_text(text), node->place, err);
    if (result) result->literal = true;
    return result;
}

static struct fb_node *join(struct fb_interp *in, struct fb_node *node, const struct fb_expr *e,
                            struct fb_err *err) {
    struct fb_str text = {.max = TEXT_MAX};
    struct fb_node *result = NULL;

    for (int64_t i = 0; i < e->count; i++) {
        const struct fb_node *part = evaluate(in, node, e->child[i], err);
        if (!part || fb_interp_print(&text, part, err)) goto done;
    }
    result = text_node(in, node, &text, err);
done:
    fb_str_free(&text);
    return result;
}

/* Joins children [0, n), which name a key or a resolver, so that each must be a string. */
static char *join_name(struct fb_interp *in, struct fb_node *node, const struct fb_expr *e,
                       int64_t n, struct fb_err *err) {
    struct fb_str text = {.max = TEXT_MAX};
    char *result = NULL;

    for (int64_t i = 0; i < n; i++) {
        const struct fb_node *part = evaluate(in, node, e->child[i], err);
        if (!part) goto done;
        if (part->kind != FB_TEXT) {
            fb_fail(err, FB_ECONFIG, "an interpolation inside a key must give a string, found %s",
                    fb_kind_name(part->kind));
            goto done;
        }
        if (fb_str_puts(&text, part->text, err)) goto done;
    }
    result = fb_arena_strdup(in->arena, fb_str_text(&text), err);
done:
    fb_str_free(&text);
    return result;
}

static struct fb_node *call(struct fb_interp *in, struct fb_node *node, const struct fb_expr *e,
                            struct fb_err *err) {
    struct fb_call c = {.in = in, .node = node, .container = node->parent, .err = err};
    const char *name = join_name(in, node, e, e->names, err);

    if (!name) return NULL;
    c.n = e->count - e->names;
    if (!(c.arg = fb_arena_calloc(in->arena, (size_t)c.n, sizeof *c.arg, err))) return NULL;
    for (int64_t i = 0; i < c.n; i++)
        if (!(c.arg[i] = evaluate(in, node, e->child[e->names + i], err))) return NULL;
    return fb_resolver_run(name, &c);
}

static struct fb_node *collect(struct fb_interp *in, struct fb_node *node, const struct fb_expr *e,
                               struct fb_err *err) {
    bool map = e->kind == FB_EXPR_MAP;
    struct fb_node *result =
        map ? fb_node_map(in->arena, node->place, err) : fb_node_list(in->arena, node->place, err);

    for (int64_t i = 0; result && i < e->count; i += map ? 2 : 1) {
        struct fb_node *child = evaluate(in, node, e->child[i + map], err);
        struct fb_key key;
        int rc;
        if (!child || !(child = fb_interp_resolved(in, child, err))) return NULL;
        if (map && fb_key_of(&key, in->arena, e->child[i]->value, err)) return NULL;
        rc = map ? fb_node_set_key(in->arena, result, key, child, err)
                 : fb_node_push(in->arena, result, child, err);
        if (rc) return NULL;
    }
    return result;
}

static struct fb_node *evaluate(struct fb_interp *in, struct fb_node *node, const struct fb_expr *e,
                                struct fb_err *err) {
    const char *key;

    switch (e->kind) {
    case FB_EXPR_VALUE:
        e->value->place = node->place;
        e->value->literal = true;
        return e->value;
    case FB_EXPR_JOIN: return join(in, node, e, err);
    case FB_EXPR_SELECT:
        key = join_name(in, node, e, e->count, err);
        return key ? select_strictly(in, node, key, err) : NULL;
    case FB_EXPR_CALL: return call(in, node, e, err);
    case FB_EXPR_LIST:
    case FB_EXPR_MAP: break;
    }
    return collect(in, node, e, err);
}

struct fb_node *fb_interp_element(struct fb_interp *in, struct fb_node *node, const char *text,
                                  struct fb_err *err) {
    struct fb_expr *e;

    if (spend(in, strlen(text), err) || fb_grammar_element(&e, in->arena, text, err)) return NULL;
    return evaluate(in, node, e, err);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

int fb_interp_check(struct fb_arena *a, const char *text, struct fb_err *err) {
    struct fb_expr *ignored;

    return fb_grammar_text(&ignored, a, text, err);
}

/* Puts place and path of the string in front of the failure, once: the innermost is to blame. */
static int blame(struct fb_interp *in, const struct fb_node *node, struct fb_err *err) {
    struct fb_str path = {.max = 512};
    struct fb_err ignored = {0};
    char place[512];

    if (in->blamed) return err->code;
    in->blamed = true;
    fb_place_format(place, sizeof place, node->place);
    if (!fb_node_path(&path, node, &ignored) && path.size) fb_context(err, "%s", path.data);
    fb_str_free(&path);
    if (!*place) return err->code;
    place[strlen(place) - 2] = '\0'; /* fb_context adds ": " itself */
    return fb_context(err, "%s", place);
}

int fb_interp_value(struct fb_interp *in, struct fb_node *node, struct fb_node **out,
                    struct fb_err *err) {
    struct fb_interp_frame frame;
    struct fb_expr *e;

    if (!fb_node_is_interpolation(node)) {
        *out = node;
        return FB_OK;
    }
    *out = NULL;
    if (!in->busy) in->missing = in->blamed = false;
    if (push_frame(in, &frame, node, err)) return blame(in, node, err);
    if (!spend(in, strlen(node->text), err) && !fb_grammar_text(&e, in->arena, node->text, err))
        *out = evaluate(in, node, e, err);
    in->busy = frame.below;
    return *out ? FB_OK : blame(in, node, err);
}

static struct fb_node *resolved_children(struct fb_interp *in, struct fb_node *node,
                                         struct fb_err *err) {
    bool map = node->kind == FB_MAP;
    struct fb_node *copy =
        map ? fb_node_map(in->arena, node->place, err) : fb_node_list(in->arena, node->place, err);

    for (int64_t i = 0; copy && i < node->count; i++) {
        struct fb_node *child = fb_interp_resolved(in, node->item[i], err);
        int rc;
        if (!child) return NULL;
        rc = map ? fb_node_set_key(in->arena, copy, node->key[i], child, err)
                 : fb_node_push(in->arena, copy, child, err);
        if (rc) return NULL;
    }
    return copy;
}

struct fb_node *fb_interp_resolved(struct fb_interp *in, struct fb_node *node, struct fb_err *err) {
    struct fb_interp_frame frame;
    struct fb_node *value, *copy;

    if (!in->busy) in->missing = in->blamed = false;
    if (fb_interp_value(in, node, &value, err)) {
        if (!in->missing || !in->keep_missing) return NULL;
        in->missing = in->blamed = false;
        return fb_node_text(in->arena, "\?\?\?", node->place, err);
    }
    if (value->kind != FB_LIST && value->kind != FB_MAP) {
        if (spend(in, 0, err) || !(copy = fb_node_copy(in->arena, value, err))) return NULL;
        copy->literal = copy->kind == FB_TEXT && strstr(copy->text, "${");
        return copy;
    }
    if (push_frame(in, &frame, value, err)) {
        blame(in, node, err);
        return NULL;
    }
    copy = resolved_children(in, value, err);
    in->busy = frame.below;
    return copy;
}

int fb_interp_resolve_all(struct fb_interp *in, struct fb_node *root, struct fb_err *err) {
    struct fb_node *copy = fb_interp_resolved(in, root, err);
    struct fb_node *parent = root->parent;

    if (!copy) return err->code;
    *root = *copy;
    root->parent = parent;
    for (int64_t i = 0; i < root->count; i++)
        root->item[i]->parent = root;
    return FB_OK;
}
