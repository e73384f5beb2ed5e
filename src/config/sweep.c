/* sweep.c - the functions of the override grammar: choice, range, sort, glob, tag and the casts.
 *
 * interval() and shuffle() are refused: they are for samplers, and nothing here samples. */
#include "config/override_value.h"

#include "base/number.h"
#include "config/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANGE_MOST = 100000 };

/* Puts arguments into the slots of `names` (NULL-terminated): by position, then by name. */
static int bind(struct fb_argument *args, int count, const char *const *names,
                struct fb_value **slot, struct fb_err *err) {
    int slots = 0;

    while (names[slots])
        slot[slots++] = NULL;
    for (int i = 0; i < count; i++) {
        int at = i;
        if (args[i].name)
            for (at = 0; at < slots && strcmp(names[at], args[i].name);)
                at++;
        if (at >= slots && args[i].name)
            return fb_fail(err, FB_ECONFIG, "no argument is called '%s'", args[i].name);
        if (at >= slots)
            return fb_fail(err, FB_ECONFIG, "%d arguments; at most %d are taken", count, slots);
        if (slot[at]) return fb_fail(err, FB_ECONFIG, "argument '%s' given twice", names[at]);
        slot[at] = &args[i].value;
    }
    return FB_OK;
}

static int list_of(struct fb_node **out, struct fb_argument *args, int count, struct fb_arena *a,
                   struct fb_err *err) {
    struct fb_node *list = fb_node_list(a, (struct fb_place){"command line", 0, 0}, err);

    for (int i = 0; list && i < count; i++) {
        if (args[i].name)
            return fb_fail(err, FB_ECONFIG, "no argument is called '%s'", args[i].name);
        if (args[i].value.sweep != FB_SWEEP_NONE)
            return fb_fail(err, FB_ECONFIG, "a sweep cannot stand among several values");
        if (fb_node_push(a, list, args[i].value.node, err)) return err->code;
    }
    *out = list;
    return list ? FB_OK : err->code;
}

static int call_choice(struct fb_value *out, struct fb_argument *args, int count,
                       struct fb_arena *a, struct fb_err *err) {
    if (!count) return fb_fail(err, FB_ECONFIG, "needs at least one value");
    out->sweep = FB_SWEEP_CHOICE;
    if (count == 1 && !args[0].name && args[0].value.sweep == FB_SWEEP_SIMPLE) {
        out->node = args[0].value.node;
        return FB_OK;
    }
    return list_of(&out->node, args, count, a, err);
}

static bool is_number(const struct fb_value *v) {
    return v->sweep == FB_SWEEP_NONE &&
           ((v->node->kind == FB_INT && !v->node->text) || v->node->kind == FB_REAL);
}

static int call_range(struct fb_value *out, struct fb_argument *args, int count, struct fb_arena *a,
                      struct fb_err *err) {
    static const char *const names[] = {"start", "stop", "step", NULL};
    static const struct fb_place place = {"command line", 0, 0};
    struct fb_value *slot[3];

    if (bind(args, count, names, slot, err)) return err->code;
    if (!slot[0]) return fb_fail(err, FB_ECONFIG, "needs a start or stop");
    for (int i = 0; i < 3; i++)
        if (slot[i] && !is_number(slot[i]))
            return fb_fail(err, FB_ECONFIG, "argument '%s' must be a number", names[i]);
    out->sweep = FB_SWEEP_RANGE;
    out->start = slot[1] ? slot[0]->node : fb_node_int(a, 0, place, err);
    out->stop = slot[1] ? slot[1]->node : slot[0]->node;
    out->step = slot[2] ? slot[2]->node : fb_node_int(a, 1, place, err);
    return out->start && out->step ? FB_OK : err->code;
}

static double real_of(const struct fb_node *node) {
    return node->kind == FB_REAL ? node->value.real : (double)node->value.integer;
}

/* Numbers of any kind compare with each other, strings with strings. */
static int check_comparable(const struct fb_node *list, struct fb_err *err) {
    bool text = list->count && list->item[0]->kind == FB_TEXT;

    for (int64_t i = 0; i < list->count; i++) {
        enum fb_kind kind = list->item[i]->kind;
        if (kind == FB_NULL || kind == FB_LIST || kind == FB_MAP || (kind == FB_TEXT) != text)
            return fb_fail(err, FB_ECONFIG, "cannot compare %s with %s",
                           fb_kind_name(list->item[0]->kind), fb_kind_name(kind));
    }
    return FB_OK;
}

static bool before(const struct fb_node *x, const struct fb_node *y) {
    double a, b;

    if (x->kind == FB_TEXT) return strcmp(x->text, y->text) < 0;
    a = x->kind == FB_BOOL ? x->value.flag : real_of(x);
    b = y->kind == FB_BOOL ? y->value.flag : real_of(y);
    return a < b;
}

/* Stable, as Python's sorted() is, backwards too. */
static int sort_list(struct fb_node *list, bool reverse, struct fb_err *err) {
    if (check_comparable(list, err)) return err->code;
    for (int64_t i = 1; i < list->count; i++) {
        struct fb_node *moving = list->item[i];
        int64_t j = i;
        for (; j > 0; j--) {
            struct fb_node *other = list->item[j - 1];
            if (!(reverse ? before(other, moving) : before(moving, other))) break;
            list->item[j] = other;
        }
        list->item[j] = moving;
    }
    return FB_OK;
}

static struct fb_node *sum(struct fb_arena *a, const struct fb_node *x, const struct fb_node *y,
                           int sign, struct fb_err *err) {
    if (x->kind == FB_REAL || y->kind == FB_REAL)
        return fb_node_real(a, real_of(x) + sign * fabs(real_of(y)), x->place, err);
    if (y->value.integer == INT64_MIN || llabs(x->value.integer) > INT64_MAX / 4 ||
        llabs(y->value.integer) > INT64_MAX / 4) {
        fb_fail(err, FB_ECONFIG, "numbers of the range are too large");
        return NULL;
    }
    return fb_node_int(a, x->value.integer + sign * llabs(y->value.integer), x->place, err);
}

static int sort_range(struct fb_value *range, bool reverse, struct fb_arena *a,
                      struct fb_err *err) {
    double start = real_of(range->start), stop = real_of(range->stop);
    int sign = reverse ? -1 : 1;
    struct fb_node *from, *to;

    if (reverse ? start >= stop : start <= stop) return FB_OK;
    if (!(from = sum(a, range->stop, range->step, sign, err))) return err->code;
    if (!(to = sum(a, range->start, range->step, sign, err))) return err->code;
    range->start = from;
    range->stop = to;
    if (!(range->step = fb_node_copy(a, range->step, err))) return err->code;
    if (range->step->kind == FB_REAL) range->step->value.real = -range->step->value.real;
    else range->step->value.integer = -range->step->value.integer;
    return FB_OK;
}

static int call_sort(struct fb_value *out, struct fb_argument *args, int count, struct fb_arena *a,
                     struct fb_err *err) {
    bool reverse = false;

    if (count && args[count - 1].name && !strcmp(args[count - 1].name, "reverse")) {
        const struct fb_node *flag = args[count - 1].value.node;
        if (!flag || flag->kind != FB_BOOL)
            return fb_fail(err, FB_ECONFIG, "argument 'reverse' must be true or false");
        reverse = flag->value.flag;
        count--;
    }
    if (!count) return fb_fail(err, FB_ECONFIG, "needs at least one value");
    if (count == 1) {
        *out = args[0].value;
        if (out->sweep == FB_SWEEP_GLOB) return fb_fail(err, FB_ECONFIG, "cannot sort a glob");
        if (out->sweep == FB_SWEEP_RANGE) return sort_range(out, reverse, a, err);
        if (out->sweep == FB_SWEEP_NONE && out->node->kind != FB_LIST) return FB_OK;
        return sort_list(out->node, reverse, err);
    }
    out->sweep = FB_SWEEP_SIMPLE;
    if (list_of(&out->node, args, count, a, err)) return err->code;
    return sort_list(out->node, reverse, err);
}

static int call_cast(struct fb_value *out, struct fb_argument *args, int count, enum fb_kind kind,
                     struct fb_arena *a, struct fb_err *err) {
    struct fb_value in = {0};

    if (!count) return fb_fail(err, FB_ECONFIG, "needs a value");
    if (count == 1) {
        if (args[0].name && strcmp(args[0].name, "value"))
            return fb_fail(err, FB_ECONFIG, "no argument is called '%s'", args[0].name);
        in = args[0].value;
    } else {
        in.sweep = FB_SWEEP_SIMPLE;
        if (list_of(&in.node, args, count, a, err)) return err->code;
    }
    return fb_cast(out, &in, kind, a, err);
}

/* Tags are labels for samplers: the sweep itself is unchanged. */
static int call_tag(struct fb_value *out, struct fb_argument *args, int count, struct fb_err *err) {
    if (!count || args[count - 1].value.sweep == FB_SWEEP_NONE ||
        args[count - 1].value.sweep == FB_SWEEP_GLOB)
        return fb_fail(err, FB_ECONFIG, "the last argument must be a choice() or range()");
    for (int i = 0; i < count - 1; i++)
        if (args[i].value.sweep != FB_SWEEP_NONE || args[i].value.node->kind != FB_TEXT)
            return fb_fail(err, FB_ECONFIG, "tags must be strings");
    *out = args[count - 1].value;
    return FB_OK;
}

/* A pattern or a list of patterns, as a list. */
static struct fb_node *patterns(const struct fb_value *value, struct fb_arena *a,
                                struct fb_err *err) {
    static const struct fb_place place = {"command line", 0, 0};
    struct fb_node *list = fb_node_list(a, place, err);
    bool one = value && value->sweep == FB_SWEEP_NONE && value->node->kind == FB_TEXT;

    if (!list || !value) return list;
    if (one) return fb_node_push(a, list, value->node, err) ? NULL : list;
    if (value->sweep == FB_SWEEP_NONE && value->node->kind == FB_LIST) {
        for (int64_t i = 0; i < value->node->count; i++)
            if (value->node->item[i]->kind != FB_TEXT) goto fail;
        return value->node;
    }
fail:
    fb_fail(err, FB_ECONFIG, "patterns must be strings or lists of strings");
    return NULL;
}

static int call_glob(struct fb_value *out, struct fb_argument *args, int count, struct fb_arena *a,
                     struct fb_err *err) {
    static const char *const names[] = {"include", "exclude", NULL};
    struct fb_value *slot[2];
    struct fb_node *list;

    if (bind(args, count, names, slot, err)) return err->code;
    if (!slot[0]) return fb_fail(err, FB_ECONFIG, "needs a pattern");
    out->sweep = FB_SWEEP_GLOB;
    if (!(out->node = fb_node_map(a, (struct fb_place){"command line", 0, 0}, err)))
        return err->code;
    for (int i = 0; i < 2; i++)
        if (!(list = patterns(slot[i], a, err)) || fb_node_set(a, out->node, names[i], list, err))
            return err->code;
    return FB_OK;
}

int fb_sweep_call(struct fb_value *out, const char *name, struct fb_argument *args, int count,
                  struct fb_arena *a, struct fb_err *err) {
    *out = (struct fb_value){0};
    if (!strcmp(name, "choice")) return call_choice(out, args, count, a, err);
    if (!strcmp(name, "range")) return call_range(out, args, count, a, err);
    if (!strcmp(name, "sort")) return call_sort(out, args, count, a, err);
    if (!strcmp(name, "glob")) return call_glob(out, args, count, a, err);
    if (!strcmp(name, "tag")) return call_tag(out, args, count, err);
    if (!strcmp(name, "int")) return call_cast(out, args, count, FB_INT, a, err);
    if (!strcmp(name, "float")) return call_cast(out, args, count, FB_REAL, a, err);
    if (!strcmp(name, "str")) return call_cast(out, args, count, FB_TEXT, a, err);
    if (!strcmp(name, "bool")) return call_cast(out, args, count, FB_BOOL, a, err);
    if (!strcmp(name, "interval") || !strcmp(name, "shuffle"))
        return fb_fail(err, FB_ECONFIG,
                       "not supported: it is for sweepers that sample; write the "
                       "values as a list or with choice() or range()");
    return fb_fail(err, FB_ECONFIG,
                   "unknown function (known: bool, choice, float, glob, int, "
                   "range, sort, str, tag); quote the value to use it as text");
}

static int enumerate_ints(struct fb_node *list, const struct fb_value *range, struct fb_arena *a,
                          struct fb_err *err) {
    int64_t at = range->start->value.integer, stop = range->stop->value.integer;
    int64_t step = range->step->value.integer;

    while (step > 0 ? at < stop : at > stop) {
        if (list->count == RANGE_MOST)
            return fb_fail(err, FB_ECONFIG, "a range of more than %d values", RANGE_MOST);
        if (fb_node_push(a, list, fb_node_int(a, at, range->start->place, err), err))
            return err->code;
        if (step > 0 ? at > INT64_MAX - step : at < INT64_MIN - step) break;
        at += step;
    }
    return FB_OK;
}

static struct fb_decimal decimal_of(const struct fb_node *node) {
    return node->kind == FB_REAL ? fb_decimal_of_real(node->value.real)
                                 : fb_decimal_of_int(node->value.integer);
}

static int enumerate_reals(struct fb_node *list, const struct fb_value *range, struct fb_arena *a,
                           struct fb_err *err) {
    double start = real_of(range->start), stop = real_of(range->stop), step = real_of(range->step);
    struct fb_decimal at, end, by;

    if (!isfinite(start) || !isfinite(stop) || !isfinite(step))
        return fb_fail(err, FB_ECONFIG, "the ends and the step of a range must be finite");
    at = decimal_of(range->start);
    end = decimal_of(range->stop);
    by = decimal_of(range->step);
    while (step > 0 ? fb_decimal_compare(&at, &end) < 0 : fb_decimal_compare(&at, &end) > 0) {
        /* The quotient says at once what would take a while to count; it may be off by one. */
        if (list->count == RANGE_MOST || (stop - start) / step > RANGE_MOST + 1)
            return fb_fail(err, FB_ECONFIG, "a range of more than %d values", RANGE_MOST);
        if (fb_node_push(a, list, fb_node_real(a, fb_decimal_real(&at), range->start->place, err),
                         err))
            return err->code;
        at = fb_decimal_sum(&at, &by);
    }
    return FB_OK;
}

int fb_sweep_enumerate(struct fb_value *range, struct fb_arena *a, struct fb_err *err) {
    bool reals = range->start->kind == FB_REAL || range->stop->kind == FB_REAL ||
                 range->step->kind == FB_REAL;
    struct fb_node *list = fb_node_list(a, range->start->place, err);

    if (!list) return err->code;
    if (real_of(range->step) == 0)
        return fb_fail(err, FB_ECONFIG, "a range with step 0 never ends");
    range->node = list;
    return (reals ? enumerate_reals : enumerate_ints)(list, range, a, err);
}
