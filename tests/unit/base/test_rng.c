#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The reference implementation (Vigna, splitmix64.c) from the seed 1234567. */
static void test_numbers_are_those_of_splitmix64(void **state) {
    static const uint64_t expected[] = {6457827717110365317u, 3203168211198807973u,
                                        9817491932198370423u, 4593380528125082431u,
                                        16408922859458223821u};

    (void)state;
    for (uint64_t i = 0; i < 5; i++)
        assert_true(fb_rng_bits(1234567, i) == expected[i]);
}

static void test_a_number_below_is_the_upper_half_of_the_product(void **state) {
    int64_t times[10] = {0};

    (void)state;
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t bits = fb_rng_bits(7, i);
        assert_true(fb_rng_below(7, i, (uint64_t)1 << 32) == bits >> 32);
        assert_true(fb_rng_below(7, i, (uint64_t)1 << 63) == bits >> 1);
        /* bits * (2^64 - 1) = bits * 2^64 - bits */
        assert_true(fb_rng_below(7, i, UINT64_MAX) == bits - (bits > 0));
        assert_int_equal(fb_rng_below(7, i, 1), 0);
        times[fb_rng_below(7, i, 10)]++;
    }
    for (int i = 0; i < 10; i++) /* 1000 each; 30 is the standard deviation */
        assert_in_range(times[i], 850, 1150);
}

/* Every number once; one number of n, seed and epoch changed gives another order. */
static void test_an_order_is_a_function_of_seed_count_and_epoch(void **state) {
    static const int64_t n = 1000;
    int64_t order[1000], again[1000];
    bool met[1000] = {false};
    int64_t same[3] = {0};

    (void)state;
    fb_rng_shuffle(order, n, 5, 1);
    for (int64_t i = 0; i < n; i++) {
        assert_in_range(order[i], 0, n - 1);
        assert_false(met[order[i]]);
        met[order[i]] = true;
    }
    fb_rng_shuffle(again, n, 5, 1);
    assert_memory_equal(again, order, sizeof order);
    for (int k = 0; k < 3; k++) {
        fb_rng_shuffle(again, n - (k == 2), k == 0 ? 6 : 5, k == 1 ? 2 : 1);
        for (int64_t i = 0; i < n - 1; i++)
            same[k] += again[i] == order[i];
        assert_in_range(same[k], 0, 10); /* 1 is expected of two independent orders */
    }
    fb_rng_shuffle(again, 0, 1, 1); /* nothing to do, nothing touched */
}

/* Each of the 6 orders of three numbers about equally often. */
static void test_all_orders_are_equally_likely(void **state) {
    int64_t times[9] = {0};

    (void)state;
    for (uint64_t seed = 0; seed < 6000; seed++) {
        int64_t order[3];
        fb_rng_shuffle(order, 3, seed, 0);
        times[order[0] * 3 + order[1]]++;
    }
    for (int i = 0; i < 9; i++) /* 1000 each; 29 is the standard deviation */
        assert_in_range(times[i], i % 4 ? 850 : 0, i % 4 ? 1150 : 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_order_is_a_function_of_seed_count_and_epoch),
        cmocka_unit_test(test_all_orders_are_equally_likely),
        cmocka_unit_test(test_numbers_are_those_of_splitmix64),
        cmocka_unit_test(test_a_number_below_is_the_upper_half_of_the_product),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
