#include "data/glue_list.h"

#include <string.h>

enum { TASKS_MAX = 256, GLUE_MAX = 32 };

static int fail_at(const struct fb_node *node, struct fb_err *err, const char *what,
                   const char *found) {
    char place[512];

    fb_place_format(place, sizeof place, node->place);
    return fb_fail(err, FB_ECONFIG, "%s%s%s%s%s", place, what, found ? " '" : "",
                   found ? found : "", found ? "'" : "");
}

static const char *text_of(const struct fb_node *map, const char *key) {
    const struct fb_node *node = fb_node_get(map, key);

    return node && node->kind == FB_TEXT ? node->text : NULL;
}

static int unknown_task(const struct fb_node *at, const char *name, struct fb_err *err) {
    const char *names[GLUE_MAX];
    char place[512];
    size_t n = 0;

    for (; fb_glue_tasks[n].name && n < GLUE_MAX; n++)
        names[n] = fb_glue_tasks[n].name;
    fb_fail_unknown(err, FB_ECONFIG, "GLUE task", name, names, n);
    fb_place_format(place, sizeof place, at->place);
    if (*place) place[strlen(place) - 2] = '\0'; /* fb_context adds ": " itself */
    return *place ? fb_context(err, "%s", place) : err->code;
}

/* `name` is the mapping key of the task, or NULL in the list layout; `split` the one by default,
 * NULL for the task's own. */
static int read_item(struct fb_glue_item *out, const char *name, const struct fb_node *node,
                     const char *split, struct fb_err *err) {
    const struct fb_node *dataset = node;
    const char *dataset_name;

    if (node->kind == FB_TEXT && !name) name = node->text;
    if (node->kind == FB_MAP) {
        if (!name) name = text_of(node, "name");
        if (fb_node_get(node, "dataset")) dataset = fb_node_get(node, "dataset");
    } else if (node->kind != FB_TEXT) {
        return fail_at(node, err, "a task is a name or a mapping with 'name' and 'dataset'", NULL);
    }
    if (!name) return fail_at(node, err, "a task needs a string 'name'", NULL);
    dataset_name = dataset->kind == FB_MAP ? text_of(dataset, "name") : NULL;
    out->name = name;
    out->task = fb_glue_find(dataset_name ? dataset_name : name);
    if (!out->task) return unknown_task(node, dataset_name ? dataset_name : name, err);
    out->split = dataset->kind == FB_MAP ? text_of(dataset, "split") : NULL;
    if (!out->split) out->split = split ? split : out->task->validation;
    return FB_OK;
}

int fb_glue_list_read_datasets(struct fb_glue_list *out, const struct fb_node *datasets,
                               const char *split, struct fb_arena *arena, struct fb_err *err) {
    const struct fb_node *all = datasets;

    *out = (struct fb_glue_list){0};
    if (all->kind != FB_LIST && all->kind != FB_MAP)
        return fail_at(all, err, "datasets are a list or a mapping", NULL);
    if (!all->count || all->count > TASKS_MAX)
        return fail_at(all, err, "expects between 1 and 256 tasks", NULL);
    out->item = fb_arena_calloc(arena, (size_t)all->count, sizeof *out->item, err);
    if (!out->item) return err->code;
    for (int64_t i = 0; i < all->count; i++) {
        const char *key = all->kind == FB_MAP ? all->key[i].text : NULL;
        if (read_item(&out->item[i], key, all->item[i], split, err)) return err->code;
        if (fb_glue_list_find(out, out->item[i].name))
            return fail_at(all->item[i], err, "this task is listed twice:", out->item[i].name);
        out->count++;
    }
    return FB_OK;
}

int fb_glue_list_read(struct fb_glue_list *out, const struct fb_node *tasks,
                      const struct fb_node *test_datasets, struct fb_arena *arena,
                      struct fb_err *err) {
    const struct fb_node *all = tasks ? tasks : test_datasets;

    *out = (struct fb_glue_list){0};
    if (!all)
        return fb_fail(err, FB_ECONFIG, "needs 'tasks' (a list) or 'test_datasets' (a mapping)");
    if (all->kind != (tasks ? FB_LIST : FB_MAP))
        return fail_at(all, err, tasks ? "'tasks' is a list" : "'test_datasets' is a mapping",
                       NULL);
    return fb_glue_list_read_datasets(out, all, NULL, arena, err);
}

const struct fb_glue_item *fb_glue_list_find(const struct fb_glue_list *list, const char *name) {
    for (int i = 0; i < list->count; i++)
        if (!strcmp(list->item[i].name, name)) return &list->item[i];
    return NULL;
}
