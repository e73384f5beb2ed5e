/* interp.h - what "${...}" stands for, resolved as OmegaConf does.
 *
 * Keys without leading dots count from the root of the tree the string stands in; one dot is the
 * container that holds the string, each further dot one level up. A string that is one
 * interpolation takes the type of what it finds; in a longer text the value appears as Python's
 * str() writes it. Resolvers: oc.env, oc.decode, oc.select, oc.create, oc.deprecated,
 * oc.dict.keys, oc.dict.values, now, hydra. Errors are FB_ECONFIG and name the place and the path
 * of the string that could not be resolved. */
#ifndef FB_CONFIG_INTERP_H
#define FB_CONFIG_INTERP_H

#include "base/log.h"
#include "config/node.h"

#include <time.h>

struct fb_interp {
    struct fb_arena *arena;   /* results are made here */
    struct fb_node *hydra;    /* what ${hydra:...} looks in; NULL: using it is an error */
    struct timespec now;      /* what ${now:...} prints, in the local time zone */
    const struct fb_log *log; /* for warnings of ${oc.deprecated:...}; may be NULL */
    bool keep_missing;        /* a reference to \?\?\? gives \?\?\? (OmegaConf.resolve), no error */
    struct fb_interp_frame *busy; /* internal: the strings being resolved */
    int64_t steps;                /* internal: work done, which is bounded */
    bool missing, blamed;         /* internal: about the failure that is under way */
};

/* Checks the grammar of a string that may hold interpolations; resolves nothing. */
int fb_interp_check(struct fb_arena *a, const char *text, struct fb_err *err) FB_MUST_CHECK;

/* The value of one node: `*out` is `node` itself when it is no interpolation, else another node of
 * the tree or a new one. A container is given as it stands, its own strings unresolved. */
int fb_interp_value(struct fb_interp *in, struct fb_node *node, struct fb_node **out,
                    struct fb_err *err) FB_MUST_CHECK;

/* A deep copy of `node` with everything resolved, as OmegaConf.to_container(resolve=True) gives
 * it: the node keeps its place in mind, so relative keys work, but the copy is a root. */
struct fb_node *fb_interp_resolved(struct fb_interp *in, struct fb_node *node, struct fb_err *err);

/* The same in place: the children of `root` (a list or mapping) are replaced. On failure nothing
 * is changed. */
int fb_interp_resolve_all(struct fb_interp *in, struct fb_node *root,
                          struct fb_err *err) FB_MUST_CHECK;

/* The node that `key` ("a.b", "..c[0]") names for a string held by `container`, interpolations on
 * the way and at the end resolved. `*out` is NULL when there is no such key. */
int fb_interp_select(struct fb_interp *in, struct fb_node *container, const char *key,
                     struct fb_node **out, struct fb_err *err) FB_MUST_CHECK;

/* Appends str(value) as Python has it: None, True, 1e-05, [1, 'a'], {'k': None}. */
int fb_interp_print(struct fb_str *out, const struct fb_node *value,
                    struct fb_err *err) FB_MUST_CHECK;

#endif
