/* opts.h - the options table: one row per option of a configurable struct.
 *
 * Methods, pools, task pools and subcommands each have one. Defaults, type and range errors, "did
 * you mean", --help, the man page and `describe` all come from the row; there is no second
 * mechanism. Defaults are text and go through the same parser as what the user writes.
 *
 *     struct opts { double scaling_factor; };
 *     static const struct fb_opt opts[] = {
 *         FB_OPT_REAL(struct opts, scaling_factor, "0.3", -10, 10, "weight of the task vectors"),
 *         FB_OPT_END,
 *     };
 *
 * Strings, lists and nodes that are read into the struct are borrowed from the arena. */
#ifndef FB_CONFIG_OPTS_H
#define FB_CONFIG_OPTS_H

#include "config/node.h"

#include <stddef.h>
#include <stdio.h>

enum fb_opt_type {
    FB_OPT_IS_END,
    FB_OPT_IS_BOOL,   /* bool */
    FB_OPT_IS_INT,    /* int64_t */
    FB_OPT_IS_REAL,   /* double; integers are accepted */
    FB_OPT_IS_TEXT,   /* const char *; NULL for null */
    FB_OPT_IS_CHOICE, /* const char *: one of the words in `choices`, separated by '|' */
    FB_OPT_IS_REALS,  /* struct fb_reals; null is the empty list */
    FB_OPT_IS_TEXTS,  /* struct fb_texts; null is the empty list */
    FB_OPT_IS_NODE,   /* const struct fb_node *: anything; NULL for null */
};

struct fb_reals {
    const double *item;
    int64_t count;
};

struct fb_texts {
    const char *const *item;
    int64_t count;
};

struct fb_opt {
    const char *key;
    enum fb_opt_type type;
    size_t offset;
    const char *fallback; /* default as YAML text: "0.3", "null", "[0.5, 0.5]" */
    double least, most;   /* range of FB_OPT_IS_INT, FB_OPT_IS_REAL and each of FB_OPT_IS_REALS */
    const char *choices;
    const char *help; /* one line, no full stop */
};

#define FB_OPT_BOOL(s, f, def, text)                                                               \
    { #f, FB_OPT_IS_BOOL, offsetof(s, f), def, 0, 0, NULL, text }
#define FB_OPT_INT(s, f, def, lo, hi, text)                                                        \
    { #f, FB_OPT_IS_INT, offsetof(s, f), def, lo, hi, NULL, text }
#define FB_OPT_REAL(s, f, def, lo, hi, text)                                                       \
    { #f, FB_OPT_IS_REAL, offsetof(s, f), def, lo, hi, NULL, text }
#define FB_OPT_TEXT(s, f, def, text)                                                               \
    { #f, FB_OPT_IS_TEXT, offsetof(s, f), def, 0, 0, NULL, text }
#define FB_OPT_CHOICE(s, f, def, words, text)                                                      \
    { #f, FB_OPT_IS_CHOICE, offsetof(s, f), def, 0, 0, words, text }
#define FB_OPT_REALS(s, f, def, lo, hi, text)                                                      \
    { #f, FB_OPT_IS_REALS, offsetof(s, f), def, lo, hi, NULL, text }
#define FB_OPT_TEXTS(s, f, def, text)                                                              \
    { #f, FB_OPT_IS_TEXTS, offsetof(s, f), def, 0, 0, NULL, text }
#define FB_OPT_NODE(s, f, def, text)                                                               \
    { #f, FB_OPT_IS_NODE, offsetof(s, f), def, 0, 0, NULL, text }
#define FB_OPT_END                                                                                 \
    { NULL, FB_OPT_IS_END, 0, NULL, 0, 0, NULL, NULL }

/* Fills `out`, whose layout `opts` describes, from a mapping (NULL: all defaults). A key without a
 * row is an error that names the nearest one, except those in `ignored` (NULL-terminated list, or
 * NULL). Errors: FB_ECONFIG with file:line:column, the option, the value found and the limit. The
 * mapping must be free of interpolations. Pointers in `out` are borrowed from `arena`. */
int fb_opts_read(const struct fb_opt *opts, void *out, const struct fb_node *map,
                 const char *const *ignored, struct fb_arena *arena,
                 struct fb_err *err) FB_MUST_CHECK;

/* Fills `out` from the arguments of a subcommand: "--key value", "--key=value", "--flag",
 * "--no-flag"; '-' and '_' are the same in keys; "--" ends the options. Positional arguments are
 * moved to the front of argv and counted in `*positional`. FB_EUSAGE on errors. */
int fb_opts_read_args(const struct fb_opt *opts, void *out, int argc, char **argv, int *positional,
                      struct fb_arena *arena, struct fb_err *err) FB_MUST_CHECK;

/* The table as text: one line per option with type, default, range or choices, and help.
 * `as_flags` writes keys as "--max-length". */
int fb_opts_print(struct fb_str *out, const struct fb_opt *opts, bool as_flags,
                  struct fb_err *err) FB_MUST_CHECK;
/* The same rows as a list of mappings (key, type, default, help ...) for --json. */
struct fb_node *fb_opts_node(const struct fb_opt *opts, struct fb_arena *a, struct fb_err *err);

#endif
