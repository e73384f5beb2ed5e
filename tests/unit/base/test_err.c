#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_failure_records_code_and_words(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_fail(&err, FB_EFORMAT, "found %d, limit %d", 5, 4), FB_EFORMAT);
    assert_int_equal(err.code, FB_EFORMAT);
    assert_string_equal(err.msg, "found 5, limit 4");
}

static void test_context_reads_from_the_outside_in(void **state) {
    struct fb_err err = {0};

    (void)state;
    fb_fail(&err, FB_EIO, "inner");
    fb_context(&err, "file '%s'", "a");
    assert_int_equal(fb_context(&err, "run"), FB_EIO);
    assert_string_equal(err.msg, "run: file 'a': inner");
}

static void test_long_inner_message_loses_its_end(void **state) {
    struct fb_err err = {0};
    char words[5000];

    (void)state;
    memset(words, 'x', sizeof words);
    words[sizeof words - 1] = '\0';
    fb_fail(&err, FB_EFORMAT, "%s", words);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    fb_context(&err, "outer");
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    assert_memory_equal(err.msg, "outer: xxx", 10);
}

static void test_long_context_is_cut_and_keeps_its_colon(void **state) {
    struct fb_err err = {0};
    char words[3000];

    (void)state;
    memset(words, 'y', sizeof words);
    words[sizeof words - 1] = '\0';
    fb_fail(&err, FB_EFORMAT, "inner");
    for (int i = 0; i < 6; i++)
        fb_context(&err, "%s", words);
    assert_true(strlen(err.msg) < sizeof err.msg);
    assert_non_null(strstr(err.msg, "y: y"));
}

static void test_message_may_quote_itself(void **state) {
    struct fb_err err = {0}, copy;

    (void)state;
    fb_fail(&err, FB_EIO, "100%% of 'a'");
    copy = err;
    fb_fail(&err, FB_ECONFIG, "again: %s", copy.msg);
    assert_string_equal(err.msg, "again: 100% of 'a'");
}

static void test_errno_is_told_in_words(void **state) {
    struct fb_err err = {0};

    (void)state;
    errno = ENOENT;
    assert_int_equal(fb_fail_errno(&err, "cannot open '%s'", "a"), FB_ENOTFOUND);
    assert_string_equal(err.msg, "cannot open 'a': No such file or directory");
    errno = EACCES;
    assert_int_equal(fb_fail_errno(&err, "cannot open"), FB_EIO);
    assert_string_equal(err.msg, "cannot open: Permission denied");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failure_records_code_and_words),
        cmocka_unit_test(test_context_reads_from_the_outside_in),
        cmocka_unit_test(test_long_inner_message_loses_its_end),
        cmocka_unit_test(test_long_context_is_cut_and_keeps_its_colon),
        cmocka_unit_test(test_message_may_quote_itself),
        cmocka_unit_test(test_errno_is_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
