/* yaml_scalar.h - what a YAML scalar means, apart from where it stands. Used by yaml.c and
 * yaml_print.c only. */
#ifndef FB_CONFIG_YAML_SCALAR_H
#define FB_CONFIG_YAML_SCALAR_H

#include "config/node.h"

enum fb_yaml_tag {
    FB_YAML_STR,
    FB_YAML_NULL,
    FB_YAML_BOOL,
    FB_YAML_INT,
    FB_YAML_REAL,
    FB_YAML_TIMESTAMP, /* only for writing: OmegaConf reads dates as strings */
    FB_YAML_MERGE,     /* "<<" */
    FB_YAML_VALUE,     /* "=" */
};

/* The tag of a plain scalar when it is read: PyYAML's rules, without timestamps, and OmegaConf's
 * wider rule for floats ("1e-3"). */
enum fb_yaml_tag fb_yaml_tag_read(const char *text);
/* The tag PyYAML's dumper sees, which decides whether a string needs quotes. */
enum fb_yaml_tag fb_yaml_tag_written(const char *text);

/* Gives `node` the kind and value of `text` read under `tag`. A string keeps the pointer `text`.
 * FB_EFORMAT when the text is not of that type. */
int fb_yaml_construct(struct fb_node *node, enum fb_yaml_tag tag, const char *text,
                      struct fb_arena *a, struct fb_err *err) FB_MUST_CHECK;

/* Strings that OmegaConf always quotes: YAML 1.1 booleans with "y" and "n", and whatever Python's
 * int() or float() accept, Unicode digits and spaces included. */
bool fb_yaml_must_quote(const char *text);

#endif
