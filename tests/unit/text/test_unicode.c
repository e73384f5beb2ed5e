#include "text/unicode.h"

#include "golden.h"

static void test_classes_of_all_characters_are_those_of_the_reference(void **state) {
    uint64_t digest = GOLDEN_DIGEST_START;

    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++)
        digest = golden_digest(digest, (int32_t)fb_char_class(c));
    assert_int_equal(digest, golden_expected("digests.txt", "classes", 0));
}

static void test_blanks_are_those_of_python(void **state) {
    uint64_t digest = GOLDEN_DIGEST_START;

    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++)
        if (fb_char_is_blank(c)) digest = golden_digest(digest, (int32_t)c);
    assert_int_equal(digest, golden_expected("digests.txt", "blank", 0));
}

/* The characters on which Python's regex, its str.strip and PCRE2 disagree. */
static void test_disputed_spaces(void **state) {
    (void)state;
    assert_int_equal(fb_char_class(0x180e), FB_CHAR_OTHER);
    assert_int_equal(fb_char_class(0x200b), FB_CHAR_OTHER);
    assert_int_equal(fb_char_class(0x85), FB_CHAR_SPACE);
    assert_int_equal(fb_char_class(0x1c), FB_CHAR_OTHER);
    assert_true(fb_char_is_blank(0x1c));
    assert_false(fb_char_is_blank(0x180e));
}

static void test_numbers_beyond_unicode_are_other(void **state) {
    (void)state;
    assert_int_equal(fb_char_class(0x110000), FB_CHAR_OTHER);
    assert_int_equal(fb_char_class(UINT32_MAX), FB_CHAR_OTHER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes_of_all_characters_are_those_of_the_reference),
        cmocka_unit_test(test_blanks_are_those_of_python),
        cmocka_unit_test(test_disputed_spaces),
        cmocka_unit_test(test_numbers_beyond_unicode_are_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
