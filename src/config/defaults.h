/* defaults.h - the tree of configs that a root config's defaults lists pull in, and the order in
 * which their contents are merged. */
#ifndef FB_CONFIG_DEFAULTS_H
#define FB_CONFIG_DEFAULTS_H

#include "config/choices.h"

/* A node of the defaults tree. The virtual root has no entry; its children are Hydra's own config
 * and the root config. A "_self_" entry stands for its parent's content. */
struct fb_tree {
    struct fb_tree *parent;
    struct fb_default *entry; /* NULL: the virtual root */
    struct fb_tree **child;
    int64_t count, capacity;
};

/* One step of the composition: merge that config's content at that package. */
struct fb_step {
    const char *config;  /* config path */
    const char *package; /* "" is the root */
    const char *parent;  /* config whose list brought it; "<root>" at the top */
    const char *key;     /* override key of a group's option, or NULL */
    bool is_self, primary;
};

struct fb_defaults {
    struct fb_tree *tree;
    struct fb_step *step;
    int64_t count;
};

/* Walks the lists from `config_name` (NULL: only Hydra's own). `skip_missing` passes over groups
 * whose option is "???" instead of failing. FB_ENOTFOUND for a config that no source has, with what
 * there is instead; FB_ECONFIG for lists that contradict each other. Borrowed from the arena. */
int fb_defaults_build(struct fb_defaults *out, struct fb_sources *sources,
                      struct fb_choices *choices, const char *config_name, bool skip_missing,
                      struct fb_arena *a, struct fb_err *err) FB_MUST_CHECK;

/* The tree as indented lines and the steps as a table, as "--info" shows them. */
int fb_defaults_print_tree(struct fb_str *out, const struct fb_defaults *d, struct fb_arena *a,
                           struct fb_err *err) FB_MUST_CHECK;
int fb_defaults_print_list(struct fb_str *out, const struct fb_defaults *d,
                           struct fb_err *err) FB_MUST_CHECK;

#endif
