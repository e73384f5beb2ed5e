#include "data/parquet_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* type 0, unpacked 4, size 4, crc of "abcd" (0xed82cd11 as a signed 32-bit integer is -310194927,
 * zigzag 620389853), data page of 3 values, encoding 0, level encoding 3. */
static unsigned char v1[] = {0x15, 0, 0x15, 8, 0x15, 8, 0x15, 0xdd, 0xcb, 0xe9, 0xa7, 0x02, 0x1c,
                             0x15, 6, 0x15, 0, 0x15, 6, 0,    0,    'a',  'b',  'c',  'd',  '!'};

static void test_reads_a_page_and_its_checksum(void **state) {
    struct fb_thrift t = {v1, v1 + sizeof v1};
    struct fb_parquet_page page;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_parquet_page_read(&page, &t, &err), FB_OK);
    assert_int_equal(page.kind, FB_PARQUET_DATA_V1);
    assert_int_equal(page.values, 3);
    assert_int_equal(page.nulls, -1);
    assert_int_equal(page.encoding, FB_PARQUET_PLAIN);
    assert_int_equal(page.level_encoding, FB_PARQUET_RLE);
    assert_int_equal(page.size, 4);
    assert_int_equal(page.unpacked, 4);
    assert_memory_equal(page.body, "abcd", 4);
    assert_int_equal(*t.at, '!');
}

static void test_a_wrong_checksum_is_an_error(void **state) {
    unsigned char hurt[sizeof v1];
    struct fb_thrift t = {hurt, hurt + sizeof hurt};
    struct fb_parquet_page page;
    struct fb_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof v1; i++)
        hurt[i] = v1[i] == 'b' ? 'B' : v1[i];
    assert_int_equal(fb_parquet_page_read(&page, &t, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "checksum ed82cd11, the page has d5cf8bf1");
}

static void test_a_body_must_be_there(void **state) {
    struct fb_thrift t = {v1, v1 + sizeof v1 - 2};
    struct fb_parquet_page page;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_parquet_page_read(&page, &t, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "a page claims 4 bytes, its column has 3 left");
    t = (struct fb_thrift){v1, v1 + 5};
    assert_int_equal(fb_parquet_page_read(&page, &t, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "page header: metadata ends in the middle of a value");
}

static void test_negative_counts_are_refused(void **state) {
    static const unsigned char values[] = {0x5c, 0x15, 1, 0, 0}, size[] = {0x35, 1, 0};
    struct fb_thrift t = {values, values + sizeof values};
    struct fb_parquet_page page;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_parquet_page_read(&page, &t, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "a page claims -1 values");
    t = (struct fb_thrift){size, size + sizeof size};
    assert_int_equal(fb_parquet_page_read(&page, &t, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "page header: a page header claims -1 bytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_a_page_and_its_checksum),
        cmocka_unit_test(test_a_wrong_checksum_is_an_error),
        cmocka_unit_test(test_a_body_must_be_there),
        cmocka_unit_test(test_negative_counts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
