/* report.h - the result of a run: a mapping that is printed and saved. */
#ifndef FB_REPORT_REPORT_H
#define FB_REPORT_REPORT_H

#include "config/node.h"

/* Appends the report as Python's repr of a dict, one line: {'model_info': {...}}. */
int fb_report_print_repr(struct fb_str *out, const struct fb_node *report,
                         struct fb_err *err) FB_MUST_CHECK;
/* Appends the indented tree "key: value", two spaces per level. */
int fb_report_print_tree(struct fb_str *out, const struct fb_node *report,
                         struct fb_err *err) FB_MUST_CHECK;
/* Appends a table: `rows` is a list of mappings with the same keys, which are the headings. Numbers
 * are aligned right, reals have four decimals. */
int fb_report_print_table(struct fb_str *out, const struct fb_node *rows,
                          struct fb_err *err) FB_MUST_CHECK;
/* Writes the report as Python's json.dump does: one line, no newline at the end. */
int fb_report_save(const char *path, const struct fb_node *report,
                   struct fb_err *err) FB_MUST_CHECK;

#endif
