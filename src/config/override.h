/* override.h - one "key=value" of the command line, in the grammar of Hydra 1.3.
 *
 *     key=value     change        +key=value    add          ++key=value   change or add
 *     ~key          delete        ~key=value    delete if it has that value
 *     key           a.b.0.c | group | group/sub, each with an optional @package
 *     value         null | true | 12 | 1e-3 | 'text' | "text" | bare text | [a, b] | {k: v} | ""
 *     sweep         a,b,c | choice(a, b) | range(0, 10, 2) | glob(*) | sort(...) and casts of them
 *
 * Bare text is ASCII letters, digits, inner spaces, any of / - \ + . $ % * @ ? | : and escapes
 * (backslash before one of \ ( ) [ ] { } : = , space). "${...}" is kept for later. interval() and
 * shuffle() are refused by name: nothing here samples.
 *
 * Everything is borrowed from the arena. */
#ifndef FB_CONFIG_OVERRIDE_H
#define FB_CONFIG_OVERRIDE_H

#include "config/node.h"

enum fb_override_kind { FB_OVERRIDE_SET, FB_OVERRIDE_ADD, FB_OVERRIDE_FORCE, FB_OVERRIDE_DELETE };

enum fb_sweep_kind {
    FB_SWEEP_NONE,
    FB_SWEEP_SIMPLE, /* a,b */
    FB_SWEEP_CHOICE, /* choice(a, b) */
    FB_SWEEP_RANGE,  /* range(0, 3), already enumerated */
    FB_SWEEP_GLOB,   /* glob(*): of the options of the group that the key names */
};

struct fb_override {
    enum fb_override_kind kind;
    const char *text;      /* the argument as given */
    const char *key;       /* dotted path or group path, without the package */
    const char *package;   /* after '@'; NULL if there is none */
    struct fb_node *value; /* NULL for a bare ~key and for sweeps; place: the column */
    enum fb_sweep_kind sweep;
    /* The values of a sweep as a list; of a glob the mapping {include: [...], exclude: [...]}. */
    struct fb_node *choices;
};

/* FB_ECONFIG with the column, a caret and the remedy. */
int fb_override_parse(struct fb_override *out, const char *text, struct fb_arena *a,
                      struct fb_err *err) FB_MUST_CHECK;

/* Appends a value as it can be written in an override: strings quoted or escaped where needed. */
int fb_override_print_value(struct fb_str *out, const struct fb_node *value,
                            struct fb_err *err) FB_MUST_CHECK;

/* "+key@package" without the value. */
int fb_override_print_key(struct fb_str *out, const struct fb_override *o,
                          struct fb_err *err) FB_MUST_CHECK;

/* Whether it changes Hydra's own configuration ("hydra.x=", "hydra/x="). */
bool fb_override_is_hydra(const struct fb_override *o);

#endif
