/* merge.h - laying one configuration tree over another, as OmegaConf.merge does.
 *
 * Mappings are merged key by key, first-seen order kept; everything else replaces what was there.
 * "???" in the upper tree keeps what the lower one has. A key whose value is an interpolation of a
 * mapping or list is first replaced by a copy of what it refers to. A list over a mapping, or a
 * mapping over a list, is an error. */
#ifndef FB_CONFIG_MERGE_H
#define FB_CONFIG_MERGE_H

#include "config/node.h"

/* Lays `over` onto `under`; both are mappings, or both are lists (which are replaced whole). `over`
 * is consumed: its nodes become part of `under`. With `strict`, a key that `under` lacks is
 * FB_ENOTFOUND. FB_ECONFIG with the path of the key. */
int fb_merge(struct fb_node *under, struct fb_node *over, bool strict, struct fb_arena *a,
             struct fb_err *err) FB_MUST_CHECK;

/* The mapping or list that a value of the form "${a.b}" or "${..a}" refers to, or NULL. */
struct fb_node *fb_merge_target(const struct fb_node *node);

#endif
