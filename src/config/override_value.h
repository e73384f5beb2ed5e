/* override_value.h - parsing and evaluating the part of an override behind '='. */
#ifndef FB_CONFIG_OVERRIDE_VALUE_H
#define FB_CONFIG_OVERRIDE_VALUE_H

#include "config/override.h"

/* An element or a sweep, while functions are being applied to it. */
struct fb_value {
    enum fb_sweep_kind sweep;
    struct fb_node *node;                /* element; or the list or glob mapping of a sweep */
    struct fb_node *start, *stop, *step; /* FB_SWEEP_RANGE: integers or reals; node is NULL */
};

/* An argument of a function: positional when `name` is NULL. */
struct fb_argument {
    const char *name;
    struct fb_value value;
};

/* The whole value from byte `at` of the line to its end. */
int fb_value_parse(struct fb_value *out, const char *line, size_t at, struct fb_arena *a,
                   struct fb_err *err) FB_MUST_CHECK;

/* Applies the function of that name. Failures do not name the line: the parser does. */
int fb_sweep_call(struct fb_value *out, const char *name, struct fb_argument *args, int count,
                  struct fb_arena *a, struct fb_err *err) FB_MUST_CHECK;
/* Lists the values of a range: at most 100000. */
int fb_sweep_enumerate(struct fb_value *range, struct fb_arena *a,
                       struct fb_err *err) FB_MUST_CHECK;
/* int(), float(), str() or bool() of an element or sweep. */
int fb_cast(struct fb_value *out, const struct fb_value *in, enum fb_kind kind, struct fb_arena *a,
            struct fb_err *err) FB_MUST_CHECK;

/* Nodes for the digits of an integer of any size and for a real as the grammar writes them
 * (underscores, "1.", ".5", "inf", "nan"). */
struct fb_node *fb_value_int(struct fb_arena *a, const char *text, size_t size,
                             struct fb_place place, struct fb_err *err);
struct fb_node *fb_value_real(struct fb_arena *a, const char *text, size_t size,
                              struct fb_place place, struct fb_err *err);

#endif
