/* json.h - JSON text to nodes and back. */
#ifndef FB_CONFIG_JSON_H
#define FB_CONFIG_JSON_H

#include "config/node.h"

/* Parses a whole JSON text with jansson (depth and duplicate keys checked by it); Python's NaN and
 * Infinity are refused. Strings with an embedded zero are refused. FB_EFORMAT with line:column. */
int fb_json_parse(struct fb_node **out, struct fb_arena *a, const char *text, size_t size,
                  const char *file, struct fb_err *err) FB_MUST_CHECK;
int fb_json_load(struct fb_node **out, struct fb_arena *a, const char *path,
                 struct fb_err *err) FB_MUST_CHECK;
/* Appends what Python's json.dump(node) writes: one line, ", " and ": ", non-ASCII as \uXXXX,
 * NaN / Infinity literals, shortest round-trip doubles, no final newline. */
int fb_json_print(struct fb_str *out, const struct fb_node *node, struct fb_err *err) FB_MUST_CHECK;
/* The same with Python's indent=2, as transformers writes config.json; a newline at the end. */
int fb_json_print_indented(struct fb_str *out, const struct fb_node *node,
                           struct fb_err *err) FB_MUST_CHECK;
/* One string in JSON quotes; `ascii` escapes everything beyond ASCII, and invalid UTF-8 becomes
 * U+FFFD. */
int fb_json_print_text(struct fb_str *out, const char *text, size_t size, bool ascii,
                       struct fb_err *err) FB_MUST_CHECK;

#endif
