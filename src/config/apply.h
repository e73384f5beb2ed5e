/* apply.h - overriding single values of a composed configuration.
 *
 * The configuration is closed ("struct mode"): key=value needs a key that exists, "+" adds one,
 * "++" does either, "~" removes one. Mappings are merged into mappings, lists replace lists. */
#ifndef FB_CONFIG_APPLY_H
#define FB_CONFIG_APPLY_H

#include "config/override.h"

/* FB_ECONFIG names the key, the nearest existing one and the remedy. */
int fb_apply_override(struct fb_node *root, const struct fb_override *o, struct fb_arena *a,
                      struct fb_err *err) FB_MUST_CHECK;

#endif
