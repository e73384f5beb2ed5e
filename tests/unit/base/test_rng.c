#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_those_of_splitmix64),
        cmocka_unit_test(test_a_number_below_is_the_upper_half_of_the_product),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
