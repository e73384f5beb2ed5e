#include "data/parquet_meta.h"

#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct fb_map open_golden(const char *name) {
    struct fb_err err = {0};
    struct fb_map map;
    char path[1024];

    snprintf(path, sizeof path, "%s/data/%s.parquet", FB_GOLDEN_DIR, name);
    assert_int_equal(fb_map_open(&map, path, &err), FB_OK);
    return map;
}

/* 48 rows in groups of 20, 20 and 8. */
static void test_finds_columns_and_row_groups(void **state) {
    struct fb_map map = open_golden("nulls_snappy_v2_dict");
    struct fb_arena arena = {0};
    struct fb_parquet_meta meta;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_parquet_meta_read(&meta, map.data, map.size, &arena, &err), FB_OK);
    assert_int_equal(meta.rows, 48);
    assert_int_equal(meta.groups, 3);
    assert_int_equal(meta.group[2].rows, 8);
    assert_int_equal(meta.leaves, 13);
    assert_string_equal(meta.leaf[2].name, "fixed");
    assert_int_equal(meta.leaf[2].type, FB_PARQUET_FIXED);
    assert_int_equal(meta.leaf[2].width, 3);
    assert_true(meta.leaf[2].optional);
    assert_string_equal(meta.leaf[4].name, "u16");
    assert_true(meta.leaf[4].is_unsigned);
    assert_false(meta.leaf[3].is_unsigned);
    fb_arena_free(&arena);
    fb_map_close(&map);
}

static void test_says_why_columns_are_refused(void **state) {
    static const char *const expected[] = {NULL,           "is a list",         "is a struct",
                                           "is a struct",  "is a map",          "is a map",
                                           "is a decimal", "has the type INT96"};
    struct fb_map map = open_golden("mixed");
    struct fb_arena arena = {0};
    struct fb_parquet_meta meta;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_parquet_meta_read(&meta, map.data, map.size, &arena, &err), FB_OK);
    assert_null(meta.leaf[0].refused);
    for (int i = 1; i < 8; i++)
        assert_string_equal(meta.leaf[i].refused, expected[i]);
    fb_arena_free(&arena);
    fb_map_close(&map);
}

static void check_refused(const unsigned char *file, size_t size, int code, const char *message) {
    struct fb_arena arena = {0};
    struct fb_parquet_meta meta;
    struct fb_err err = {0};

    assert_int_equal(fb_parquet_meta_read(&meta, file, size, &arena, &err), code);
    assert_string_equal(err.msg, message);
    fb_arena_free(&arena);
}

static void test_a_damaged_trailer_is_refused(void **state) {
    unsigned char file[] = "PAR1....\x05\0\0\0PAR1";
    size_t size = sizeof file - 1;

    (void)state;
    check_refused(file, 11, FB_EFORMAT, "11 bytes, too short for a parquet file");
    check_refused(file, size, FB_EFORMAT, "the footer claims 5 bytes, the file has 16");
    check_refused(file, size - 1, FB_EFORMAT,
                  "does not end with PAR1: the file is cut off or damaged");
    memcpy(file + 12, "PARE", 4);
    check_refused(file, size, FB_EUNSUPPORTED, "the file is encrypted: not supported");
}

/* Footers of a few fields by hand; field headers are delta << 4 | type. */
static void check_footer(const char *footer, size_t size, const char *message) {
    unsigned char file[128] = "PAR1";

    memcpy(file + 4, footer, size);
    file[4 + size] = (unsigned char)size;
    memset(file + 5 + size, 0, 3);
    memcpy(file + 8 + size, "PAR1", 4);
    check_refused(file, 12 + size, FB_EFORMAT, message);
}

static void test_a_footer_must_be_consistent(void **state) {
    (void)state;
    check_footer("\x00", 1, "the metadata has no version, which is required");
    /* Version 1 alone; then a schema of the root too; then no rows, but no row groups either. */
    check_footer("\x15\x02\x00", 3, "the metadata has no schema, which is required");
    check_footer("\x15\x02\x19\x1c\x00\x00", 6, "the metadata has no num_rows, which is required");
    check_footer("\x15\x02\x19\x1c\x00\x16\x00\x00", 8,
                 "the metadata has no row_groups, which is required");
    check_footer("\x29\x0c\x00", 3, "the schema has 0 elements, limit 10000");
    check_footer("\x49\x0c\x00", 3, "row groups stand before the schema");
    /* A schema of the root alone, twice; the second by its long identifier. */
    check_footer("\x29\x1c\x00\x09\x04\x1c\x00\x00", 8, "the metadata has two schemas");
    /* The root and a leaf without a type. */
    check_footer("\x29\x2c\x00\x00\x00", 5, "column '' has the unknown type -1");
    /* No row groups, but one row. */
    check_footer("\x15\x02\x19\x1c\x00\x16\x02\x19\x0c\x00", 10,
                 "the row groups do not add up to 1 rows");
}

/* One row group, whose only column has one field too few each time. Field headers are
 * delta << 4 | type: 15 is an i32, 16 an i64, 19 a list, 1c a struct. */
static void test_fields_that_are_required_are_missed(void **state) {
    static const char head[] = "\x15\x02\x19\x2c\x00\x15\x02\x00\x16\x00\x19\x1c";

    (void)state;
    {
        char footer[64];
        size_t n = sizeof head - 1;
        memcpy(footer, head, n);
        memcpy(footer + n, "\x36\x00\x00\x00", 4);
        check_footer(footer, n + 4, "row group 0: the metadata has no columns, which is required");
        /* columns: [{file_offset, meta_data: {type}}] */
        memcpy(footer + n, "\x19\x1c\x26\x08\x1c\x15\x02\x00\x00", 9);
        check_footer(footer, n + 9,
                     "row group 0: column '': the metadata has no encodings, which is required");
        /* columns: [{meta_data: {type, codec, num_values}}] with encodings and path empty */
        memcpy(footer + n, "\x19\x1c\x3c\x15\x02\x19\x05\x19\x08\x15\x00\x16\x00\x16\x00\x00\x00",
               17);
        check_footer(
            footer, n + 17,
            "row group 0: column '': the metadata has no total_compressed_size, which is required");
        memcpy(
            footer + n,
            "\x19\x1c\x3c\x15\x02\x19\x05\x19\x08\x15\x00\x16\x00\x16\x00\x16\x00\x26\x08\x00\x00",
            21);
        check_footer(footer, n + 21,
                     "row group 0: column '': has no file_offset, which is required");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_columns_and_row_groups),
        cmocka_unit_test(test_says_why_columns_are_refused),
        cmocka_unit_test(test_a_damaged_trailer_is_refused),
        cmocka_unit_test(test_a_footer_must_be_consistent),
        cmocka_unit_test(test_fields_that_are_required_are_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
