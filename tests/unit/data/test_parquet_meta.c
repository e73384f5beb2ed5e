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
    check_footer("\x00", 1, "the metadata has no schema");
    check_footer("\x29\x0c\x00", 3, "the schema has 0 elements, limit 10000");
    check_footer("\x49\x0c\x00", 3, "row groups stand before the schema");
    /* A schema of the root alone, twice; the second by its long identifier. */
    check_footer("\x29\x1c\x00\x09\x04\x1c\x00\x00", 8, "the metadata has two schemas");
    /* The root and a leaf without a type. */
    check_footer("\x29\x2c\x00\x00\x00", 5, "column '' has the unknown type -1");
    /* No row groups, but one row. */
    check_footer("\x29\x1c\x00\x16\x02\x00", 6, "the row groups do not add up to 1 rows");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_columns_and_row_groups),
        cmocka_unit_test(test_says_why_columns_are_refused),
        cmocka_unit_test(test_a_damaged_trailer_is_refused),
        cmocka_unit_test(test_a_footer_must_be_consistent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
