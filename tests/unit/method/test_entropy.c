#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "method/entropy.h"

#include <math.h>

static double entropy_of(const float *x, int64_t rows, int64_t cols, float *d) {
    const struct fb_tensor logits = {(float *)(uintptr_t)x, rows, cols};
    struct fb_err err = {0};
    float unused[16];
    double entropy;

    assert_int_equal(fb_entropy(&entropy, d ? d : unused, &logits, &err), FB_OK);
    return entropy;
}

/* Means 2 and 2: both classes have the chance 1/2, the entropy is ln 2. */
static void test_it_is_that_of_the_mean_row(void **state) {
    const float x[] = {1, 3, 3, 1};

    (void)state;
    assert_true(fabs(entropy_of(x, 2, 2, NULL) - log(2.0)) < 1e-7);
}

static void test_a_sure_answer_has_none(void **state) {
    const float x[] = {-500, 900, 0};
    float d[3];

    (void)state;
    assert_true(fabs(entropy_of(x, 1, 3, d)) < 1e-7);
    for (int i = 0; i < 3; i++)
        assert_true(fabs((double)d[i]) < 1e-6);
}

/* One class: always sure. */
static void test_one_class(void **state) {
    const float x[] = {3, -2};
    float d[2];

    (void)state;
    assert_true(fabs(entropy_of(x, 2, 1, d)) < 1e-7);
    assert_true(d[0] == 0 && d[1] == 0);
}

/* Central differences; f32 inputs that differ by 2^-9 have no rounding of their own. */
static void test_the_derivative_is_the_slope(void **state) {
    float x[] = {0.5f, -1, 2, 0.25f, 1, -0.5f, 0.75f, 1.5f}, d[8];
    const float h = 0x1p-9f;

    (void)state;
    entropy_of(x, 2, 4, d);
    for (int i = 0; i < 8; i++) {
        float at = x[i];
        double up, down;
        x[i] = at + h;
        up = entropy_of(x, 2, 4, NULL);
        x[i] = at - h;
        down = entropy_of(x, 2, 4, NULL);
        x[i] = at;
        assert_true(fabs((up - down) / (2 * (double)h) - (double)d[i]) < 1e-5);
    }
}

static int attempt(void *arg) {
    float x[2] = {0}, d[2];
    const struct fb_tensor logits = {x, 1, 2};
    struct fb_err err = {0};
    double entropy;

    (void)arg;
    return fb_entropy(&entropy, d, &logits, &err);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    assert_int_equal(for_each_allocation_failure(attempt, NULL, 10), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_that_of_the_mean_row),
        cmocka_unit_test(test_a_sure_answer_has_none),
        cmocka_unit_test(test_one_class),
        cmocka_unit_test(test_the_derivative_is_the_slope),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
