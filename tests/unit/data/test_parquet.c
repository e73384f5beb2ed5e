#include "data/parquet.h"

#include "alloc_faults.h"
#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *golden(const char *name) {
    static char path[1024];

    snprintf(path, sizeof path, "%s/data/%s", FB_GOLDEN_DIR, name);
    return path;
}

static int read_golden(struct fb_dataset *d, const char *name, int64_t limit, struct fb_err *err) {
    struct fb_map map;
    int rc;

    assert_int_equal(fb_map_open(&map, golden(name), err), FB_OK);
    rc = fb_parquet_read(d, map.data, map.size, limit, err);
    fb_map_close(&map);
    return rc;
}

static void print_rows(struct fb_str *out, const struct fb_dataset *d) {
    struct fb_err err = {0};

    for (int64_t row = 0; row < d->rows; row++) {
        assert_int_equal(fb_dataset_print_row(out, d, row, &err), FB_OK);
        assert_int_equal(fb_str_putc(out, '\n', &err), FB_OK);
    }
}

/* Every file holds the same rows, which pyarrow was given. */
static void check_matrix(const char *stem) {
    static const char *const forms[] = {
        "none_v1_dict",  "none_v2_plain", "snappy_v1_plain", "snappy_v2_dict", "gzip_v1_dict",
        "gzip_v2_plain", "zstd_v1_plain", "zstd_v2_dict",    "delta",          "split"};
    struct fb_err err = {0};
    struct fb_map expected;
    char name[64];

    snprintf(name, sizeof name, "%s.jsonl", stem);
    assert_int_equal(fb_map_open(&expected, golden(name), &err), FB_OK);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct fb_str text = {0};
        struct fb_dataset d;
        snprintf(name, sizeof name, "%s_%s.parquet", stem, forms[i]);
        if (read_golden(&d, name, -1, &err)) fail_msg("%s: %s", name, err.msg);
        print_rows(&text, &d);
        assert_int_equal(text.size, expected.size);
        assert_memory_equal(text.data, expected.data, expected.size);
        fb_str_free(&text);
        fb_dataset_free(&d);
    }
    fb_map_close(&expected);
}

static void test_reads_what_pyarrow_writes(void **state) {
    (void)state;
    check_matrix("full");
}

static void test_reads_nulls_that_pyarrow_writes(void **state) {
    (void)state;
    check_matrix("nulls");
}

static void check_rows(const char *name, int64_t limit, const char *expected) {
    struct fb_err err = {0};
    struct fb_str text = {0};
    struct fb_dataset d;

    if (read_golden(&d, name, limit, &err)) fail_msg("%s: %s", name, err.msg);
    print_rows(&text, &d);
    assert_string_equal(fb_str_text(&text), expected);
    fb_str_free(&text);
    fb_dataset_free(&d);
}

static void test_reads_the_retired_level_encoding(void **state) {
    (void)state;
    check_rows(
        "legacy.parquet", -1,
        "{\"n\": 10}\n{\"n\": null}\n{\"n\": null}\n{\"n\": 20}\n{\"n\": 30}\n{\"n\": 40}\n");
}

/* Rows in groups of 20 and pages of 8: limits inside a page, at its end, and beyond the file. */
static void test_a_limit_gives_the_first_rows(void **state) {
    static const int64_t limits[] = {0, 1, 8, 21, 48, 1000};
    struct fb_err err = {0};
    struct fb_str all = {0};
    struct fb_dataset d;

    (void)state;
    assert_int_equal(read_golden(&d, "nulls_snappy_v1_plain.parquet", -1, &err), FB_OK);
    print_rows(&all, &d);
    fb_dataset_free(&d);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct fb_str text = {0};
        assert_int_equal(read_golden(&d, "nulls_snappy_v1_plain.parquet", limits[i], &err), FB_OK);
        assert_int_equal(d.rows, limits[i] < 48 ? limits[i] : 48);
        print_rows(&text, &d);
        assert_int_equal(strncmp(fb_str_text(&text), all.data, text.size), 0);
        fb_str_free(&text);
        fb_dataset_free(&d);
    }
    fb_str_free(&all);
}

static void test_no_rows_leave_the_columns(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;

    (void)state;
    assert_int_equal(read_golden(&d, "empty.parquet", -1, &err), FB_OK);
    assert_int_equal(d.rows, 0);
    assert_int_equal(d.columns, 13);
    assert_string_equal(d.column[12].name, "flag");
    fb_dataset_free(&d);
}

static void test_columns_that_cannot_be_read_are_refused_by_name(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;

    (void)state;
    check_rows("mixed.parquet", -1,
               "{\"before\": \"a\", \"day\": 10, \"after\": 10}\n"
               "{\"before\": \"b\", \"day\": null, \"after\": 20}\n");
    assert_int_equal(read_golden(&d, "mixed.parquet", -1, &err), FB_OK);
    assert_int_equal(d.skips, 6);
    assert_null(fb_dataset_column(&d, "struct", &err));
    assert_string_equal(err.msg,
                        "dataset 'memory': column 'struct' is a struct, which is not supported");
    assert_int_equal(err.code, FB_EUNSUPPORTED);
    fb_dataset_free(&d);
}

static void check_refused(const char *name, int code, const char *message) {
    struct fb_err err = {0};
    struct fb_dataset d;

    assert_int_equal(read_golden(&d, name, -1, &err), code);
    assert_string_equal(err.msg, message);
    assert_null(d.column);
}

static void test_other_compressions_are_refused_by_name(void **state) {
    (void)state;
    check_refused("brotli.parquet", FB_EUNSUPPORTED,
                  "column 'label': row group 0: the compression BROTLI is not supported "
                  "(UNCOMPRESSED, SNAPPY, GZIP and ZSTD are)");
    check_refused("lz4.parquet", FB_EUNSUPPORTED,
                  "column 'label': row group 0: the compression LZ4_RAW is not supported "
                  "(UNCOMPRESSED, SNAPPY, GZIP and ZSTD are)");
}

static void test_an_integer_beyond_63_bits_is_refused(void **state) {
    (void)state;
    check_refused("big_unsigned.parquet", FB_EUNSUPPORTED,
                  "column 'n': row group 0: page at byte 4: the value 9223372036854775808 does not "
                  "fit in 63 bits");
}

static void test_a_constant_column_of_a_million_rows_is_no_attack(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;

    (void)state;
    assert_int_equal(read_golden(&d, "constant.parquet", -1, &err), FB_OK);
    assert_int_equal(d.rows, 1000000);
    assert_int_equal(d.column[0].integer[999999], 5);
    assert_null(d.column[0].valid);
    fb_dataset_free(&d);
}

/* Cut anywhere, a file is refused. */
static void test_a_file_cut_off_is_refused(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;
    struct fb_map map;

    (void)state;
    assert_int_equal(fb_map_open(&map, golden("checksum.parquet"), &err), FB_OK);
    for (size_t size = 0; size < map.size; size++)
        assert_int_equal(fb_parquet_read(&d, map.data, size, -1, &err), FB_EFORMAT);
    fb_map_close(&map);
}

/* The texts of checksum.parquet are protected: any change of a byte of the page body shows. */
static void test_a_changed_page_is_noticed(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;
    struct fb_map map;
    unsigned char *copy, *at = NULL;

    (void)state;
    assert_int_equal(fb_map_open(&map, golden("checksum.parquet"), &err), FB_OK);
    assert_non_null(copy = malloc(map.size));
    memcpy(copy, map.data, map.size);
    for (size_t i = 0; i + 5 <= map.size && !at; i++)
        if (!memcmp(copy + i, "three", 5)) at = copy + i;
    assert_non_null(at);
    *at = 'T';
    assert_int_equal(fb_parquet_read(&d, copy, map.size, -1, &err), FB_EFORMAT);
    assert_non_null(strstr(err.msg, "checksum"));
    free(copy);
    fb_map_close(&map);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_dataset d;
    const struct fb_map *map = arg;
    int rc = fb_parquet_read(&d, map->data, map->size, -1, &err);

    fb_dataset_free(&d);
    return rc;
}

static void test_survives_every_allocation_failure(void **state) {
    static const char *const names[] = {"nulls_zstd_v2_dict.parquet", "nulls_delta.parquet",
                                        "full_split.parquet", "mixed.parquet"};
    struct fb_err err = {0};
    struct fb_map map;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(fb_map_open(&map, golden(names[i]), &err), FB_OK);
        assert_true(for_each_allocation_failure(attempt, &map, 2000) > 10);
        fb_map_close(&map);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_pyarrow_writes),
        cmocka_unit_test(test_reads_nulls_that_pyarrow_writes),
        cmocka_unit_test(test_reads_the_retired_level_encoding),
        cmocka_unit_test(test_a_limit_gives_the_first_rows),
        cmocka_unit_test(test_no_rows_leave_the_columns),
        cmocka_unit_test(test_columns_that_cannot_be_read_are_refused_by_name),
        cmocka_unit_test(test_other_compressions_are_refused_by_name),
        cmocka_unit_test(test_an_integer_beyond_63_bits_is_refused),
        cmocka_unit_test(test_a_constant_column_of_a_million_rows_is_no_attack),
        cmocka_unit_test(test_a_file_cut_off_is_refused),
        cmocka_unit_test(test_a_changed_page_is_noticed),
        cmocka_unit_test(test_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
