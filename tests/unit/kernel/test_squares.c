#include "kernel/squares.h"

#include "base/rng.h"
#include "kernel/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N = 5 * 16384 + 77 }; /* more than one block for each of four threads, and a rest */

static float *numbers(uint64_t seed) {
    float *x = malloc(N * sizeof *x);

    assert_non_null(x);
    for (int64_t j = 0; j < N; j++)
        x[j] = (float)((double)fb_rng_bits(seed, (uint64_t)j) / 1.8446744073709552e19 - 0.5);
    return x;
}

static void test_squares_are_added_to_each_element(void **state) {
    float *x = numbers(1), *sum = numbers(2), *before = numbers(2);

    (void)state;
    for (int threads = 1; threads <= 4; threads *= 2) {
        memcpy(sum, before, N * sizeof *sum);
        fb_threads_set(threads);
        fb_add_squares(sum, x, N);
        for (int64_t j = 0; j < N; j++) {
            float square = x[j] * x[j];
            assert_true(sum[j] == before[j] + square);
        }
    }
    free(x);
    free(sum);
    free(before);
}

/* 1 + 4 + ... + n^2 = n (n + 1) (2 n + 1) / 6, exact in double. */
static void test_the_sum_of_squares_is_one_number(void **state) {
    float x[100], *many = numbers(3);
    double first = 0;

    (void)state;
    for (int j = 0; j < 100; j++)
        x[j] = (float)(j + 1);
    assert_true(fb_sum_squares(x, 100) == 338350);
    assert_true(fb_sum_squares(x, 3) == 14);
    assert_true(fb_sum_squares(x, 0) == 0);
    for (int threads = 1; threads <= 4; threads *= 2) {
        fb_threads_set(threads);
        if (threads == 1) first = fb_sum_squares(many, N);
        assert_true(fb_sum_squares(many, N) == first);
    }
    /* the mean square of a uniform number is 1/12; 3 standard deviations are 0.8 % */
    assert_true(fabs(first / N * 12 - 1) < 0.01);
    free(many);
}

static void test_weighed_sums_and_their_weights(void **state) {
    float *x = numbers(4), *f = numbers(5), *sum = numbers(6), *weight = numbers(7);
    float *sum_before = numbers(6), *weight_before = numbers(7);
    struct fb_weighing how = {sum, weight, x, f, 0.7f, 0.1f, N};

    (void)state;
    for (int threads = 1; threads <= 4; threads *= 2) {
        memcpy(sum, sum_before, N * sizeof *sum);
        memcpy(weight, weight_before, N * sizeof *weight);
        fb_threads_set(threads);
        fb_add_weighed(&how);
        for (int64_t j = 0; j < N; j++) {
            float w = 0.7f * (f[j] + 0.1f), wx = w * x[j];
            assert_true(weight[j] == weight_before[j] + w);
            assert_true(sum[j] == sum_before[j] + wx);
        }
    }
    free(x);
    free(f);
    free(sum);
    free(weight);
    free(sum_before);
    free(weight_before);
}

static void test_divisions(void **state) {
    float *x = numbers(8), *by = numbers(9), *before = numbers(8);

    (void)state;
    for (int threads = 1; threads <= 4; threads *= 2) {
        fb_threads_set(threads);
        memcpy(x, before, N * sizeof *x);
        fb_divide(x, 3.0f, N);
        for (int64_t j = 0; j < N; j++)
            assert_true(x[j] == before[j] / 3.0f);
        memcpy(x, before, N * sizeof *x);
        fb_divide_each(x, by, N);
        for (int64_t j = 0; j < N; j++)
            assert_true(x[j] == before[j] / by[j]);
    }
    free(x);
    free(by);
    free(before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_squares_are_added_to_each_element),
        cmocka_unit_test(test_the_sum_of_squares_is_one_number),
        cmocka_unit_test(test_weighed_sums_and_their_weights),
        cmocka_unit_test(test_divisions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
