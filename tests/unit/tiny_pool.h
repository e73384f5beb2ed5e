/* tiny_pool.h - pools of a few numbers, written to a folder of their own for one test.
 *
 *     struct tiny t;
 *     tiny_begin(&t);
 *     tiny_model(&t, "base", "w", (float[]){1, 2}, 2);
 *     tiny_pool(&t, "{type: AutoModelPool, models: {_pretrained_: base}}");
 *     tiny_run(&t, "{name: dummy}")       FB_OK or the code, message in t.err.msg
 *     tiny_value(&t, "w")[0]
 *     tiny_end(&t);
 *
 * Paths in configurations are relative to the folder, which is the working directory meanwhile. */
#ifndef FB_TESTS_TINY_POOL_H
#define FB_TESTS_TINY_POOL_H

#include "base/file.h"
#include "ckpt/write.h"
#include "config/yaml.h"
#include "method/method.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct tiny {
    char dir[256], before[1024];
    struct fb_arena arena;
    struct fb_merge merge;
    struct fb_err err;
};

static inline void tiny_begin(struct tiny *t) {
    const char *tmp = getenv("TMPDIR");

    memset(t, 0, sizeof *t);
    snprintf(t->dir, sizeof t->dir, "%s/fb_tiny_XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(getcwd(t->before, sizeof t->before));
    assert_non_null(mkdtemp(t->dir));
    assert_return_code(chdir(t->dir), 0);
    t->merge.arena = &t->arena;
    t->merge.stream_dtype = FB_F32;
}

/* Writes "<name>.safetensors" with the given tensors. */
static inline void tiny_write(struct tiny *t, const char *name, const struct fb_entry *entries,
                              int64_t count) {
    struct fb_ckpt_writer *w;
    char path[128];

    snprintf(path, sizeof path, "%s.safetensors", name);
    if (fb_ckpt_create(&w, path, entries, count, NULL, 0, &t->err)) fail_msg("%s", t->err.msg);
    for (int64_t i = 0; i < count; i++)
        if (entries[i].numel &&
            fb_ckpt_write_bytes(w, i, 0, entries[i].numel, entries[i].data, &t->err))
            fail_msg("%s", t->err.msg);
    if (fb_ckpt_commit(w, &t->err)) fail_msg("%s", t->err.msg);
}

static inline struct fb_entry tiny_tensor(const char *name, const float *values, int64_t n) {
    return (struct fb_entry){.name = name,
                             .dtype = FB_F32,
                             .ndim = 1,
                             .shape = {n},
                             .numel = n,
                             .data = values,
                             .size = (size_t)n * sizeof *values};
}

/* A model of one tensor. */
static inline void tiny_model(struct tiny *t, const char *model, const char *key,
                              const float *values, int64_t n) {
    struct fb_entry e = tiny_tensor(key, values, n);

    tiny_write(t, model, &e, 1);
}

static inline struct fb_node *tiny_yaml(struct tiny *t, const char *text) {
    struct fb_node *node;

    if (fb_yaml_parse(&node, &t->arena, text, strlen(text), "test.yaml", &t->err))
        fail_msg("%s", t->err.msg);
    return node;
}

/* Opens the pool; the code of the failure, if it fails. */
static inline int tiny_try_pool(struct tiny *t, const char *yaml) {
    fb_pool_close(t->merge.pool);
    t->merge.pool = NULL;
    memset(&t->err, 0, sizeof t->err);
    return fb_pool_create(&t->merge.pool, tiny_yaml(t, yaml), NULL, &t->err);
}

static inline void tiny_pool(struct tiny *t, const char *yaml) {
    if (tiny_try_pool(t, yaml)) fail_msg("%s", t->err.msg);
}

/* Reads, checks and runs a method as a run of the program does. */
static inline int tiny_run(struct tiny *t, const char *yaml) {
    const struct fb_method *m;
    void *opts;

    fb_merge_free(&t->merge);
    memset(&t->err, 0, sizeof t->err);
    if (fb_method_read(&m, &opts, tiny_yaml(t, yaml), &t->arena, &t->err) ||
        fb_method_check(m, opts, &t->merge, &t->err) || fb_method_run(m, opts, &t->merge, &t->err))
        return t->err.code;
    return FB_OK;
}

static inline const float *tiny_value(const struct tiny *t, const char *key) {
    const struct fb_weight *w = fb_weights_find(&t->merge.weights, key);

    assert_non_null(w);
    return w->data;
}

static inline void tiny_end(struct tiny *t) {
    char **names;
    size_t n;

    fb_merge_free(&t->merge);
    fb_pool_close(t->merge.pool);
    fb_arena_free(&t->arena);
    assert_int_equal(fb_list_dir(t->dir, &names, &n, &t->err), FB_OK);
    for (size_t i = 0; i < n; i++)
        assert_return_code(unlink(names[i]), 0);
    fb_list_free(names, n);
    assert_return_code(chdir(t->before), 0);
    assert_return_code(rmdir(t->dir), 0);
}

#endif
