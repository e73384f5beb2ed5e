/* golden_merge.h - runs the cases of tests/golden/merge, which tools/golden/merge.py made with the
 * reference's own classes, and compares bit for bit. */
#ifndef FB_TESTS_GOLDEN_MERGE_H
#define FB_TESTS_GOLDEN_MERGE_H

#include "base/str.h"
#include "ckpt/ckpt.h"
#include "config/json.h"
#include "method/method.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct golden {
    struct fb_arena arena;
    struct fb_node *file;
    struct fb_ckpt *expected;
    struct fb_err err;
};

static void golden_open(struct golden *g) {
    memset(g, 0, sizeof *g);
    /* The pools of the cases name their models relative to the folder. */
    assert_return_code(chdir(FB_GOLDEN_DIR "/merge"), 0);
    if (fb_json_load(&g->file, &g->arena, "cases.json", &g->err) ||
        fb_ckpt_open(&g->expected, "expected.safetensors", &g->err))
        fail_msg("%s", g->err.msg);
}

static void golden_close(struct golden *g) {
    fb_ckpt_close(g->expected);
    fb_arena_free(&g->arena);
}

static const char *golden_text(const struct fb_node *map, const char *key) {
    return fb_node_get(map, key)->text;
}

static void golden_compare(struct golden *g, const char *name, const struct fb_weights *w) {
    int64_t found = 0;

    for (int64_t i = 0; i < fb_ckpt_count(g->expected); i++) {
        const struct fb_entry *e = fb_ckpt_at(g->expected, i);
        const struct fb_weight *got;
        size_t n = strlen(name);
        if (strncmp(e->name, name, n) || e->name[n] != '/') continue;
        if (!(got = fb_weights_find(w, e->name + n + 1))) fail_msg("%s: not made", e->name);
        assert_int_equal(got->numel, e->numel);
        if (memcmp(got->data, e->data, e->size)) fail_msg("%s: bits differ", e->name);
        found++;
    }
    assert_int_equal(found, w->names.count);
}

/* One case: its pool, its method, the result in memory or in a file of `path`. */
static void golden_run(struct golden *g, const struct fb_node *c, int64_t block, const char *path) {
    const struct fb_node *pools = fb_node_get(g->file, "modelpools");
    const struct fb_node *config = fb_node_get(pools, golden_text(c, "modelpool"));
    struct fb_merge merge = {.arena = &g->arena, .block = block, .stream_path = path};
    const struct fb_method *method;
    struct fb_ckpt *file = NULL;
    void *opts;

    merge.stream_dtype = FB_F32;
    if (fb_pool_create(&merge.pool, config, NULL, &g->err) ||
        fb_method_read(&method, &opts, fb_node_get(c, "method"), &g->arena, &g->err) ||
        fb_method_check(method, opts, &merge, &g->err) ||
        fb_method_run(method, opts, &merge, &g->err))
        fail_msg("%s: %s", golden_text(c, "name"), g->err.msg);
    if (path) {
        assert_true(merge.streamed);
        if (fb_ckpt_open(&file, path, &g->err)) fail_msg("%s", g->err.msg);
        for (int64_t i = 0; i < fb_ckpt_count(file); i++) {
            const struct fb_entry *e = fb_ckpt_at(file, i);
            assert_non_null(
                fb_weights_borrow(&merge.weights, e->name, e->ndim, e->shape, e->data, &g->err));
        }
    }
    golden_compare(g, golden_text(c, "name"), &merge.weights);
    fb_merge_free(&merge);
    fb_ckpt_close(file);
    fb_pool_close(merge.pool);
}

/* All cases whose method's class is `target` ("" for all); returns how many there were. */
static inline int golden_run_all(const char *target, int64_t block, const char *path) {
    const struct fb_node *cases;
    struct golden g;
    int n = 0;

    golden_open(&g);
    cases = fb_node_get(g.file, "cases");
    for (int64_t i = 0; i < cases->count; i++) {
        const struct fb_node *c = cases->item[i];
        if (!fb_ends_with(golden_text(fb_node_get(c, "method"), "_target_"), target)) continue;
        golden_run(&g, c, block, path);
        n++;
    }
    golden_close(&g);
    return n;
}

#endif
