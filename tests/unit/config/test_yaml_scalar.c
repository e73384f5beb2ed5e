#include "config/yaml_scalar.h"

#include "config/json.h"
#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_reads(const char *text, enum fb_kind kind, const char *json) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str out = {0};
    const struct fb_node *node = fb_yaml_scalar(&a, text, (struct fb_place){0}, &err);

    assert_non_null(node);
    assert_int_equal(node->kind, kind);
    assert_int_equal(fb_json_print(&out, node, &err), FB_OK);
    assert_string_equal(out.data, json);
    fb_str_free(&out);
    fb_arena_free(&a);
}

static void test_integers_have_five_notations(void **state) {
    (void)state;
    assert_reads("1_000", FB_INT, "1000");
    assert_reads("017", FB_INT, "15");
    assert_reads("-0x1F", FB_INT, "-31");
    assert_reads("0b101", FB_INT, "5");
    assert_reads("1:30", FB_INT, "90");
    assert_reads("-1:00:01", FB_INT, "-3601");
    assert_reads("0o17", FB_TEXT, "\"0o17\"");
    assert_reads("08", FB_TEXT, "\"08\"");
    assert_reads("1:60", FB_TEXT, "\"1:60\"");
}

/* 2^64 = 18446744073709551616; 60^12 = 2176782336000000000000 */
static void test_integers_beyond_64_bits_keep_their_digits(void **state) {
    (void)state;
    assert_reads("9223372036854775807", FB_INT, "9223372036854775807");
    assert_reads("9223372036854775808", FB_INT, "9223372036854775808");
    assert_reads("-9223372036854775809", FB_INT, "-9223372036854775809");
    assert_reads("0x10000000000000000", FB_INT, "18446744073709551616");
    assert_reads("1:0:0:0:0:0:0:0:0:0:0:0:0", FB_INT, "2176782336000000000000");
}

static void test_integers_are_bounded(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    char text[4400];

    (void)state;
    memset(text, '9', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_null(fb_yaml_scalar(&a, text, (struct fb_place){0}, &err));
    assert_string_equal(err.msg, "integer of more than 4302 digits");
    fb_arena_free(&a);
}

static void test_floats_follow_omegaconf(void **state) {
    (void)state;
    assert_reads("1e-3", FB_REAL, "0.001");
    assert_reads("1E5", FB_REAL, "100000.0");
    assert_reads("1.", FB_REAL, "1.0");
    assert_reads(".5", FB_REAL, "0.5");
    assert_reads("1_0.2_5", FB_REAL, "10.25");
    assert_reads("1:30.5", FB_REAL, "90.5");
    assert_reads("1e400", FB_REAL, "Infinity");
    assert_reads("-.INF", FB_REAL, "-Infinity");
    assert_reads(".NaN", FB_REAL, "NaN");
    assert_reads("-.5", FB_TEXT, "\"-.5\"");
    assert_reads("1__0e5", FB_TEXT, "\"1__0e5\"");
    assert_reads("inf", FB_TEXT, "\"inf\"");
}

static void test_words(void **state) {
    (void)state;
    assert_reads("Yes", FB_BOOL, "true");
    assert_reads("ON", FB_BOOL, "true");
    assert_reads("off", FB_BOOL, "false");
    assert_reads("No", FB_BOOL, "false");
    assert_reads("y", FB_TEXT, "\"y\"");
    assert_reads("~", FB_NULL, "null");
    assert_reads("", FB_NULL, "null");
    assert_reads("Null", FB_NULL, "null");
    assert_reads("2020-01-01", FB_TEXT, "\"2020-01-01\"");
    assert_reads("<<", FB_TEXT, "\"<<\"");
}

static void test_only_the_writer_knows_dates(void **state) {
    (void)state;
    assert_int_equal(fb_yaml_tag_written("2020-01-01"), FB_YAML_TIMESTAMP);
    assert_int_equal(fb_yaml_tag_written("2020-1-1 1:00:00.5 -1:30"), FB_YAML_TIMESTAMP);
    assert_int_equal(fb_yaml_tag_written("2020-1-1T01:00:00Z"), FB_YAML_TIMESTAMP);
    assert_int_equal(fb_yaml_tag_written("2020-1-1"), FB_YAML_STR);
    assert_int_equal(fb_yaml_tag_written("2020-01-01T10"), FB_YAML_STR);
    assert_int_equal(fb_yaml_tag_read("2020-01-01"), FB_YAML_STR);
    assert_int_equal(fb_yaml_tag_written("1e3"), FB_YAML_STR);
    assert_int_equal(fb_yaml_tag_read("1e3"), FB_YAML_REAL);
}

static void test_what_python_reads_as_a_number_is_quoted(void **state) {
    static const char *const quoted[] = {"y",   "on",       "1",   "1_0", "+1.5", "1e3",
                                         "nan", "-iNf",     "1.",  ".5",  "٣",    "１.５",
                                         "　5", "Infinity", "0_8", "007", " 12 "};
    static const char *const bare[] = {"1__0", "_1", "1_",   "1e",   "e5",
                                       ".",    "",   "infi", "0x1F", "é"};

    (void)state;
    for (size_t i = 0; i < sizeof quoted / sizeof *quoted; i++)
        assert_true(fb_yaml_must_quote(quoted[i]));
    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++)
        assert_false(fb_yaml_must_quote(bare[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_have_five_notations),
        cmocka_unit_test(test_integers_beyond_64_bits_keep_their_digits),
        cmocka_unit_test(test_integers_are_bounded),
        cmocka_unit_test(test_floats_follow_omegaconf),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_only_the_writer_knows_dates),
        cmocka_unit_test(test_what_python_reads_as_a_number_is_quoted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
