#include "base/digest.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* FIPS 180-4: "abc". */
static void test_pieces_hash_to_what_the_whole_does(void **state) {
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    struct fb_digest d = {0};
    struct fb_err err = {0};
    char text[FB_SHA256_TEXT];

    (void)state;
    for (size_t cut = 0; cut <= 3; cut++) {
        assert_int_equal(fb_digest_begin(&d, &err), FB_OK);
        assert_int_equal(fb_digest_add(&d, "abc", cut, &err), FB_OK);
        assert_int_equal(fb_digest_add(&d, &"abc"[cut], 3 - cut, &err), FB_OK);
        assert_int_equal(fb_digest_end(&d, text, &err), FB_OK);
        assert_string_equal(text, abc);
        fb_digest_free(&d);
    }
}

/* sha256sum of "a\0" and of the bytes fe ff ff ff ff ff ff ff. */
static void test_texts_have_an_end_and_numbers_eight_bytes(void **state) {
    struct fb_digest d = {0};
    struct fb_err err = {0};
    char text[FB_SHA256_TEXT];

    (void)state;
    assert_int_equal(fb_digest_begin(&d, &err), FB_OK);
    assert_int_equal(fb_digest_add_text(&d, "a", &err), FB_OK);
    assert_int_equal(fb_digest_end(&d, text, &err), FB_OK);
    fb_digest_free(&d);
    assert_string_equal(text, "ffe9aaeaa2a2d5048174df0b80599ef0197ec024c4b051bc9860cff58ef7f9f3");
    assert_int_equal(fb_digest_begin(&d, &err), FB_OK);
    assert_int_equal(fb_digest_add_int(&d, -2, &err), FB_OK);
    assert_int_equal(fb_digest_end(&d, text, &err), FB_OK);
    fb_digest_free(&d);
    fb_digest_free(&d);
    assert_string_equal(text, "81b37f7f8b78762feb067131152a700548754f937a0668c1f327d2ee1a2d2801");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_hash_to_what_the_whole_does),
        cmocka_unit_test(test_texts_have_an_end_and_numbers_eight_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
