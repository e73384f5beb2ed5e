/* glue_list.h - the tasks of a task pool's or model pool's configuration, in both layouts.
 *
 *     tasks: [{name: cola, dataset: {name: cola, split: validation}}, ...]     list with `type:`
 *     test_datasets: {cola: {name: cola, split: validation}, ...}              with `_target_:`
 *
 * Plain strings ("cola") stand for a task with a split by default. */
#ifndef FB_DATA_GLUE_LIST_H
#define FB_DATA_GLUE_LIST_H

#include "config/node.h"
#include "data/glue.h"

struct fb_glue_item {
    const char *name;                /* as configured: names the report entry and the expert */
    const struct fb_glue_task *task; /* what the rows mean */
    const char *split;
};

struct fb_glue_list {
    struct fb_glue_item *item; /* from the arena */
    int count;
};

/* Reads `tasks` (list layout) or `test_datasets` (mapping layout); either may be NULL, one must
 * be given. Unknown tasks name the nearest one. Everything is borrowed from the nodes and the
 * arena. */
int fb_glue_list_read(struct fb_glue_list *out, const struct fb_node *tasks,
                      const struct fb_node *test_datasets, struct fb_arena *arena,
                      struct fb_err *err) FB_MUST_CHECK;
/* The same for one node in either layout: `train_datasets`, `test_datasets` of a model pool. An
 * entry without a split gets `split`, or its own validation split where that is NULL. */
int fb_glue_list_read_datasets(struct fb_glue_list *out, const struct fb_node *datasets,
                               const char *split, struct fb_arena *arena,
                               struct fb_err *err) FB_MUST_CHECK;
/* By the name of the entry, or NULL. */
const struct fb_glue_item *fb_glue_list_find(const struct fb_glue_list *list, const char *name);

#endif
