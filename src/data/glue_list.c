#include "data/glue_list.h"

#include <string.h>

enum { TASKS_MAX = 256 };

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
    char place[512];

    fb_glue_fail_unknown(name, FB_ECONFIG, err);
    fb_place_format(place, sizeof place, at->place);
    if (*place) place[strlen(place) - 2] = '\0'; /* fb_context adds ": " itself */
    return *place ? fb_context(err, "%s", place) : err->code;
}

/* `text_columns`: one name, or a list of one or two. */
static int read_columns(struct fb_glue_task *out, const struct fb_node *dataset,
                        struct fb_err *err) {
    const struct fb_node *text = fb_node_get(dataset, "text_columns");

    *out = (struct fb_glue_task){.name = "", .text = {"text"}, .label = "label", .labels = -1};
    if (fb_node_get(dataset, "label_column")) out->label = text_of(dataset, "label_column");
    if (!out->label) return fail_at(dataset, err, "'label_column' is a name", NULL);
    if (!text) return FB_OK;
    if (text->kind == FB_TEXT) {
        out->text[0] = text->text;
        return FB_OK;
    }
    if (text->kind != FB_LIST || text->count < 1 || text->count > 2)
        return fail_at(text, err, "'text_columns' is a name or a list of one or two", NULL);
    for (int64_t i = 0; i < text->count; i++) {
        if (text->item[i]->kind != FB_TEXT)
            return fail_at(text, err, "'text_columns' is a name or a list of one or two", NULL);
        out->text[i] = text->item[i]->text;
    }
    return FB_OK;
}

/* Rows of a file. Of a GLUE task, when the dataset has the name of one. */
static int read_file(struct fb_glue_item *out, const struct fb_node *dataset, const char *name,
                     struct fb_arena *arena, struct fb_err *err) {
    struct fb_glue_task *own;

    if (!(out->file = text_of(dataset, "file")))
        return fail_at(dataset, err, "'file' is a path", NULL);
    out->split = "file";
    if (name) return (out->task = fb_glue_find(name)) ? FB_OK : unknown_task(dataset, name, err);
    if (!(own = fb_arena_calloc(arena, 1, sizeof *own, err))) return err->code;
    out->task = own;
    return read_columns(own, dataset, err);
}

/* `name` is the mapping key of the task, or NULL in the list layout; `split` the one by default,
 * NULL for the task's own. */
static int read_item(struct fb_glue_item *out, const char *name, const struct fb_node *node,
                     const char *split, struct fb_arena *arena, struct fb_err *err) {
    const struct fb_node *dataset = node;
    const char *dataset_name, *key = name;

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
    if (dataset->kind == FB_MAP && fb_node_get(dataset, "file"))
        return read_file(out, dataset, dataset == node && !key ? NULL : dataset_name, arena, err);
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
        if (read_item(&out->item[i], key, all->item[i], split, arena, err)) return err->code;
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
