/* expert_weights.h - the option `weights`: one number per expert. */
#ifndef FB_METHOD_EXPERT_WEIGHTS_H
#define FB_METHOD_EXPERT_WEIGHTS_H

#include "config/opts.h"

/* Whether there is one for each of `experts`, and, with `normalize`, whether they can be divided by
 * their `sum`. FB_ECONFIG. */
int fb_expert_weights_check(const struct fb_reals *weights, double sum, bool normalize, int experts,
                            struct fb_err *err) FB_MUST_CHECK;

#endif
