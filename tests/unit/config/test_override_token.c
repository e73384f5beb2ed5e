#include "config/override_token.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_token(const char *text, enum fb_token_kind kind, size_t size) {
    struct fb_err err = {0};
    struct fb_token t;

    if (fb_token_read(&t, text, 0, &err)) fail_msg("%s", err.msg);
    assert_int_equal(t.kind, kind);
    assert_int_equal(t.size, size);
}

static void test_the_longest_word_wins(void **state) {
    (void)state;
    assert_token("12", FB_TOKEN_INT, 2);
    assert_token("12.", FB_TOKEN_REAL, 3);
    assert_token("1e5", FB_TOKEN_REAL, 3);
    assert_token("1e", FB_TOKEN_INT, 1);
    assert_token("007", FB_TOKEN_INT, 1);
    assert_token("1_000", FB_TOKEN_INT, 5);
    assert_token("1__0", FB_TOKEN_INT, 1);
    assert_token("-.5", FB_TOKEN_REAL, 3);
    assert_token("inf", FB_TOKEN_REAL, 3);
    assert_token("info", FB_TOKEN_ID, 4);
    assert_token("true", FB_TOKEN_BOOL, 4);
    assert_token("truex", FB_TOKEN_ID, 5);
    assert_token("NULL", FB_TOKEN_NULL, 4);
    assert_token("a-b", FB_TOKEN_ID, 3);
    assert_token("-a", FB_TOKEN_CHAR, 1);
    assert_token("${a.b}c", FB_TOKEN_INTERPOLATION, 6);
    assert_token("${}", FB_TOKEN_CHAR, 1);
    assert_token("\\,\\:x", FB_TOKEN_ESCAPE, 4);
    assert_token("\\a", FB_TOKEN_CHAR, 1);
    assert_token("", FB_TOKEN_END, 0);
}

static void test_space_belongs_to_the_punctuation_beside_it(void **state) {
    (void)state;
    assert_token(" , a", FB_TOKEN_COMMA, 3);
    assert_token(" ] a", FB_TOKEN_LIST_CLOSE, 2);
    assert_token("[ a", FB_TOKEN_LIST_OPEN, 2);
    assert_token(" [a", FB_TOKEN_SPACE, 1);
    assert_token("( a", FB_TOKEN_POPEN, 2);
    assert_token(" ) a", FB_TOKEN_PCLOSE, 2);
    assert_token(" = a", FB_TOKEN_EQUAL, 3);
    assert_token("\t a", FB_TOKEN_SPACE, 2);
}

static void test_quotes_end_at_an_equal_one_without_a_backslash(void **state) {
    (void)state;
    assert_token("'a\"b'c", FB_TOKEN_QUOTED, 5);
    assert_token("'a\\'b'", FB_TOKEN_QUOTED, 6);
    assert_token("'a\\\\'b'", FB_TOKEN_QUOTED, 5);
    assert_token("\"\"", FB_TOKEN_QUOTED, 2);
}

static void assert_refused(const char *text, const char *message) {
    struct fb_err err = {0};
    struct fb_token t;

    assert_int_equal(fb_token_read(&t, text, strcspn(text, "=") + 1, &err), FB_ECONFIG);
    assert_string_equal(err.msg, message);
}

static void test_what_no_word_begins_with_is_pointed_at(void **state) {
    (void)state;
    assert_refused("k='a", "override 'k='a': the quote ' is not closed; write \\' for a quote "
                           "inside quotes (column 3)\n    k='a\n      ^");
    assert_refused("k=#", "override 'k=#': '#' may only stand in a quoted value (column 3)\n"
                          "    k=#\n      ^");
    assert_refused("k=\xc3\xa9", "override 'k=\xc3\xa9': only ASCII may stand outside quotes; "
                                 "quote the value (byte 3)");
    assert_refused("k=\x01", "override 'k=\x01': control character 0x01 outside quotes (byte 3)");
}

/* Lines too long for a terminal are cut and come without a caret. */
static void test_long_lines_are_cut_in_messages(void **state) {
    struct fb_err err = {0};
    char line[200], expected[300];

    (void)state;
    memset(line, 'a', sizeof line);
    line[sizeof line - 1] = '\0';
    fb_override_fail(&err, line, 180, "wrong");
    line[160] = '\0';
    strcpy(expected, "override '");
    strcat(expected, line);
    strcat(expected, "': wrong (byte 181)");
    assert_string_equal(err.msg, expected);
}

static void test_identifiers_and_integers_have_a_length(void **state) {
    (void)state;
    assert_int_equal(fb_token_id("a-b_1.c"), 5);
    assert_int_equal(fb_token_id("-a"), 0);
    assert_int_equal(fb_token_id("1a"), 0);
    assert_int_equal(fb_token_unsigned("012"), 1);
    assert_int_equal(fb_token_unsigned("1_2_"), 3);
    assert_int_equal(fb_token_unsigned("a"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_longest_word_wins),
        cmocka_unit_test(test_space_belongs_to_the_punctuation_beside_it),
        cmocka_unit_test(test_quotes_end_at_an_equal_one_without_a_backslash),
        cmocka_unit_test(test_what_no_word_begins_with_is_pointed_at),
        cmocka_unit_test(test_long_lines_are_cut_in_messages),
        cmocka_unit_test(test_identifiers_and_integers_have_a_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
