/* defaults_print.c - the defaults tree and list as "--info" shows them. */
#include "config/defaults.h"

#include <string.h>

static int print_node(struct fb_str *out, const struct fb_tree *t, int depth, struct fb_arena *a,
                      struct fb_err *err) {
    const struct fb_default *d = t->entry;
    const char *name = "<root>", *value = "", *between = "";

    if (d && fb_default_is_self(d)) name = "_self_";
    else if (d && d->is_group) {
        name = fb_default_key(d, a, err);
        between = ": ";
        value = d->value ? d->value : "null";
    } else if (d) {
        name = fb_default_config(d, a, err);
    }
    if (!name) return err->code;
    if (fb_str_printf(out, err, "%*s%s%s%s%s\n", depth * 2, "", name, between, value,
                      t->count ? ":" : ""))
        return err->code;
    for (int64_t i = 0; i < t->count; i++)
        if (print_node(out, t->child[i], depth + 1, a, err)) return err->code;
    return FB_OK;
}

int fb_defaults_print_tree(struct fb_str *out, const struct fb_defaults *d, struct fb_arena *a,
                           struct fb_err *err) {
    return print_node(out, d->tree, 0, a, err);
}

enum { COLUMNS = 4 };

static void row_of(const struct fb_step *s, const char *row[COLUMNS]) {
    row[0] = s->config;
    row[1] = s->package;
    row[2] = s->is_self ? "True" : "False";
    row[3] = s->parent;
}

static int print_row(struct fb_str *out, const char *const row[COLUMNS], const int width[COLUMNS],
                     const char *end, struct fb_err *err) {
    return fb_str_printf(out, err, "| %-*s | %-*s | %-*s | %-*s |%s\n", width[0], row[0], width[1],
                         row[1], width[2], row[2], width[3], row[3], end);
}

static int print_rule(struct fb_str *out, const int width[COLUMNS], struct fb_err *err) {
    int size = 3 * COLUMNS + 2;

    for (int k = 0; k < COLUMNS; k++)
        size += width[k];
    for (int i = 0; i < size; i++)
        if (fb_str_putc(out, '-', err)) return err->code;
    return fb_str_putc(out, '\n', err);
}

int fb_defaults_print_list(struct fb_str *out, const struct fb_defaults *d, struct fb_err *err) {
    static const char *const header[COLUMNS] = {"Config path", "Package", "_self_", "Parent"};
    const char *row[COLUMNS];
    int width[COLUMNS];

    for (int k = 0; k < COLUMNS; k++)
        width[k] = (int)strlen(header[k]);
    for (int64_t i = 0; i < d->count; i++) {
        row_of(d->step + i, row);
        for (int k = 0; k < COLUMNS; k++)
            if ((int)strlen(row[k]) > width[k]) width[k] = (int)strlen(row[k]);
    }
    if (print_row(out, header, width, " ", err) || print_rule(out, width, err)) return err->code;
    for (int64_t i = 0; i < d->count; i++) {
        row_of(d->step + i, row);
        if (print_row(out, row, width, "", err)) return err->code;
    }
    return print_rule(out, width, err);
}
