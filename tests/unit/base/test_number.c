#include "base/number.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_real(double value, const char *expected) {
    char text[FB_REAL_TEXT];

    fb_format_real(text, value);
    assert_string_equal(text, expected);
}

static void test_reals_are_written_as_by_python(void **state) {
    (void)state;
    assert_real(0.0, "0.0");
    assert_real(-0.0, "-0.0");
    assert_real(1.0, "1.0");
    assert_real(0.3, "0.3");
    assert_real(0.1 + 0.2, "0.30000000000000004");
    assert_real(-12.5, "-12.5");
    assert_real(100.0, "100.0");
    assert_real(123456789012345.0, "123456789012345.0");
    assert_real(1e15, "1000000000000000.0");
    assert_real(9999999999999998.0, "9999999999999998.0");
    assert_real(1e16, "1e+16");
    assert_real(1.5e300, "1.5e+300");
    assert_real(0.0001, "0.0001");
    assert_real(0.00012345, "0.00012345");
    assert_real(0.00001, "1e-05");
    assert_real(1.25e-7, "1.25e-07");
    assert_real(5e-324, "5e-324");
    assert_real(DBL_MAX, "1.7976931348623157e+308");
    assert_real((double)INFINITY, "inf");
    assert_real((double)-INFINITY, "-inf");
    assert_real((double)NAN, "nan");
}

static void test_every_written_real_reads_back(void **state) {
    uint64_t bits = 88172645463325252u;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        char text[FB_REAL_TEXT];
        double value, back;
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        fb_format_real(text, value);
        assert_true(strlen(text) < FB_REAL_TEXT);
        assert_true(fb_parse_real(text, &back));
        assert_memory_equal(&back, &value, sizeof value);
    }
}

static void test_singles_use_the_digits_of_a_float(void **state) {
    char text[FB_REAL_TEXT];

    (void)state;
    fb_format_single(text, 0.1f);
    assert_string_equal(text, "0.1");
    fb_format_single(text, 3.4028235e38f);
    assert_string_equal(text, "3.4028235e+38");
}

static void assert_int(const char *text, int64_t expected) {
    int64_t value = 0;

    assert_true(fb_parse_int(text, &value));
    assert_true(value == expected);
}

static void test_integers_are_read_whole(void **state) {
    int64_t value = 7;
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x10",
                                      "1e3",
                                      "--1",
                                      "9a",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "1_0"};

    (void)state;
    assert_int("0", 0);
    assert_int("-12", -12);
    assert_int("+5", 5);
    assert_int("007", 7);
    assert_int("9223372036854775807", INT64_MAX);
    assert_int("-9223372036854775808", INT64_MIN);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(fb_parse_int(bad[i], &value));
    assert_int_equal(value, 7);
}

static void test_reals_are_read_whole(void **state) {
    static const char *const bad[] = {"",   ".",  "-",   "nan", "inf", "0x1p3", "-0x1", " 1",
                                      "1 ", "1e", "1e+", "1_0", "1,5", "+-1",   "e5",   "infinity"};
    double value;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (fb_parse_real(bad[i], &value)) fail_msg("'%s' was read", bad[i]);
    assert_true(fb_parse_real("-.5e1", &value) && value == -5.0);
    assert_true(fb_parse_real("1.", &value) && value == 1.0);
    assert_true(fb_parse_real("1e400", &value) && isinf(value));
    assert_true(fb_parse_real("0.1", &value) && value == 0.1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reals_are_written_as_by_python),
        cmocka_unit_test(test_every_written_real_reads_back),
        cmocka_unit_test(test_singles_use_the_digits_of_a_float),
        cmocka_unit_test(test_integers_are_read_whole),
        cmocka_unit_test(test_reals_are_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
