#include "metric/interval.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662, 15 of 148 gives 0.0624 to 0.1605,
 * 0 of 20 gives 0 to 0.1611, 1 of 29 gives 0.0061 to 0.1718; printed with four decimals. */
static void test_published_examples(void **state) {
    const struct {
        int64_t correct, total;
        double low, high;
    } row[] = {{81, 263, 0.2553, 0.3662},
               {15, 148, 0.0624, 0.1605},
               {0, 20, 0.0, 0.1611},
               {1, 29, 0.0061, 0.1718}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct fb_interval found = fb_wilson(row[i].correct, row[i].total);
        assert_true(fabs(found.low - row[i].low) < 5e-5);
        assert_true(fabs(found.high - row[i].high) < 5e-5);
    }
}

static void test_nothing_measured_is_the_whole_range(void **state) {
    struct fb_interval found = fb_wilson(0, 0);

    (void)state;
    assert_true(found.low == 0 && found.high == 1);
}

static void test_the_interval_of_failures_mirrors_that_of_successes(void **state) {
    struct fb_interval a = fb_wilson(37, 100), b = fb_wilson(63, 100);

    (void)state;
    assert_true(fabs(a.low + b.high - 1) < 1e-15);
    assert_true(fabs(a.high + b.low - 1) < 1e-15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_examples),
        cmocka_unit_test(test_nothing_measured_is_the_whole_range),
        cmocka_unit_test(test_the_interval_of_failures_mirrors_that_of_successes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
