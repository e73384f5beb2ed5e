/* tasks.c - the registry of task pools: one row each. */
#include "task/task.h"

#include "base/str.h"

#include <string.h>

extern const struct fb_task_pool fb_task_pool_dummy;
extern const struct fb_task_pool fb_task_pool_gpt2_glue;
extern const struct fb_task_pool fb_task_pool_t5_glue;

const struct fb_task_pool *const fb_task_pools[] = {&fb_task_pool_dummy, &fb_task_pool_gpt2_glue,
                                                    &fb_task_pool_t5_glue, NULL};

enum { NAMES_MAX = 64 };

static bool matches(const struct fb_task_pool *pool, const char *name) {
    if (!strcmp(pool->name, name)) return true;
    for (const char *const *target = pool->targets; *target; target++)
        if (!strcmp(*target, name)) return true;
    return false;
}

static int unknown(const char *name, struct fb_err *err) {
    const char *names[NAMES_MAX];
    size_t n = 0;

    for (; fb_task_pools[n] && n < NAMES_MAX; n++)
        names[n] = fb_task_pools[n]->name;
    return fb_fail_unknown(err, FB_ECONFIG, "task pool", name, names, n);
}

const struct fb_task_pool *fb_task_pool_find(const struct fb_node *config, struct fb_err *err) {
    const struct fb_node *type = fb_node_get(config, "type");
    const char *name;

    if (!type) type = fb_node_get(config, "_target_");
    if (!type || type->kind != FB_TEXT) {
        fb_fail(err, FB_ECONFIG, "taskpool: needs a string 'type' or '_target_'");
        return NULL;
    }
    name = type->text;
    for (int i = 0; fb_task_pools[i]; i++) {
        const char *dot = strrchr(name, '.');
        if (matches(fb_task_pools[i], name) || (dot && matches(fb_task_pools[i], dot + 1)))
            return fb_task_pools[i];
    }
    unknown(name, err);
    return NULL;
}
