#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/map.h"
#include "text/spiece.h"

#include <stdlib.h>
#include <string.h>

#define MODEL FB_GOLDEN_DIR "/text/t5/spiece/spiece.model"

static void test_pieces_scores_and_types_are_read(void **state) {
    struct fb_err err = {0};
    struct fb_spiece s;
    struct fb_map file;

    (void)state;
    assert_int_equal(fb_map_open(&file, MODEL, &err), FB_OK);
    assert_int_equal(fb_spiece_read(&s, file.data, file.size, &err), FB_OK);
    assert_int_equal(s.count, 95);
    assert_memory_equal(s.piece[0].text, "<pad>", 5);
    assert_int_equal(s.piece[0].type, FB_PIECE_CONTROL);
    assert_memory_equal(s.piece[2].text, "<unk>", 5);
    assert_int_equal(s.piece[2].type, FB_PIECE_UNKNOWN);
    assert_int_equal(s.piece[3].type, FB_PIECE_NORMAL);
    assert_true(s.piece[3].score < 0);
    assert_int_equal(s.unk_id, 2);
    assert_int_equal(s.model_type, 1);
    assert_true(s.charsmap_size > 100);
    fb_spiece_free(&s);
    fb_map_close(&file);
}

static void test_a_file_that_ends_early_is_refused(void **state) {
    struct fb_err err = {0};
    struct fb_map file;
    int read = 0;

    (void)state;
    assert_int_equal(fb_map_open(&file, MODEL, &err), FB_OK);
    for (size_t n = 0; n < file.size; n++) {
        char *copy = malloc(n + 1);
        struct fb_spiece s;
        assert_non_null(copy);
        memcpy(copy, file.data, n);
        read += !fb_spiece_read(&s, copy, n, &err); /* whole fields may be missing */
        fb_spiece_free(&s);
        free(copy);
    }
    assert_in_range(read, 1, 300);
    fb_map_close(&file);
}

static void test_what_is_wrong_is_named(void **state) {
    static const struct {
        const char *bytes;
        size_t size;
        int code;
        const char *message;
    } cases[] = {
        {"", 0, FB_EFORMAT, "is not a SentencePiece model: no pieces"},
        {"\x0a\x7f", 2, FB_EFORMAT, "is not a SentencePiece model: a field goes past its end"},
        {"\x0b", 1, FB_EFORMAT, "is not a SentencePiece model: a field of type 3"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11, FB_EFORMAT,
         "is not a SentencePiece model: a number of more than 64 bits"},
        {"\x0a\x03\x0a\x01\xff", 5, FB_EFORMAT, "piece 0 is not UTF-8 text"},
        {"\x0a\x08\x0a\x01\x61\x15\x00\x00\xc0\x7f", 10, FB_EFORMAT,
         "the score of piece 0 is no number"},
        {"\x0a\x03\x0a\x01\x61\x12\x02\x18\x02", 9, FB_EUNSUPPORTED,
         "SentencePiece model type 2, expected 1 (unigram)"},
        {"\x0a\x03\x0a\x01\x61\x12\x03\xc0\x02\x07", 10, FB_EFORMAT, "unk_id is 7, limit 0 to 0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fb_spiece s;
        struct fb_err err = {0};
        assert_int_equal(fb_spiece_read(&s, cases[i].bytes, cases[i].size, &err), cases[i].code);
        assert_string_equal(err.msg, cases[i].message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_scores_and_types_are_read),
        cmocka_unit_test(test_a_file_that_ends_early_is_refused),
        cmocka_unit_test(test_what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
