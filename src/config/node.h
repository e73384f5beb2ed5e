/* node.h - the typed tree that configuration, command lines and reports are made of.
 *
 * Nodes live in an arena and are never freed one by one: everything is borrowed until the arena
 * goes. A node knows the place it was written at, which every message about it names.
 *
 * Scalars follow OmegaConf: null, bool, int, float, str. A mandatory value that is missing is the
 * string "???"; an interpolation is a string that holds "${". Both keep their text until somebody
 * asks for the value. Mapping keys are scalars too ({1: x} has an integer key, {"1": x} does not),
 * compared by kind and value; `key` keeps their text. */
#ifndef FB_CONFIG_NODE_H
#define FB_CONFIG_NODE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum fb_kind { FB_NULL, FB_BOOL, FB_INT, FB_REAL, FB_TEXT, FB_LIST, FB_MAP };

struct fb_place {
    const char *file; /* "config/method/ties_merging.yaml", "command line", NULL: made by program */
    int line, column; /* from 1; 0 = unknown */
};

struct fb_key {
    const char *text; /* as it is printed: "a", "1", "true" */
    enum fb_kind kind;
};

struct fb_node {
    enum fb_kind kind;
    struct fb_place place;
    struct fb_node *parent; /* NULL for a root */
    union {
        bool flag;
        int64_t integer;
        double real;
    } value;
    /* FB_TEXT: the string (may hold any byte but 0). FB_INT: NULL, or the digits of an integer
     * beyond 64 bits, whose `integer` is then clamped. */
    const char *text;
    /* FB_LIST and FB_MAP: children in order; `key` only for FB_MAP. */
    struct fb_node **item;
    struct fb_key *key;
    int64_t count, capacity;
    /* Hash index over the keys of a large map, kept by node.c; `indexed` keys are in it. Keys are
     * changed only through the functions below. */
    int64_t *slot, slots, indexed;
    bool literal; /* FB_TEXT whose "${" stands for itself: the result of an interpolation */
    bool quoted; /* FB_TEXT written in quotes: matters to the override grammar and to YAML output */
};

/* Constructors: NULL after FB_ENOMEM. `place` is copied; its strings are borrowed. */
struct fb_node *fb_node_null(struct fb_arena *a, struct fb_place place, struct fb_err *err);
struct fb_node *fb_node_bool(struct fb_arena *a, bool v, struct fb_place place, struct fb_err *err);
struct fb_node *fb_node_int(struct fb_arena *a, int64_t v, struct fb_place place,
                            struct fb_err *err);
struct fb_node *fb_node_real(struct fb_arena *a, double v, struct fb_place place,
                             struct fb_err *err);
/* Copies the text into the arena. */
struct fb_node *fb_node_text(struct fb_arena *a, const char *v, struct fb_place place,
                             struct fb_err *err);
struct fb_node *fb_node_list(struct fb_arena *a, struct fb_place place, struct fb_err *err);
struct fb_node *fb_node_map(struct fb_arena *a, struct fb_place place, struct fb_err *err);
/* Deep copy with the places kept; the copy is a root. */
struct fb_node *fb_node_copy(struct fb_arena *a, const struct fb_node *node, struct fb_err *err);

/* Appends and re-parents `child`. */
int fb_node_push(struct fb_arena *a, struct fb_node *list, struct fb_node *child,
                 struct fb_err *err) FB_MUST_CHECK;
/* Sets map[key]: replaces in place when the key exists, appends otherwise. Re-parents `child`. */
int fb_node_set(struct fb_arena *a, struct fb_node *map, const char *key, struct fb_node *child,
                struct fb_err *err) FB_MUST_CHECK;
int fb_node_set_key(struct fb_arena *a, struct fb_node *map, struct fb_key key,
                    struct fb_node *child, struct fb_err *err) FB_MUST_CHECK;
/* The key a scalar makes: its text as Python's json would write it ("true", "1", "1e-05"). */
int fb_key_of(struct fb_key *key, struct fb_arena *a, const struct fb_node *scalar,
              struct fb_err *err) FB_MUST_CHECK;
/* Shorthand for reports; `map` may be NULL after a failure, which is passed on. */
int fb_node_set_text(struct fb_arena *a, struct fb_node *map, const char *key, const char *v,
                     struct fb_err *err) FB_MUST_CHECK;
int fb_node_set_int(struct fb_arena *a, struct fb_node *map, const char *key, int64_t v,
                    struct fb_err *err) FB_MUST_CHECK;
int fb_node_set_real(struct fb_arena *a, struct fb_node *map, const char *key, double v,
                     struct fb_err *err) FB_MUST_CHECK;
/* Removes item `i` of a list or map, keeping the order. */
void fb_node_remove(struct fb_node *node, int64_t i);

/* Look-ups give NULL / -1 when the node is NULL, of another kind, or has no such key. The text
 * form finds string keys only. */
struct fb_node *fb_node_get(const struct fb_node *map, const char *key);
int64_t fb_node_index(const struct fb_node *map, struct fb_key key);
/* "a.b.0.c" from `root`: map keys (by their text) and list indices. */
struct fb_node *fb_node_at(const struct fb_node *root, const char *path);

bool fb_node_is_missing(const struct fb_node *node);       /* "???" */
bool fb_node_is_interpolation(const struct fb_node *node); /* holds "${", not literal */
/* Equality as Python has it: 1 == 1.0 == true, order of map keys does not count. */
bool fb_node_equal(const struct fb_node *a, const struct fb_node *b);
/* "string", "list", ... for messages. */
const char *fb_kind_name(enum fb_kind kind);
/* "file.yaml:3:7: " or "command line: " or "" into `out`. */
void fb_place_format(char *out, size_t size, struct fb_place place);
/* Full dotted path of a node from its root: "modelpool.models.0.path". */
int fb_node_path(struct fb_str *out, const struct fb_node *node, struct fb_err *err) FB_MUST_CHECK;

#endif
