#include "data/parquet_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* "aaaaaaaa" in snappy: length 8, literal "a", copy of 7 at distance 1. */
static const unsigned char snappy[] = {8, 0x00, 'a', 0x0d, 0x01};
/* The same in gzip, and as a stored block of zstd. */
static const unsigned char gzip[] = {0x1f, 0x8b, 8, 0,    0,    0,    0,    0, 2, 3, 0x4b, 0x4c,
                                     0x84, 0,    0, 0x46, 0x80, 0x84, 0xbf, 8, 0, 0, 0};
static const unsigned char zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 8,   0x41, 0,  0,
                                     'a',  'a',  'a',  'a',  'a',  'a', 'a',  'a'};

static void test_unpacks_what_was_packed(void **state) {
    struct fb_err err = {0};
    unsigned char out[8];

    (void)state;
    assert_int_equal(fb_parquet_decompress(1, out, 8, snappy, sizeof snappy, &err), FB_OK);
    assert_memory_equal(out, "aaaaaaaa", 8);
    memset(out, 0, sizeof out);
    assert_int_equal(fb_parquet_decompress(6, out, 8, zstd, sizeof zstd, &err), FB_OK);
    assert_memory_equal(out, "aaaaaaaa", 8);
    memset(out, 0, sizeof out);
    assert_int_equal(fb_parquet_decompress(2, out, 8, gzip, sizeof gzip, &err), FB_OK);
    assert_memory_equal(out, "aaaaaaaa", 8);
}

static void test_a_wrong_size_is_an_error(void **state) {
    struct fb_err err = {0};
    unsigned char out[9];

    (void)state;
    assert_int_equal(fb_parquet_decompress(1, out, 9, snappy, sizeof snappy, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "snappy data of 8 bytes, the page claims 9");
    assert_int_equal(fb_parquet_decompress(6, out, 9, zstd, sizeof zstd, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "zstd data of 8 bytes, the page claims 9");
    assert_int_equal(fb_parquet_decompress(2, out, 9, gzip, 4, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "damaged gzip data: 0 of 9 bytes");
}

static void test_damage_is_an_error(void **state) {
    struct fb_err err = {0};
    unsigned char out[8];

    (void)state;
    assert_int_equal(fb_parquet_decompress(1, out, 8, snappy, 3, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "damaged snappy data");
    assert_int_equal(fb_parquet_decompress(6, out, 8, zstd, 3, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "damaged zstd data: Src size is incorrect");
}

static void test_other_codecs_are_refused_by_name(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_parquet_codec_check(4, &err), FB_EUNSUPPORTED);
    assert_string_equal(err.msg, "the compression BROTLI is not supported (UNCOMPRESSED, SNAPPY, "
                                 "GZIP and ZSTD are)");
    assert_int_equal(fb_parquet_codec_check(8, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "unknown compression 8");
    assert_int_equal(fb_parquet_codec_check(FB_PARQUET_UNCOMPRESSED, &err), FB_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unpacks_what_was_packed),
        cmocka_unit_test(test_a_wrong_size_is_an_error),
        cmocka_unit_test(test_damage_is_an_error),
        cmocka_unit_test(test_other_codecs_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
