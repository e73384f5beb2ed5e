#include "method/method.h"

#include <string.h>

enum { METHODS_MAX = 128 };

static bool is_called(const struct fb_method *m, const char *word) {
    if (!strcmp(m->name, word)) return true;
    for (int i = 0; m->aliases && m->aliases[i]; i++)
        if (!strcmp(m->aliases[i], word)) return true;
    return false;
}

static int unknown(const char *word, struct fb_err *err) {
    const char *names[METHODS_MAX];
    size_t n = 0;

    for (; fb_methods[n] && n < METHODS_MAX; n++)
        names[n] = fb_methods[n]->name;
    return fb_fail_unknown(err, FB_ECONFIG, "method", word, names, n);
}

const struct fb_method *fb_method_find(const char *name, struct fb_err *err) {
    const char *dot = strrchr(name, '.'), *word = dot ? dot + 1 : name;

    for (int i = 0; fb_methods[i]; i++)
        if (is_called(fb_methods[i], word)) return fb_methods[i];
    unknown(name, err);
    return NULL;
}

/* Keys of the Python classes that steer their output or their use of memory only. */
static const char *const ignored_keys[] = {"_target_",  "name",      "_recursive_",
                                           "_convert_", "_version_", "show_pbar",
                                           "inplace",   "verbose",   NULL};

static const char *method_word(const struct fb_node *config, struct fb_err *err) {
    const struct fb_node *word = fb_node_get(config, "_target_");

    if (!word) word = fb_node_get(config, "name");
    if (word && word->kind == FB_TEXT) return word->text;
    fb_fail(err, FB_ECONFIG, "method: needs a key '_target_' or 'name' that is a string, found %s",
            word ? fb_kind_name(word->kind) : "none");
    return NULL;
}

int fb_method_read(const struct fb_method **method, void **opts, const struct fb_node *config,
                   struct fb_arena *arena, struct fb_err *err) {
    const char *word = method_word(config, err);
    const struct fb_method *m = word ? fb_method_find(word, err) : NULL;

    *method = NULL;
    *opts = NULL;
    if (!m) return err->code;
    *opts = fb_arena_calloc(arena, 1, m->opts_size ? m->opts_size : 1, err);
    if (!*opts || fb_opts_read(m->opts, *opts, config, ignored_keys, arena, err))
        return fb_context(err, "method %s", m->name);
    *method = m;
    return FB_OK;
}

int fb_method_check(const struct fb_method *method, const void *opts, const struct fb_merge *merge,
                    struct fb_err *err) {
    if (!method->check || !method->check(opts, merge, err)) return FB_OK;
    return fb_context(err, "method %s", method->name);
}

int fb_method_run(const struct fb_method *method, const void *opts, struct fb_merge *merge,
                  struct fb_err *err) {
    if (!method->run(opts, merge, err)) return FB_OK;
    return fb_context(err, "method %s", method->name);
}

static int64_t count_keys(const struct fb_pool *pool) {
    int64_t all = 0;

    for (int64_t k = 0; k < fb_pool_keys(pool); k++)
        all += fb_pool_key(pool, k)->numel;
    return all;
}

static void count_ensemble(const struct fb_merge *merge, int64_t *trainable, int64_t *all) {
    int64_t each = count_keys(merge->pool);

    for (int i = 0; i < merge->ensemble.count; i++) {
        *all += each;
        if (fb_pool_is_trainable(merge->pool, merge->ensemble.model[i])) *trainable += each;
    }
}

void fb_merge_count(const struct fb_merge *merge, int64_t *trainable, int64_t *all) {
    bool some = !merge->pool || fb_pool_is_trainable(merge->pool, merge->model);

    *trainable = *all = 0;
    if (merge->ensemble.rule != FB_ENSEMBLE_NONE) {
        count_ensemble(merge, trainable, all);
        return;
    }
    if (merge->streamed) {
        *all = count_keys(merge->pool);
        *trainable = some ? *all : 0;
        return;
    }
    for (int64_t i = 0; i < merge->weights.names.count; i++) {
        const struct fb_weight *w = &merge->weights.item[i];
        *all += w->numel;
        if (some && w->trainable) *trainable += w->numel;
    }
}

void fb_merge_free(struct fb_merge *merge) {
    fb_weights_free(&merge->weights);
    merge->ensemble = (struct fb_ensemble){0};
}
