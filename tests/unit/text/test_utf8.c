#include "text/utf8.h"

#include "golden.h"

#include "alloc_faults.h"

static void assert_replaced(const char *bytes, size_t size, const char *expected) {
    struct fb_err err = {0};
    struct fb_str out = {0};

    assert_int_equal(fb_utf8_append_replaced(&out, bytes, size, &err), FB_OK);
    assert_string_equal(fb_str_text(&out), expected);
    assert_int_equal(fb_utf8_valid(bytes, size),
                     out.size == size && !memcmp(fb_str_text(&out), bytes, size));
    fb_str_free(&out);
}

#define R FB_UTF8_REPLACEMENT

static void test_every_character_survives_a_round_trip(void **state) {
    char text[4];
    uint32_t point;

    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        size_t n;
        if (c >= 0xd800 && c < 0xe000) continue;
        n = fb_utf8_put(text, c);
        assert_int_equal(fb_utf8_next(text, n, &point), n);
        assert_int_equal(point, c);
    }
}

static void test_valid_text_is_kept(void **state) {
    (void)state;
    assert_replaced("", 0, "");
    assert_replaced("plain text of more than eight bytes", 35,
                    "plain text of more than eight bytes");
    assert_replaced("caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80", 14, "café 日 😀");
}

/* What bytes.decode("utf-8", "replace") of Python 3.11 gives. */
static void test_broken_sequences_become_one_replacement_per_maximal_part(void **state) {
    (void)state;
    assert_replaced("\x80", 1, R);
    assert_replaced("a\xff"
                    "b",
                    3, "a" R "b");
    assert_replaced("\xc3", 1, R);
    assert_replaced("\xc3(", 2, R "(");
    assert_replaced("\xe2\x82", 2, R);
    assert_replaced("\xe2\x82(", 3, R "(");
    assert_replaced("\xf0\x9f\x98", 3, R);
    assert_replaced("\xf0\x9f\x98\xf0\x9f\x98\x80", 7, R "😀");
    assert_replaced("\xc0\xaf", 2, R R);
    assert_replaced("\xe0\x80\x80", 3, R R R);
    assert_replaced("\xf0\x80\x80\x80", 4, R R R R);
}

static void test_surrogates_and_numbers_beyond_unicode_are_broken(void **state) {
    (void)state;
    assert_replaced("\xed\xa0\x80", 3, R R R);
    assert_replaced("\xed\x9f\xbf", 3, "\xed\x9f\xbf");
    assert_replaced("\xf4\x90\x80\x80", 4, R R R R);
    assert_replaced("\xf4\x8f\xbf\xbf", 4, "\xf4\x8f\xbf\xbf");
    assert_replaced("\xf5\x80\x80\x80", 4, R R R R);
}

static void test_broken_byte_after_a_long_ascii_run_is_found(void **state) {
    char text[64];

    (void)state;
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'x', sizeof text);
        text[at] = (char)0xfe;
        assert_false(fb_utf8_valid(text, sizeof text));
        assert_int_equal(fb_utf8_valid(text, at), 1);
    }
}

static int replace_once(void *arg) {
    struct fb_err err = {0};
    struct fb_str out = {0};
    int rc = fb_utf8_append_replaced(&out, arg, 5, &err);

    fb_str_free(&out);
    return rc;
}

static void test_memory_failure_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(replace_once,
                                            "ab\xff"
                                            "cd",
                                            10) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_character_survives_a_round_trip),
        cmocka_unit_test(test_valid_text_is_kept),
        cmocka_unit_test(test_broken_sequences_become_one_replacement_per_maximal_part),
        cmocka_unit_test(test_surrogates_and_numbers_beyond_unicode_are_broken),
        cmocka_unit_test(test_broken_byte_after_a_long_ascii_run_is_found),
        cmocka_unit_test(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
