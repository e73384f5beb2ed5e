#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "nn/ops.h"
#include "nn/record.h"
#include "nn/tape.h"

#include <string.h>

static const float table_data[] = {1, 2, 3, 4};
static const struct fb_table table = {"table", table_data, 2};
static const int32_t id[] = {0, 1};

struct fixture {
    struct fb_grads grads;
    struct fb_tape tape;
    struct fb_graph g;
};

static void set_up(struct fixture *f) {
    struct fb_err err = {0};

    *f = (struct fixture){0};
    f->tape.grads = &f->grads;
    f->g.tape = &f->tape;
    assert_int_equal(fb_grads_add(&f->grads, "table.weight", 2, 2, true, &err), FB_OK);
    fb_grads_zero(&f->grads);
}

static void tear_down(struct fixture *f) {
    fb_graph_free(&f->g);
    fb_tape_free(&f->tape);
    fb_grads_free(&f->grads);
}

/* 3 x + x, used again: d/dx = 4 dy. */
static void test_derivatives_of_a_value_add_up(void **state) {
    const float dy[] = {1, 10, 100, 1000}, expected[] = {4, 40, 400, 4000};
    struct fb_err err = {0};
    struct fixture f;
    struct fb_tensor *x, *y;

    (void)state;
    set_up(&f);
    x = fb_op_lookup(&f.g, id, 2, &table, &err);
    y = fb_op_add(&f.g, fb_op_scale(&f.g, x, 3, &err), x, &err);
    assert_non_null(y);
    assert_int_equal(f.tape.count, 3);
    assert_int_equal(fb_backward(&f.g, y, dy, &err), FB_OK);
    assert_memory_equal(f.grads.item[0].data, expected, sizeof expected);
    assert_int_equal(f.tape.count, 0);
    assert_int_equal(f.tape.spare.taken, 0);
    tear_down(&f);
}

static void test_what_came_after_the_result_does_not_count(void **state) {
    const float dy[] = {1, 1, 1, 1}, expected[] = {2, 2, 2, 2};
    struct fb_err err = {0};
    struct fixture f;
    struct fb_tensor *x, *y;

    (void)state;
    set_up(&f);
    x = fb_op_lookup(&f.g, id, 2, &table, &err);
    y = fb_op_scale(&f.g, x, 2, &err);
    assert_non_null(fb_op_scale(&f.g, y, 5, &err));
    assert_int_equal(fb_backward(&f.g, y, dy, &err), FB_OK);
    assert_memory_equal(f.grads.item[0].data, expected, sizeof expected);
    tear_down(&f);
}

/* Nothing of a frozen table is recorded, and its gradient is not there. */
static void test_constants_are_not_recorded(void **state) {
    static const struct fb_table frozen = {"frozen", table_data, 2},
                                 nameless = {NULL, table_data, 2};
    const float dy[] = {1, 1, 1, 1};
    struct fb_err err = {0};
    struct fixture f;
    struct fb_tensor *y;

    (void)state;
    set_up(&f);
    y = fb_op_scale(&f.g, fb_op_lookup(&f.g, id, 2, &frozen, &err), 2, &err);
    assert_non_null(fb_op_lookup(&f.g, id, 2, &nameless, &err));
    assert_int_equal(f.tape.count, 0);
    assert_int_equal(fb_backward(&f.g, y, dy, &err), FB_OK);
    assert_int_equal(f.grads.item[0].used_count, 0);
    tear_down(&f);
}

static void test_a_reset_forgets_what_was_recorded(void **state) {
    struct fb_err err = {0};
    struct fixture f;

    (void)state;
    set_up(&f);
    assert_non_null(fb_op_lookup(&f.g, id, 2, &table, &err));
    fb_graph_reset(&f.g);
    assert_int_equal(f.tape.count, 0);
    tear_down(&f);
}

/* A chain of n operations: all n + 1 values are there at once, but only two derivatives. */
static void test_the_peak_counts_values_and_few_derivatives(void **state) {
    enum { N = 10, ROWS = 1000 };
    static int32_t rows[ROWS];
    static float dy[ROWS * 2];
    const size_t value = sizeof dy;
    struct fb_err err = {0};
    struct fixture f;
    struct fb_tensor *y;

    (void)state;
    set_up(&f);
    y = fb_op_lookup(&f.g, rows, ROWS, &table, &err);
    for (int i = 0; i < N; i++) {
        fb_graph_next(&f.g);
        y = fb_op_add(&f.g, y, fb_op_scale(&f.g, y, 2, &err), &err);
    }
    assert_non_null(y);
    assert_int_equal(fb_backward(&f.g, y, dy, &err), FB_OK);
    assert_true(f.tape.peak >= (2 * N + 2) * value);
    assert_true(f.tape.peak <= (2 * N + 5) * value);
    tear_down(&f);
}

static int refuse(struct fb_back *back, struct fb_err *err) {
    (void)back;
    return fb_fail(err, FB_EINTERRUPTED, "stopped");
}

static void test_a_failure_on_the_way_is_passed_on(void **state) {
    const float dy[] = {1, 1, 1, 1};
    struct fb_err err = {0};
    struct fixture f;
    struct fb_tensor *x, *y;

    (void)state;
    set_up(&f);
    x = fb_op_lookup(&f.g, id, 2, &table, &err);
    y = fb_tensor_new(&f.g, 2, 2, &err);
    y = fb_recorded(&f.g, &(struct fb_op){.derive = refuse, .out = y, .in = {x}}, &err);
    y = fb_op_add(&f.g, fb_op_scale(&f.g, y, 2, &err), x, &err);
    assert_int_equal(fb_backward(&f.g, y, dy, &err), FB_EINTERRUPTED);
    assert_string_equal(err.msg, "stopped");
    assert_int_equal(f.tape.spare.taken, 0);
    tear_down(&f);
}

static void test_without_a_tape_nothing_happens(void **state) {
    struct fb_err err = {0};
    struct fb_graph g = {0};
    struct fb_tensor *y = fb_op_scale(&g, fb_op_lookup(&g, id, 2, &table, &err), 2, &err);

    (void)state;
    assert_non_null(y);
    assert_null(fb_parameter(&g, "table", "weight"));
    assert_true(y->data[3] == 8);
    fb_graph_free(&g);
}

static int attempt(void *arg) {
    const float dy[] = {1, 1, 1, 1};
    struct fb_err err = {0};
    struct fixture f = {0};
    struct fb_tensor *x, *y;

    (void)arg;
    f.tape.grads = &f.grads;
    f.g.tape = &f.tape;
    if (!fb_grads_add(&f.grads, "table.weight", 2, 2, true, &err)) {
        x = fb_op_lookup(&f.g, id, 2, &table, &err);
        y = x ? fb_op_add(&f.g, fb_op_scale(&f.g, x, 3, &err), x, &err) : NULL;
        if (y) (void)!fb_backward(&f.g, y, dy, &err);
    }
    tear_down(&f);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(attempt, NULL, 100) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derivatives_of_a_value_add_up),
        cmocka_unit_test(test_what_came_after_the_result_does_not_count),
        cmocka_unit_test(test_constants_are_not_recorded),
        cmocka_unit_test(test_a_reset_forgets_what_was_recorded),
        cmocka_unit_test(test_the_peak_counts_values_and_few_derivatives),
        cmocka_unit_test(test_a_failure_on_the_way_is_passed_on),
        cmocka_unit_test(test_without_a_tape_nothing_happens),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
