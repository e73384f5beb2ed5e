/* yaml.h - YAML text to nodes and back, as OmegaConf reads and writes it. */
#ifndef FB_CONFIG_YAML_H
#define FB_CONFIG_YAML_H

#include "config/node.h"

/* Parses one document (an empty one is an empty mapping) the way OmegaConf's loader does: YAML 1.1
 * scalars with its float rule, duplicate keys refused, "<<" merged, depth and alias expansion
 * bounded. `file` is borrowed by the nodes' places. FB_EFORMAT with file:line:column. */
int fb_yaml_parse(struct fb_node **out, struct fb_arena *a, const char *text, size_t size,
                  const char *file, struct fb_err *err) FB_MUST_CHECK;
/* Opens, parses, closes. "embedded:" paths work. `*head` (may be NULL) gets the comment lines
 * before the document, where Hydra's "# @package" directive stands; borrowed from the arena. */
int fb_yaml_load(struct fb_node **out, const char **head, struct fb_arena *a, const char *path,
                 struct fb_err *err) FB_MUST_CHECK;
/* Types one plain scalar ("1e-3", "yes", "null", "017"); used for defaults of option rows. */
struct fb_node *fb_yaml_scalar(struct fb_arena *a, const char *text, struct fb_place place,
                               struct fb_err *err);
/* Appends what OmegaConf.to_yaml(node, sort_keys=False) prints, final newline included. */
int fb_yaml_print(struct fb_str *out, const struct fb_node *node, struct fb_err *err) FB_MUST_CHECK;

#endif
