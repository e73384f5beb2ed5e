/* choices.h - which option of each group is chosen, by the command line and by "override" entries.
 *
 * The command line's overrides are split once: those whose key is a group choose, append or delete
 * options; the others change values after composition. While the defaults tree is walked the
 * choices are applied and what was met is noted; afterwards every one must have been used. */
#ifndef FB_CONFIG_CHOICES_H
#define FB_CONFIG_CHOICES_H

#include "config/default.h"
#include "config/override.h"
#include "config/source.h"

/* A choice ("group=option"), deletion ("~group") or option met in a defaults list. */
struct fb_choice {
    struct fb_choice *next;
    const char *key;               /* override key: "group" or "group@package" */
    const char *value;             /* option; NULL for null, a list, or a bare deletion */
    const struct fb_node *options; /* list of options, or NULL */
    const char *group;
    const char *from; /* config with the "override" entry; NULL for the command line */
    bool used;
    bool external; /* met because of "+group=option" */
};

struct fb_choices {
    struct fb_arena *arena;
    struct fb_choice *chosen, *deleted, *known; /* in order of appearance */
    struct fb_default *append;                  /* "+group=option" */
    int64_t appended;
    const struct fb_override **values; /* overrides of values, in order */
    int64_t value_count;
};

/* Splits `overrides`; sweeps are passed over. FB_ECONFIG. */
int fb_choices_init(struct fb_choices *choices, const struct fb_sources *sources,
                    const struct fb_override *overrides, int64_t count, struct fb_arena *a,
                    struct fb_err *err) FB_MUST_CHECK;

/* Notes an "override group: option" entry of config `from`; what came before it wins. */
int fb_choices_override(struct fb_choices *choices, const struct fb_default *d, const char *from,
                        struct fb_err *err) FB_MUST_CHECK;
/* Replaces the option of an entry by the one that is chosen for its key, if any. */
int fb_choices_apply(struct fb_choices *choices, struct fb_default *d,
                     struct fb_err *err) FB_MUST_CHECK;
/* Marks the entry deleted if a deletion matches it. */
int fb_choices_delete(struct fb_choices *choices, struct fb_default *d,
                      struct fb_err *err) FB_MUST_CHECK;
/* Notes an option that is loaded. FB_ECONFIG when its key has another one already. */
int fb_choices_note(struct fb_choices *choices, const struct fb_default *d,
                    struct fb_err *err) FB_MUST_CHECK;
/* FB_ECONFIG for a choice or deletion that met nothing, with what could have been meant. */
int fb_choices_check_used(const struct fb_choices *choices, struct fb_err *err) FB_MUST_CHECK;

#endif
