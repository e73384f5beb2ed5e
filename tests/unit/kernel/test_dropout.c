#include "isa_cases.h"

#include "base/rng.h"
#include "kernel/grad.h"

#include <omp.h>
#include <stdlib.h>

enum { COUNT = 40000 };

static void test_what_is_kept_is_a_function_of_seed_and_index(void **state) {
    static float x[COUNT], y[COUNT];

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++)
        x[i] = noise(i);
    for (int threads = 1; threads <= 4; threads *= 2) {
        int64_t dropped = 0;
        omp_set_num_threads(threads);
        memset(y, 0, sizeof y);
        fb_dropout(y, x, COUNT, 0.1, 42);
        for (uint64_t i = 0; i < COUNT; i++) {
            bool drop = (double)fb_rng_bits(42, i) < 0.1 * 0x1p64;
            assert_true(y[i] == (drop ? 0.0f : x[i] * (float)(1 / 0.9)));
            dropped += drop;
        }
        /* The deviation of 40000 draws is 60. */
        assert_true(llabs(dropped - COUNT / 10) < 240);
    }
    fb_dropout(x, x, COUNT, 0.1, 42);
    assert_memory_equal(x, y, sizeof x);
}

static void test_other_seeds_choose_others(void **state) {
    static float x[COUNT], y[COUNT];
    int64_t equal = 0;

    (void)state;
    for (int i = 0; i < COUNT; i++)
        x[i] = 1.0f;
    fb_dropout(y, x, COUNT, 0.5, 1);
    fb_dropout(x, x, COUNT, 0.5, 2);
    for (int i = 0; i < COUNT; i++)
        equal += x[i] == y[i];
    assert_true(llabs(equal - COUNT / 2) < 400);
}

static void test_the_ends_of_the_range(void **state) {
    float x[] = {1.5f, -2.0f, INFINITY}, y[3];

    (void)state;
    fb_dropout(y, x, 3, 0.0, 7);
    assert_memory_equal(x, y, sizeof x);
    fb_dropout(y, x, 3, 1.0, 7);
    assert_true(y[0] == 0.0f && y[1] == 0.0f && y[2] == 0.0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_kept_is_a_function_of_seed_and_index),
        cmocka_unit_test(test_other_seeds_choose_others),
        cmocka_unit_test(test_the_ends_of_the_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
