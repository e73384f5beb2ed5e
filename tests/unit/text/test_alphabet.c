#include "text/alphabet.h"

#include "golden.h"

static void test_every_byte_has_its_own_character(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++)
        assert_int_equal(fb_alphabet_byte(fb_alphabet_char((unsigned char)byte)), byte);
}

static void test_exactly_256_characters_stand_for_bytes(void **state) {
    int count = 0;

    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++)
        count += fb_alphabet_byte(c) >= 0;
    assert_int_equal(count, 256);
}

static void test_known_characters(void **state) {
    (void)state;
    assert_int_equal(fb_alphabet_char(' '), 0x120);
    assert_int_equal(fb_alphabet_char('\n'), 0x10a);
    assert_int_equal(fb_alphabet_char('a'), 'a');
    assert_int_equal(fb_alphabet_char(0x7f), 0x121);
    assert_int_equal(fb_alphabet_char(0xad), 0x143);
    assert_int_equal(fb_alphabet_char(0xff), 0xff);
}

static void test_bytes_to_characters_and_back(void **state) {
    struct fb_err err = {0};
    struct fb_str piece = {0}, bytes = {0};

    (void)state;
    assert_int_equal(fb_alphabet_append(&piece, " caf\xc3\xa9", 6, &err), FB_OK);
    assert_string_equal(piece.data, "ĠcafÃ©");
    assert_int_equal(fb_alphabet_append_bytes(&bytes, piece.data, &err), FB_OK);
    assert_string_equal(bytes.data, " café");
    fb_str_free(&piece);
    fb_str_free(&bytes);
}

static void test_piece_outside_the_alphabet_stays_as_it_is(void **state) {
    struct fb_err err = {0};
    struct fb_str bytes = {0};

    (void)state;
    assert_int_equal(fb_alphabet_append_bytes(&bytes, "Ġ日 é", &err), FB_OK);
    assert_string_equal(bytes.data, "Ġ日 é");
    fb_str_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_has_its_own_character),
        cmocka_unit_test(test_exactly_256_characters_stand_for_bytes),
        cmocka_unit_test(test_known_characters),
        cmocka_unit_test(test_bytes_to_characters_and_back),
        cmocka_unit_test(test_piece_outside_the_alphabet_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
