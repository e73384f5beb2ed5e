/* resolvers.h - the functions that "${name:arguments}" calls. Used by interp.c only. */
#ifndef FB_CONFIG_RESOLVERS_H
#define FB_CONFIG_RESOLVERS_H

#include "config/interp.h"

struct fb_call {
    struct fb_interp *in;
    struct fb_node *node;      /* the string that is being resolved */
    struct fb_node *container; /* which holds it; NULL for a root */
    struct fb_node **arg;
    int64_t n;
    struct fb_err *err;
};

/* Runs the resolver `name`, which may be unknown; NULL on failure. */
struct fb_node *fb_resolver_run(const char *name, struct fb_call *call);

/* Evaluates one element of the interpolation grammar as if it stood in `node`. */
struct fb_node *fb_interp_element(struct fb_interp *in, struct fb_node *node, const char *text,
                                  struct fb_err *err);

#endif
