/* tensors.h - how the subcommands open and show the tensors of a checkpoint. */
#ifndef FB_CLI_TENSORS_H
#define FB_CLI_TENSORS_H

#include "base/str.h"
#include "ckpt/ckpt.h"
#include "config/node.h"

enum { FB_SHAPE_TEXT = 24 * FB_DIMS };

/* Opens what the user named: a file, a folder, or a model in the hub cache. */
int fb_tensors_open(struct fb_ckpt **out, const char *name, struct fb_err *err) FB_MUST_CHECK;

/* "[768,3072]"; "[]" for 0-d. */
void fb_tensors_shape(char out[FB_SHAPE_TEXT], const struct fb_entry *entry);

/* Characters a name takes in a table. Control characters, which could take over a terminal, are
 * written as "\x1b", and a backslash as "\\". */
int fb_tensors_width(const char *name);
/* Prints the name to stdout, padded with spaces to `width` characters. */
void fb_tensors_print_name(const char *name, int width);

/* {"name": ..., "dtype": ..., "shape": [...], "bytes": ...} */
struct fb_node *fb_tensors_node(struct fb_arena *a, const struct fb_entry *entry,
                                struct fb_err *err);
/* Prints a node as one line of JSON to stdout. */
int fb_tensors_print_node(const struct fb_node *node, struct fb_err *err) FB_MUST_CHECK;

#endif
