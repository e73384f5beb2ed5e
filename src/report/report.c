#include "report/report.h"

#include "base/file.h"
#include "base/number.h"
#include "config/json.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS_MAX = 16 };

/* Python's repr of a str: single quotes unless the text holds some and no double quotes. */
static int print_quoted(struct fb_str *out, const char *text, struct fb_err *err) {
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';

    if (fb_str_putc(out, quote, err)) return err->code;
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        int rc;
        if (c == (unsigned char)quote || c == '\\') rc = fb_str_printf(out, err, "\\%c", c);
        else if (c == '\n') rc = fb_str_puts(out, "\\n", err);
        else if (c == '\r') rc = fb_str_puts(out, "\\r", err);
        else if (c == '\t') rc = fb_str_puts(out, "\\t", err);
        else if (c < 0x20 || c == 0x7f) rc = fb_str_printf(out, err, "\\x%02x", c);
        else rc = fb_str_putc(out, *p, err);
        if (rc) return err->code;
    }
    return fb_str_putc(out, quote, err);
}

/* str(value) of a scalar. */
static int print_scalar(struct fb_str *out, const struct fb_node *node, struct fb_err *err) {
    char number[FB_REAL_TEXT];

    switch (node->kind) {
    case FB_NULL: return fb_str_puts(out, "None", err);
    case FB_BOOL: return fb_str_puts(out, node->value.flag ? "True" : "False", err);
    case FB_INT: return fb_str_printf(out, err, "%jd", (intmax_t)node->value.integer);
    case FB_REAL: fb_format_real(number, node->value.real); return fb_str_puts(out, number, err);
    default: return fb_str_puts(out, node->text, err);
    }
}

int fb_report_print_repr(struct fb_str *out, const struct fb_node *report, struct fb_err *err) {
    bool map = report->kind == FB_MAP;

    if (report->kind == FB_TEXT) return print_quoted(out, report->text, err);
    if (!map && report->kind != FB_LIST) return print_scalar(out, report, err);
    if (fb_str_putc(out, map ? '{' : '[', err)) return err->code;
    for (int64_t i = 0; i < report->count; i++) {
        if (i && fb_str_puts(out, ", ", err)) return err->code;
        if (map && (print_quoted(out, report->key[i].text, err) || fb_str_puts(out, ": ", err)))
            return err->code;
        if (fb_report_print_repr(out, report->item[i], err)) return err->code;
    }
    return fb_str_putc(out, map ? '}' : ']', err);
}

static int print_tree(struct fb_str *out, const struct fb_node *map, int level,
                      struct fb_err *err) {
    for (int64_t i = 0; i < map->count; i++) {
        const struct fb_node *child = map->item[i];
        int rc;
        if (fb_str_printf(out, err, "%*s%s:", 2 * level, "", map->key[i].text)) return err->code;
        if (child->kind == FB_MAP)
            rc = fb_str_putc(out, '\n', err) || print_tree(out, child, level + 1, err);
        else if (child->kind == FB_TEXT) rc = fb_str_printf(out, err, " %s\n", child->text);
        else
            rc = fb_str_putc(out, ' ', err) || fb_report_print_repr(out, child, err) ||
                 fb_str_putc(out, '\n', err);
        if (rc) return err->code;
    }
    return FB_OK;
}

int fb_report_print_tree(struct fb_str *out, const struct fb_node *report, struct fb_err *err) {
    if (report->kind == FB_MAP) return print_tree(out, report, 0, err);
    if (fb_report_print_repr(out, report, err)) return err->code;
    return fb_str_putc(out, '\n', err);
}

static int print_cell(struct fb_str *out, const struct fb_node *cell, struct fb_err *err) {
    if (!cell || cell->kind == FB_NULL) return FB_OK;
    if (cell->kind == FB_REAL) return fb_str_printf(out, err, "%.4f", cell->value.real);
    return print_scalar(out, cell, err);
}

/* One line; `measure` only widens the columns. */
static int print_row(struct fb_str *out, const struct fb_node *head, const struct fb_node *row,
                     int *width, bool measure, struct fb_err *err) {
    for (int64_t c = 0; c < head->count; c++) {
        struct fb_str cell = {.max = 4096};
        const struct fb_node *node = row ? row->item[c] : NULL;
        int rc = row ? print_cell(&cell, node, err) : fb_str_puts(&cell, head->key[c].text, err);
        bool left = head->item[c]->kind == FB_TEXT;
        if (!rc && measure && (int)cell.size > width[c]) width[c] = (int)cell.size;
        if (!rc && !measure)
            rc = fb_str_printf(out, err, "%s%*s%s", c ? "  " : "", left ? -width[c] : width[c],
                               fb_str_text(&cell), c + 1 == head->count ? "\n" : "");
        fb_str_free(&cell);
        if (rc) return err->code;
    }
    return FB_OK;
}

int fb_report_print_table(struct fb_str *out, const struct fb_node *rows, struct fb_err *err) {
    const struct fb_node *head = rows->count ? rows->item[0] : NULL;
    int width[COLUMNS_MAX] = {0};

    if (!head) return FB_OK;
    if (head->count > COLUMNS_MAX)
        return fb_fail(err, FB_EFORMAT, "table of more than %d columns", COLUMNS_MAX);
    for (int pass = 0; pass < 2; pass++) {
        if (print_row(out, head, NULL, width, pass == 0, err)) return err->code;
        for (int64_t i = 0; i < rows->count; i++)
            if (print_row(out, head, rows->item[i], width, pass == 0, err)) return err->code;
    }
    return FB_OK;
}

int fb_report_save(const char *path, const struct fb_node *report, struct fb_err *err) {
    struct fb_str text = {0};
    int rc = fb_json_print(&text, report, err);

    if (!rc) rc = fb_file_replace(path, fb_str_text(&text), text.size, err);
    fb_str_free(&text);
    return rc ? fb_context(err, "report '%s'", path) : FB_OK;
}
