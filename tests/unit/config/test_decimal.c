/* Whole ranges are compared with Hydra in test_override.c. */
#include "config/decimal.h"

#include <float.h>
#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static double sum_of(double x, double y) {
    struct fb_decimal a = fb_decimal_of_real(x), b = fb_decimal_of_real(y), sum;

    sum = fb_decimal_sum(&a, &b);
    return fb_decimal_real(&sum);
}

static int order(double x, double y) {
    struct fb_decimal a = fb_decimal_of_real(x), b = fb_decimal_of_real(y);

    return fb_decimal_compare(&a, &b);
}

static void test_doubles_are_taken_exactly(void **state) {
    static const double values[] = {
        0.1, -1.5, DBL_MAX, -DBL_MAX, DBL_MIN, 0x1p-1074, 1.0 / 3, 9007199254740993.0, 0};
    struct fb_decimal x;

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        x = fb_decimal_of_real(values[i]);
        assert_true(fb_decimal_real(&x) == values[i]);
    }
    x = fb_decimal_of_real(-0.0);
    assert_true(signbit(fb_decimal_real(&x)));
    x = fb_decimal_of_int(INT64_MIN);
    assert_true(fb_decimal_real(&x) == -0x1p63);
}

/* The double 0.1 is 0.1000000000000000055511151231257827; three of them, each sum cut to 28
 * digits, lie nearer to 0.3 than 0.1 + 0.1 + 0.1 in binary, 0.30000000000000004, does. */
static void test_sums_are_rounded_to_28_digits(void **state) {
    struct fb_decimal tenth = fb_decimal_of_real(0.1), sum = fb_decimal_of_int(0);

    (void)state;
    for (int i = 0; i < 3; i++)
        sum = fb_decimal_sum(&sum, &tenth);
    assert_true(fb_decimal_real(&sum) == 0.3);
    for (int i = 0; i < 10; i++)
        assert_int_equal(sum.digit[FB_DECIMAL_WHOLE + 28 + i], 0);
    sum = fb_decimal_of_int(0);
    sum = fb_decimal_sum(&sum, &tenth); /* to nothing added it is cut as well */
    assert_int_equal(sum.end, FB_DECIMAL_WHOLE + 28);
    assert_true(sum_of(1e30, 1) == 1e30);
    assert_true(sum_of(0.5, -0.5) == 0 && !signbit(sum_of(0.5, -0.5)));
    assert_true(sum_of(-1, 0.25) == -0.75);
    assert_true(isinf(sum_of(DBL_MAX, DBL_MAX)));
}

/* 10^27 + 1 has 28 digits: of a half behind it the last of them decides. */
static void test_a_half_is_rounded_to_the_even_digit(void **state) {
    struct fb_decimal a = fb_decimal_of_int(1), b = fb_decimal_of_int(5), up, down;

    (void)state;
    a.digit[a.first = FB_DECIMAL_WHOLE - 28] = 1;
    b.digit[FB_DECIMAL_WHOLE - 1] = 0;
    b.digit[b.first = FB_DECIMAL_WHOLE] = 5;
    b.end = b.first + 1;
    up = fb_decimal_sum(&a, &b);
    assert_int_equal(up.digit[FB_DECIMAL_WHOLE - 1], 2);
    a.digit[FB_DECIMAL_WHOLE - 1] = 2;
    down = fb_decimal_sum(&a, &b);
    assert_int_equal(down.digit[FB_DECIMAL_WHOLE - 1], 2);
    b.digit[FB_DECIMAL_WHOLE + 40] = 1; /* more than a half goes up in any case */
    b.end = FB_DECIMAL_WHOLE + 41;
    up = fb_decimal_sum(&a, &b);
    assert_int_equal(up.digit[FB_DECIMAL_WHOLE - 1], 3);
    for (int i = 0; i < 28; i++)
        a.digit[FB_DECIMAL_WHOLE - 28 + i] = 9;
    up = fb_decimal_sum(&a, &b);
    assert_true(fb_decimal_real(&up) == 1e28);
}

static void test_order_is_exact(void **state) {
    struct fb_decimal eleven = fb_decimal_of_int(0), tenth = fb_decimal_of_real(0.1);
    struct fb_decimal stop = fb_decimal_of_real(1.1);

    (void)state;
    assert_true(order(-1, 1) < 0 && order(2, 1) > 0 && order(-2, -1) < 0 && order(-1, -2) > 0);
    assert_int_equal(order(0.0, -0.0), 0);
    assert_int_equal(order(0.1, 0.1), 0);
    for (int i = 0; i < 11; i++)
        eleven = fb_decimal_sum(&eleven, &tenth);
    assert_true(fb_decimal_compare(&eleven, &stop) < 0);
    assert_true(fb_decimal_real(&eleven) == 1.1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubles_are_taken_exactly),
        cmocka_unit_test(test_sums_are_rounded_to_28_digits),
        cmocka_unit_test(test_a_half_is_rounded_to_the_even_digit),
        cmocka_unit_test(test_order_is_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
