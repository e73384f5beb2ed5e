/* alias.h - keys that FusionBench has had under another name.
 *
 *     save_report                                    report_save_path
 *     modelpool.models.<i>.path                      (pools that are lists of {name, path})
 *     modelpool.models.<name>.pretrained_model_name_or_path   (pools that are mappings)
 *
 * An override of a key that does not exist is rewritten to the other name if that one exists. In a
 * mapping, model <i> is the i-th entry. */
#ifndef FB_CONFIG_ALIAS_H
#define FB_CONFIG_ALIAS_H

#include "config/override.h"

/* Replaces `o->key` where the rules say so; otherwise leaves it. */
int fb_alias_apply(struct fb_override *o, const struct fb_node *root, struct fb_arena *a,
                   struct fb_err *err) FB_MUST_CHECK;

#endif
