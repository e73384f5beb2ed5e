#include "base/str.h"

#include "alloc_faults.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_string_grows(void **state) {
    struct fb_str s = {0};
    struct fb_err err = {0};

    (void)state;
    assert_string_equal(fb_str_text(&s), "");
    for (int i = 0; i < 1000; i++)
        assert_int_equal(fb_str_putc(&s, 'x', &err), FB_OK);
    assert_int_equal(s.size, 1000);
    assert_int_equal(strlen(s.data), 1000);
    fb_str_free(&s);
    assert_null(s.data);
}

static void test_bytes_with_zeros_are_kept(void **state) {
    struct fb_str s = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_str_append(&s, "a\0b", 3, &err), FB_OK);
    assert_int_equal(s.size, 3);
    assert_memory_equal(s.data, "a\0b", 4);
    fb_str_free(&s);
}

static void test_formatted_text_of_any_length_fits(void **state) {
    struct fb_str s = {0};
    struct fb_err err = {0};

    (void)state;
    for (int n = 0; n < 200; n++) {
        size_t before = s.size;
        assert_int_equal(fb_str_printf(&s, &err, "%*s", n, ""), FB_OK);
        assert_int_equal(s.size, before + (size_t)n);
        assert_int_equal(strlen(fb_str_text(&s)), s.size);
    }
    fb_str_free(&s);
}

static void test_maximum_is_kept_and_content_unchanged(void **state) {
    struct fb_str s = {.max = 5};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_str_puts(&s, "abcde", &err), FB_OK);
    assert_int_equal(fb_str_putc(&s, 'f', &err), FB_EFORMAT);
    assert_string_equal(err.msg, "text of more than 5 bytes");
    assert_int_equal(fb_str_append(&s, "", 0, &err), FB_OK);
    assert_string_equal(s.data, "abcde");
    assert_int_equal(fb_str_append(&s, "x", SIZE_MAX, &err), FB_EFORMAT);
    fb_str_free(&s);
    assert_int_equal(s.max, 5);
}

static void test_beginnings_and_ends(void **state) {
    (void)state;
    assert_true(fb_starts_with("abc", "ab"));
    assert_true(fb_starts_with("abc", ""));
    assert_false(fb_starts_with("ab", "abc"));
    assert_true(fb_ends_with("abc", "bc"));
    assert_true(fb_ends_with("abc", ""));
    assert_false(fb_ends_with("bc", "abc"));
}

static void test_an_unknown_name_is_told_the_nearest_and_all(void **state) {
    const char *const words[] = {"sum", "mean", "max"};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_fail_unknown(&err, FB_ECONFIG, "function", "men", words, 3), FB_ECONFIG);
    assert_string_equal(err.msg,
                        "no function 'men' (did you mean 'mean'?) (there are sum, mean, max)");
    fb_fail_unknown(&err, FB_ECONFIG, "function", "product", words, 3);
    assert_string_equal(err.msg, "no function 'product' (there are sum, mean, max)");
}

static void test_nearest_word_is_a_likely_slip(void **state) {
    static const char *const words[] = {"scaling_factor", "threshold", "merge_func", "ab"};
    char longest[200];

    (void)state;
    assert_string_equal(fb_nearest("scaling", (const char *const[]){"scalign"}, 1), "scalign");
    assert_string_equal(fb_nearest("treshold", words, 4), "threshold");
    assert_string_equal(fb_nearest("merge_fucn", words, 4), "merge_func");
    assert_string_equal(fb_nearest("threshold", words, 4), "threshold");
    assert_null(fb_nearest("density", words, 4));
    assert_null(fb_nearest("ba", (const char *const[]){"xy"}, 1));
    assert_null(fb_nearest("", words, 4));
    assert_null(fb_nearest("x", words, 0));
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(fb_nearest(longest, words, 4));
    assert_null(fb_nearest("x", (const char *const[]){longest}, 1));
}

static void test_a_word_that_is_cut_short_is_completed(void **state) {
    static const char *const words[] = {"scaling_factor_max", "scaling_factor", "scaled", "ab"};

    (void)state;
    assert_string_equal(fb_nearest("scaling", words, 4), "scaling_factor");
    assert_string_equal(fb_nearest("sc", words, 4), "scaled");
    assert_string_equal(fb_nearest("factor", words, 4), "scaling_factor");
    assert_string_equal(fb_nearest("scale", words, 4), "scaled");
    assert_null(fb_nearest("s", words, 4));
    assert_null(fb_nearest("ing", words, 4));
    assert_null(fb_nearest("factorial_part", words, 4));
}

static int append(void *arg) {
    struct fb_str s = {0};
    struct fb_err err = {0};
    int rc = fb_str_puts(&s, arg, &err);

    if (!rc) rc = fb_str_printf(&s, &err, "%100s", "x");
    fb_str_free(&s);
    return rc;
}

static void test_memory_failure_is_reported(void **state) {
    (void)state;
    assert_int_equal(for_each_allocation_failure(append, "abc", 10), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_string_grows),
        cmocka_unit_test(test_bytes_with_zeros_are_kept),
        cmocka_unit_test(test_formatted_text_of_any_length_fits),
        cmocka_unit_test(test_maximum_is_kept_and_content_unchanged),
        cmocka_unit_test(test_beginnings_and_ends),
        cmocka_unit_test(test_an_unknown_name_is_told_the_nearest_and_all),
        cmocka_unit_test(test_nearest_word_is_a_likely_slip),
        cmocka_unit_test(test_a_word_that_is_cut_short_is_completed),
        cmocka_unit_test(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
