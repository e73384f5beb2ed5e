/* golden_optimizer.h - tests/golden/train/optimizer.json for the tests that read it. */
#ifndef FB_TESTS_GOLDEN_OPTIMIZER_H
#define FB_TESTS_GOLDEN_OPTIMIZER_H

#include "config/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline double golden_real(const struct fb_node *node) {
    assert_non_null(node);
    assert_true(node->kind == FB_REAL || node->kind == FB_INT);
    return node->kind == FB_REAL ? node->value.real : (double)node->value.integer;
}

/* The entry of that name of the file; borrowed from the arena. */
static inline const struct fb_node *golden_load(struct fb_arena *arena, const char *entry) {
    struct fb_err err = {0};
    struct fb_node *json;

    assert_int_equal(fb_json_load(&json, arena, FB_GOLDEN_DIR "/train/optimizer.json", &err),
                     FB_OK);
    assert_non_null(fb_node_get(json, entry));
    return fb_node_get(json, entry);
}

/* A list of f32; returns how many there are. */
static inline int64_t golden_floats(float *out, int64_t room, const struct fb_node *list) {
    assert_non_null(list);
    assert_true(list->count <= room);
    for (int64_t i = 0; i < list->count; i++)
        out[i] = (float)golden_real(list->item[i]);
    return list->count;
}

#endif
