/* grammar.h - the interpolation grammar of OmegaConf as a syntax tree; no configuration needed.
 *
 * "${a.b}"  "${..x[0]}"  "${a.${b}}"  "text ${x} text"  "${oc.env:HOME,'a b'}"  "\${not one}"
 * Inside the arguments of a resolver stand elements: typed words, quoted strings, lists, mappings
 * and interpolations. The tree is borrowed from the arena. */
#ifndef FB_CONFIG_GRAMMAR_H
#define FB_CONFIG_GRAMMAR_H

#include "config/node.h"

enum fb_expr_kind {
    FB_EXPR_VALUE,  /* `value` */
    FB_EXPR_JOIN,   /* the children as text, one after the other */
    FB_EXPR_SELECT, /* ${key}: the children joined are the key, dots and brackets included */
    FB_EXPR_CALL,   /* ${name:arguments}: children [0, names) joined are the name */
    FB_EXPR_LIST,
    FB_EXPR_MAP, /* keys (FB_EXPR_VALUE) at even, values at odd positions */
};

struct fb_expr {
    enum fb_expr_kind kind;
    struct fb_node *value;
    struct fb_expr **child;
    int64_t count, capacity;
    int64_t names;
};

/* A whole string of a configuration; a single interpolation is that, not a JOIN of one. Errors:
 * FB_ECONFIG with the text and the position. */
int fb_grammar_text(struct fb_expr **out, struct fb_arena *a, const char *text,
                    struct fb_err *err) FB_MUST_CHECK;
/* One element, as oc.decode reads it. */
int fb_grammar_element(struct fb_expr **out, struct fb_arena *a, const char *text,
                       struct fb_err *err) FB_MUST_CHECK;
/* The value of an unquoted word without escapes: null, true, 1_000, 1e-3, inf, or a string. (The
 * words differ from YAML's: "yes" and "017" are strings here.) */
struct fb_node *fb_grammar_word(struct fb_arena *a, const char *word, struct fb_err *err);

#endif
