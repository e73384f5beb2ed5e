#include "data/parquet_values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PLAIN = 0, RLE = 3, DELTA_BYTE_ARRAY = 7, RLE_DICTIONARY = 8, BYTE_STREAM_SPLIT = 9 };

static const struct fb_parquet_leaf text_leaf = {.name = "t", .type = FB_PARQUET_BYTE_ARRAY};
static const struct fb_parquet_leaf int_leaf = {
    .name = "n", .type = FB_PARQUET_INT32, .optional = true};

static struct fb_bytes bytes_of(const void *p, size_t n) {
    return (struct fb_bytes){p, (const unsigned char *)p + n};
}

/* 10 20 30 among the rows 1 0 0 1 1. */
static void test_nulls_spread_values_apart(void **state) {
    static const unsigned char packed[] = {10, 0, 0, 0, 20, 0, 0, 0, 30, 0, 0, 0};
    static const uint8_t valid[] = {1, 0, 0, 1, 1};
    static const int64_t expected[] = {10, 0, 0, 20, 30};
    uint64_t budget = 1000;
    struct fb_sink sink = fb_sink_empty(&int_leaf, &budget);
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_sink_reserve(&sink, 5, &err), FB_OK);
    memcpy(sink.column.valid, valid, sizeof valid);
    assert_int_equal(fb_values_read(&sink, PLAIN, bytes_of(packed, 12), NULL, 3, &err), FB_OK);
    fb_sink_spread(&sink, 3, 5);
    assert_int_equal(sink.count, 5);
    assert_true(sink.nulls);
    assert_memory_equal(sink.column.integer, expected, sizeof expected);
    fb_sink_free(&sink);
}

static void test_a_dictionary_is_looked_up(void **state) {
    static const char entries[] = "\2\0\0\0ab\0\0\0\0\1\0\0\0c";
    static const unsigned char index[] = {2, 2 << 1, 2, 1 << 1, 0, 1 << 1, 1}, beyond[] = {2, 2, 3};
    uint64_t budget = 10000;
    struct fb_sink dictionary = fb_sink_empty(&text_leaf, &budget);
    struct fb_sink sink = fb_sink_empty(&text_leaf, &budget);
    struct fb_err err = {0};
    size_t size;

    (void)state;
    assert_int_equal(fb_sink_reserve(&dictionary, 3, &err), FB_OK);
    assert_int_equal(
        fb_values_read(&dictionary, PLAIN, bytes_of(entries, sizeof entries - 1), NULL, 3, &err),
        FB_OK);
    assert_int_equal(fb_sink_reserve(&sink, 5, &err), FB_OK);
    assert_int_equal(
        fb_values_read(&sink, RLE_DICTIONARY, bytes_of(index, sizeof index), &dictionary, 4, &err),
        FB_OK);
    assert_int_equal(sink.column.offset[4], 4); /* c c ab "" */
    assert_memory_equal(sink.column.bytes, "ccab", 4);
    assert_memory_equal(fb_column_text(&sink.column, 2, &size), "ab", 2);
    assert_int_equal(size, 2);
    assert_int_equal(fb_values_read(&sink, RLE_DICTIONARY, bytes_of(beyond, sizeof beyond),
                                    &dictionary, 1, &err),
                     FB_EFORMAT);
    assert_string_equal(err.msg, "dictionary index 3, 3 entries");
    assert_int_equal(
        fb_values_read(&sink, RLE_DICTIONARY, bytes_of(index, sizeof index), NULL, 1, &err),
        FB_EFORMAT);
    assert_string_equal(err.msg, "dictionary indices without a dictionary");
    fb_sink_free(&dictionary);
    fb_sink_free(&sink);
}

/* Shares 0 and 2 bytes, own lengths 3 and 1: "abc", "abd". Both lists are one block of deltas. */
static void test_shared_beginnings_are_copied(void **state) {
    static const unsigned char good[] = {8, 1, 2, 0, 4, 0, 8, 1, 2, 6, 3, 0, 'a', 'b', 'c', 'd'};
    static const unsigned char bad[] = {8, 1, 2, 0, 8, 0, 8, 1, 2, 6, 3, 0, 'a', 'b', 'c', 'd'};
    uint64_t budget = 10000;
    struct fb_sink sink = fb_sink_empty(&text_leaf, &budget);
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_sink_reserve(&sink, 4, &err), FB_OK);
    assert_int_equal(
        fb_values_read(&sink, DELTA_BYTE_ARRAY, bytes_of(good, sizeof good), NULL, 2, &err), FB_OK);
    assert_memory_equal(sink.column.bytes, "abcabd", 6);
    assert_int_equal(
        fb_values_read(&sink, DELTA_BYTE_ARRAY, bytes_of(bad, sizeof bad), NULL, 2, &err),
        FB_EFORMAT);
    assert_string_equal(err.msg, "4 bytes of a text of 3 bytes are shared");
    fb_sink_free(&sink);
}

static void test_too_few_bytes_are_an_error(void **state) {
    static const unsigned char packed[] = {10, 0, 0, 0, 20, 0, 0};
    uint64_t budget = 10000;
    struct fb_sink sink = fb_sink_empty(&int_leaf, &budget);
    struct fb_sink texts = fb_sink_empty(&text_leaf, &budget);
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_sink_reserve(&sink, 2, &err), FB_OK);
    assert_int_equal(fb_values_read(&sink, PLAIN, bytes_of(packed, 7), NULL, 2, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "2 values of 4 bytes in a page with 7 bytes left");
    assert_int_equal(fb_values_read(&sink, BYTE_STREAM_SPLIT, bytes_of(packed, 7), NULL, 2, &err),
                     FB_EFORMAT);
    assert_int_equal(fb_sink_reserve(&texts, 1, &err), FB_OK);
    assert_int_equal(fb_values_read(&texts, PLAIN, bytes_of(packed, 7), NULL, 1, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "a page claims 10 more bytes, 3 are left");
    fb_sink_free(&sink);
    fb_sink_free(&texts);
}

static void test_the_budget_bounds_what_is_allocated(void **state) {
    uint64_t budget = 100;
    struct fb_sink sink = fb_sink_empty(&int_leaf, &budget);
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_sink_reserve(&sink, 1000, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "the data unpack to far more than the file's size can explain: "
                                 "9000 bytes asked for, 100 left");
    assert_int_equal(fb_sink_reserve(&sink, INT64_MAX, &err), FB_EFORMAT);
    fb_sink_free(&sink);
}

static void test_an_encoding_must_fit_the_type(void **state) {
    uint64_t budget = 1000;
    struct fb_sink sink = fb_sink_empty(&int_leaf, &budget);
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_values_read(&sink, RLE, bytes_of("", 0), NULL, 0, &err), FB_EUNSUPPORTED);
    assert_string_equal(err.msg, "the encoding RLE is not supported for values of type INT32");
    assert_int_equal(fb_values_read(&sink, 10, bytes_of("", 0), NULL, 0, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "unknown encoding 10");
    fb_sink_free(&sink);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nulls_spread_values_apart),
        cmocka_unit_test(test_a_dictionary_is_looked_up),
        cmocka_unit_test(test_shared_beginnings_are_copied),
        cmocka_unit_test(test_too_few_bytes_are_an_error),
        cmocka_unit_test(test_the_budget_bounds_what_is_allocated),
        cmocka_unit_test(test_an_encoding_must_fit_the_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
