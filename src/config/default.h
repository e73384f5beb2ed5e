/* default.h - one entry of a defaults list: what it loads and where the content goes.
 *
 *     - _self_                     the content of the file itself
 *     - path/of/config             relative to the folder of the file, or "/absolute"
 *     - config@package
 *     - group: option              optional group: option, override group: option
 *     - group@package: option
 *     - group: [a, b]
 *     - group: null
 *
 * The names follow Hydra 1.3: the *group path* of "group: option" in a file of group `g` is
 * "g/group"; its *package* is the dotted path below which the content is placed, taken from
 * "@package", else from the "# @package" line of the file that is loaded, else from the group; all
 * but "_global_..." are relative to the package of the file that holds the list. The *override
 * key* ("group" or "group@package") is what a command line must say to choose another option. */
#ifndef FB_CONFIG_DEFAULT_H
#define FB_CONFIG_DEFAULT_H

#include "config/node.h"

struct fb_default {
    bool is_group;                 /* "group: option", as opposed to a config path */
    const char *path;              /* config path, or the group as written */
    const char *value;             /* option of a group; NULL for null or a list */
    const struct fb_node *options; /* option list of a group, or NULL */
    const char *package;           /* as written after '@', or NULL */
    const char *header;            /* absolute package of the file's own "# @package", or NULL */
    const char *parent_group;      /* of the file that holds the list: set with the parent */
    const char *parent_package;
    bool optional, is_override;
    bool primary;  /* the root config */
    bool external; /* added by "+group=option" */
    bool deleted;
    struct fb_place place;
};

/* Entries of the defaults list of a file; `*out` is an arena array. FB_ECONFIG. */
int fb_defaults_read(struct fb_default **out, int64_t *count, const struct fb_node *list,
                     struct fb_arena *a, struct fb_err *err) FB_MUST_CHECK;

bool fb_default_is_self(const struct fb_default *d);
bool fb_default_is_missing(const struct fb_default *d); /* option "???" */
bool fb_default_is_interpolation(const struct fb_default *d);

/* Sets what the entry is relative to. */
int fb_default_set_parent(struct fb_default *d, const char *group, const char *package,
                          struct fb_arena *a, struct fb_err *err) FB_MUST_CHECK;
int fb_default_set_header(struct fb_default *d, const char *package, struct fb_arena *a,
                          struct fb_err *err) FB_MUST_CHECK;

/* All of these are arena strings, NULL after FB_ENOMEM; the parent must be set. */
const char *fb_default_group(const struct fb_default *d, struct fb_arena *a, struct fb_err *err);
const char *fb_default_config(const struct fb_default *d, struct fb_arena *a, struct fb_err *err);
const char *fb_default_package(const struct fb_default *d, struct fb_arena *a, struct fb_err *err);
const char *fb_default_key(const struct fb_default *d, struct fb_arena *a, struct fb_err *err);

#endif
