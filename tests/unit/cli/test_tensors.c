#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "cli/tensors.h"
#include "config/json.h"

#include <string.h>

static void test_shapes_hold_no_spaces(void **state) {
    struct fb_entry entry = {.ndim = 0};
    char text[FB_SHAPE_TEXT];

    (void)state;
    fb_tensors_shape(text, &entry);
    assert_string_equal(text, "[]");
    entry = (struct fb_entry){.ndim = 2, .shape = {0, 3}};
    fb_tensors_shape(text, &entry);
    assert_string_equal(text, "[0,3]");
    entry.ndim = FB_DIMS;
    for (int d = 0; d < FB_DIMS; d++)
        entry.shape[d] = INT64_MAX;
    fb_tensors_shape(text, &entry);
    assert_int_equal(strlen(text), FB_DIMS * 20 + 1);
}

static void test_widths_count_characters(void **state) {
    (void)state;
    assert_int_equal(fb_tensors_width("abc"), 3);
    assert_int_equal(fb_tensors_width("größe重み"), 7);
    assert_int_equal(fb_tensors_width("a\x1b[m\\"), 1 + 4 + 2 + 2);
}

static void test_an_entry_is_a_json_object(void **state) {
    const struct fb_entry entry = {
        .name = "a\"b", .dtype = FB_F16, .ndim = 2, .shape = {2, 3}, .numel = 6, .size = 12};
    struct fb_err err = {0};
    struct fb_arena arena = {0};
    struct fb_str text = {0};
    struct fb_node *node = fb_tensors_node(&arena, &entry, &err);

    (void)state;
    assert_non_null(node);
    assert_int_equal(fb_json_print(&text, node, &err), FB_OK);
    assert_string_equal(
        fb_str_text(&text),
        "{\"name\": \"a\\\"b\", \"dtype\": \"F16\", \"shape\": [2, 3], \"bytes\": 12}");
    fb_str_free(&text);
    fb_arena_free(&arena);
}

static void test_checkpoints_open_by_path(void **state) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;

    (void)state;
    assert_int_equal(fb_tensors_open(&ckpt, FB_GOLDEN_DIR "/ckpt/sharded", &err), FB_OK);
    assert_int_equal(fb_ckpt_count(ckpt), 5);
    fb_ckpt_close(ckpt);
    assert_int_equal(fb_tensors_open(&ckpt, "no/such/file", &err), FB_ENOTFOUND);
    assert_null(ckpt);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;

    if (fb_tensors_open(&ckpt, arg, &err)) return err.code;
    fb_ckpt_close(ckpt);
    return FB_OK;
}

static void test_failed_allocations_are_reported(void **state) {
    char path[] = FB_GOLDEN_DIR "/ckpt/a.safetensors";

    (void)state;
    assert_true(for_each_allocation_failure(attempt, path, 100) >= 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_hold_no_spaces),
        cmocka_unit_test(test_widths_count_characters),
        cmocka_unit_test(test_an_entry_is_a_json_object),
        cmocka_unit_test(test_checkpoints_open_by_path),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
