#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "nn/tape.h"
#include "nn/tensor.h"

#include <string.h>

static void test_values_live_for_two_stages(void **state) {
    struct fb_err err = {0};
    struct fb_graph g = {0};
    struct fb_tensor *first = fb_tensor_new(&g, 2, 3, &err), *second, *third;

    (void)state;
    assert_non_null(first);
    assert_int_equal(first->rows, 2);
    assert_int_equal(first->cols, 3);
    first->data[5] = 7.0f;
    fb_graph_next(&g);
    second = fb_tensor_new(&g, 2, 3, &err);
    assert_non_null(second);
    second->data[5] = 8.0f;
    assert_true(first->data[5] == 7.0f);
    fb_graph_next(&g);
    third = fb_tensor_new(&g, 2, 3, &err);
    assert_ptr_equal(third, first);
    assert_true(second->data[5] == 8.0f);
    fb_graph_reset(&g);
    assert_int_equal(g.stage[0].used + g.stage[1].used, 0);
    fb_graph_free(&g);
}

/* Values that are made to be kept, and all values when something is recorded. */
static void test_kept_values_live_until_the_reset(void **state) {
    struct fb_tape tape = {0};
    struct fb_graph g = {.keep = true};
    struct fb_err err = {0};
    struct fb_tensor *kept, *other;

    (void)state;
    assert_non_null(kept = fb_tensor_new(&g, 1, 1, &err));
    kept->data[0] = 7;
    g.keep = false;
    for (int i = 0; i < 4; i++) {
        fb_graph_next(&g);
        assert_non_null(other = fb_tensor_new(&g, 100, 100, &err));
        memset(other->data, 1, 100 * 100 * sizeof *other->data);
    }
    assert_true(kept->data[0] == 7);
    fb_graph_reset(&g);
    assert_int_equal(g.kept.used, 0);
    g.tape = &tape;
    assert_non_null(kept = fb_tensor_new(&g, 1, 1, &err));
    kept->data[0] = 7;
    for (int i = 0; i < 4; i++) {
        fb_graph_next(&g);
        assert_non_null(other = fb_tensor_new(&g, 100, 100, &err));
        memset(other->data, 1, 100 * 100 * sizeof *other->data);
    }
    assert_true(kept->data[0] == 7);
    fb_graph_free(&g);
    fb_tape_free(&tape);
}

static void test_sizes_beyond_memory_are_refused(void **state) {
    struct fb_err err = {0};
    struct fb_graph g = {0};

    (void)state;
    assert_null(fb_tensor_new(&g, INT64_MAX, INT64_MAX, &err));
    assert_int_equal(err.code, FB_ENOMEM);
    assert_string_equal(err.msg, "out of memory: 9223372036854775807 rows of 9223372036854775807 "
                                 "values");
    fb_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_live_for_two_stages),
        cmocka_unit_test(test_kept_values_live_until_the_reset),
        cmocka_unit_test(test_sizes_beyond_memory_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
