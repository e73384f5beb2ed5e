/* hydra.h - what Hydra writes into its own node: overrides, job and runtime facts. */
#ifndef FB_CONFIG_HYDRA_H
#define FB_CONFIG_HYDRA_H

#include "config/compose.h"

/* Fills hydra.overrides, hydra.job and hydra.runtime of `c->all` where they are mappings. */
int fb_hydra_fill(struct fb_composed *c, const struct fb_compose_request *request,
                  const struct fb_override *overrides, struct fb_arena *a,
                  struct fb_err *err) FB_MUST_CHECK;

#endif
