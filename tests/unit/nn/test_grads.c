#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "nn/grads.h"

#include "alloc_faults.h"

#include <string.h>

static void test_a_parameter_is_found_by_its_name(void **state) {
    struct fb_err err = {0};
    struct fb_grads grads = {0};
    struct fb_grad *grad;

    (void)state;
    assert_null(fb_grads_find(&grads, "a.weight"));
    assert_int_equal(fb_grads_add(&grads, "a.weight", 2, 3, false, &err), FB_OK);
    assert_int_equal(fb_grads_add(&grads, "a.bias", 1, 3, false, &err), FB_OK);
    grad = fb_grads_find(&grads, "a.weight");
    assert_non_null(grad);
    assert_int_equal(grad->rows, 2);
    assert_int_equal(grad->cols, 3);
    assert_string_equal(grad->name, "a.weight");
    assert_null(fb_grads_find(&grads, "b.weight"));
    fb_grads_free(&grads);
}

static void test_a_parameter_may_be_added_once(void **state) {
    struct fb_err err = {0};
    struct fb_grads grads = {0};

    (void)state;
    assert_int_equal(fb_grads_add(&grads, "a.weight", 2, 3, false, &err), FB_OK);
    assert_int_equal(fb_grads_add(&grads, "a.weight", 2, 3, true, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "two parameters 'a.weight'");
    assert_int_equal(grads.names.count, 1);
    fb_grads_free(&grads);
}

static bool has_letter(const void *self, const char *name) {
    return strchr(name, *(const char *)self) != NULL;
}

static void test_a_filter_chooses(void **state) {
    const struct fb_grads_filter filter = {has_letter, "x"};
    struct fb_err err = {0};
    struct fb_grads grads = {0};

    (void)state;
    assert_int_equal(fb_grads_want(&grads, &filter, "x", "weight", 1, 1, false, &err), FB_OK);
    assert_int_equal(fb_grads_want(&grads, &filter, "y", "weight", 1, 1, false, &err), FB_OK);
    assert_int_equal(fb_grads_want(&grads, NULL, "y", "bias", 1, 1, false, &err), FB_OK);
    assert_int_equal(grads.names.count, 2);
    assert_non_null(fb_grads_find(&grads, "x.weight"));
    assert_non_null(fb_grads_find(&grads, "y.bias"));
    fb_grads_free(&grads);
}

/* The first use writes, later ones add; what nobody used is zero after settling. */
static void test_the_first_use_writes(void **state) {
    struct fb_err err = {0};
    struct fb_grads grads = {0};
    struct fb_grad *a, *b;

    (void)state;
    assert_int_equal(fb_grads_add(&grads, "a", 1, 2, false, &err), FB_OK);
    assert_int_equal(fb_grads_add(&grads, "b", 1, 2, false, &err), FB_OK);
    a = fb_grads_find(&grads, "a");
    b = fb_grads_find(&grads, "b");
    fb_grads_zero(&grads);
    assert_false(fb_grad_begin(a));
    a->data[0] = 3;
    a->data[1] = 4;
    assert_true(fb_grad_begin(a));
    assert_true(fb_grad_sums(a)[1] == 4);
    fb_grads_zero(&grads);
    assert_true(fb_grad_sums(a)[1] == 0);
    b->data[0] = 7; /* of an earlier sum */
    assert_int_equal(fb_grads_settle(&grads, &err), FB_OK);
    assert_true(b->data[0] == 0);
    fb_grads_free(&grads);
}

/* Only a matrix that knows where its squares go is squared, and only until the next sum. */
static void test_squares_go_where_they_are_wanted(void **state) {
    struct fb_err err = {0};
    struct fb_grads grads = {0};
    float squares[2] = {1, 2};

    (void)state;
    assert_int_equal(fb_grads_add(&grads, "a", 1, 2, false, &err), FB_OK);
    assert_int_equal(fb_grads_add(&grads, "b", 1, 2, false, &err), FB_OK);
    assert_int_equal(fb_grads_add(&grads, "t", 1, 2, true, &err), FB_OK);
    grads.item[0].squares = grads.item[2].squares = squares;
    fb_grads_zero(&grads);
    assert_null(fb_grad_squares(&grads.item[0], 1));
    fb_grads_zero_to_square(&grads);
    assert_ptr_equal(fb_grad_squares(&grads.item[0], 1), squares);
    assert_ptr_equal(fb_grad_squares(&grads.item[0], 1), squares);
    assert_int_equal(grads.item[0].squared, 2);
    assert_null(fb_grad_squares(&grads.item[1], 1));
    assert_null(fb_grad_squares(&grads.item[2], 1));
    assert_int_equal(fb_grads_settle(&grads, &err), FB_OK);
    assert_true(grads.item[0].fresh);
    assert_false(grads.item[1].fresh);
    fb_grads_zero(&grads);
    assert_int_equal(grads.item[0].squared, 0);
    assert_null(fb_grad_squares(&grads.item[0], 1));
    fb_grads_free(&grads);
}

/* The square of a sum is not the sum of squares, in whatever order the uses come. */
static void test_a_matrix_that_is_used_twice_is_not_squared(void **state) {
    struct fb_err err = {0};
    struct fb_grads grads = {0};
    struct fb_grad *a;
    float squares[2] = {0};

    (void)state;
    assert_int_equal(fb_grads_add(&grads, "a.weight", 1, 2, false, &err), FB_OK);
    a = &grads.item[0];
    a->squares = squares;
    for (int order = 0; order < 3; order++) {
        fb_grads_zero_to_square(&grads);
        if (order == 0) fb_grad_sums(a);
        else assert_ptr_equal(fb_grad_squares(a, 2), squares);
        if (order == 2) fb_grad_sums(a);
        else assert_null(fb_grad_squares(a, 2));
        err = (struct fb_err){0};
        assert_int_equal(fb_grads_settle(&grads, &err), FB_EUNSUPPORTED);
        assert_string_equal(err.msg,
                            "'a.weight' is used more than once in a pass: its gradient is a "
                            "sum, whose square is not the sum of the squares of its parts");
    }
    fb_grads_zero(&grads);
    assert_int_equal(fb_grads_settle(&grads, &err), FB_OK);
    fb_grads_free(&grads);
}

static void test_a_table_forgets_its_used_rows(void **state) {
    const int64_t row[] = {3, 1, 3};
    struct fb_err err = {0};
    struct fb_grads grads = {0};
    struct fb_grad *t;

    (void)state;
    assert_int_equal(fb_grads_add(&grads, "t", 4, 2, true, &err), FB_OK);
    t = fb_grads_find(&grads, "t");
    fb_grads_zero(&grads);
    fb_grad_use(t, row, 3);
    assert_int_equal(t->used_count, 2);
    assert_int_equal(t->used[0], 3);
    assert_int_equal(t->used[1], 1);
    fb_grad_sums(t)[3 * 2] = 5;
    assert_int_equal(fb_grads_settle(&grads, &err), FB_OK);
    assert_true(t->data[6] == 5);
    fb_grads_zero(&grads);
    assert_true(t->data[6] == 0);
    assert_int_equal(t->used_count, 0);
    fb_grad_use(t, row, 1);
    fb_grad_use_all(t);
    assert_int_equal(t->used_count, 4);
    fb_grads_free(&grads);
}

static void test_sizes_beyond_memory_are_refused(void **state) {
    struct fb_err err = {0};
    struct fb_grads grads = {0};

    (void)state;
    assert_int_equal(fb_grads_add(&grads, "a", INT64_MAX, INT64_MAX, false, &err), FB_ENOMEM);
    assert_int_equal(grads.names.count, 0);
    fb_grads_free(&grads);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_grads grads = {0};

    (void)arg;
    if (!fb_grads_add(&grads, "a", 2, 3, false, &err))
        (void)!fb_grads_add(&grads, "t", 2, 3, true, &err);
    fb_grads_free(&grads);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(attempt, NULL, 100) > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_parameter_is_found_by_its_name),
        cmocka_unit_test(test_a_parameter_may_be_added_once),
        cmocka_unit_test(test_a_filter_chooses),
        cmocka_unit_test(test_the_first_use_writes),
        cmocka_unit_test(test_squares_go_where_they_are_wanted),
        cmocka_unit_test(test_a_matrix_that_is_used_twice_is_not_squared),
        cmocka_unit_test(test_a_table_forgets_its_used_rows),
        cmocka_unit_test(test_sizes_beyond_memory_are_refused),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
