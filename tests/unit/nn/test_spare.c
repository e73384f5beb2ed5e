#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "nn/spare.h"

#include "alloc_faults.h"

static void test_a_block_is_used_again(void **state) {
    struct fb_err err = {0};
    struct fb_spare spare = {0};
    float *a = fb_spare_take(&spare, 100, &err), *b;

    (void)state;
    assert_non_null(a);
    assert_int_equal(spare.taken, 400);
    fb_spare_give(&spare, a);
    assert_int_equal(spare.taken, 0);
    b = fb_spare_take(&spare, 50, &err);
    assert_ptr_equal(a, b);
    assert_int_equal(spare.taken, 200);
    fb_spare_free(&spare);
}

static void test_the_smallest_that_fits_is_taken(void **state) {
    struct fb_err err = {0};
    struct fb_spare spare = {0};
    float *large = fb_spare_take(&spare, 1000, &err), *middle = fb_spare_take(&spare, 100, &err);
    float *small = fb_spare_take(&spare, 10, &err);

    (void)state;
    assert_true(large && middle && small);
    fb_spare_give(&spare, large);
    fb_spare_give(&spare, middle);
    fb_spare_give(&spare, small);
    assert_ptr_equal(fb_spare_take(&spare, 60, &err), middle);
    assert_ptr_equal(fb_spare_take(&spare, 60, &err), large);
    fb_spare_free(&spare);
}

/* Sizes that grow a little each time must not pile up. */
static void test_a_block_that_is_too_small_makes_room(void **state) {
    struct fb_err err = {0};
    struct fb_spare spare = {0};

    (void)state;
    for (int64_t n = 1; n < 100; n++) {
        float *a = fb_spare_take(&spare, n, &err);
        assert_non_null(a);
        a[n - 1] = 1;
        fb_spare_give(&spare, a);
    }
    assert_int_equal(spare.count, 1);
    fb_spare_give(&spare, NULL);
    fb_spare_free(&spare);
}

static void test_an_empty_block_and_a_huge_one(void **state) {
    struct fb_err err = {0};
    struct fb_spare spare = {0};

    (void)state;
    assert_non_null(fb_spare_take(&spare, 0, &err));
    assert_null(fb_spare_take(&spare, INT64_MAX, &err));
    assert_int_equal(err.code, FB_ENOMEM);
    fb_spare_free(&spare);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_spare spare = {0};
    float *a;

    (void)arg;
    for (int i = 0; i < 20 && !err.code; i++)
        if (fb_spare_take(&spare, 10, &err) && (a = fb_spare_take(&spare, i + 1, &err)))
            fb_spare_give(&spare, a);
    fb_spare_free(&spare);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(attempt, NULL, 1000) > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_block_is_used_again),
        cmocka_unit_test(test_the_smallest_that_fits_is_taken),
        cmocka_unit_test(test_a_block_that_is_too_small_makes_room),
        cmocka_unit_test(test_an_empty_block_and_a_huge_one),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
