#include "data/arrow.h"

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

static void open_golden(struct fb_map *map, const char *name) {
    struct fb_err err = {0};
    char path[1024];

    snprintf(path, sizeof path, "%s/data/%s", FB_GOLDEN_DIR, name);
    if (fb_map_open(map, path, &err)) fail_msg("%s: %s", path, err.msg);
}

static int read_golden(struct fb_dataset *d, const char *name, int64_t limit, struct fb_err *err) {
    struct fb_map map;
    int rc;

    open_golden(&map, name);
    rc = fb_arrow_read(d, map.data, map.size, limit, err);
    fb_map_close(&map);
    return rc;
}

static void print_golden(struct fb_str *out, const char *name, int64_t limit) {
    struct fb_err err = {0};
    struct fb_dataset d;

    if (read_golden(&d, name, limit, &err)) fail_msg("%s: %s", name, err.msg);
    for (int64_t row = 0; row < d.rows; row++) {
        assert_int_equal(fb_dataset_print_row(out, &d, row, &err), FB_OK);
        assert_int_equal(fb_str_putc(out, '\n', &err), FB_OK);
    }
    fb_dataset_free(&d);
}

/* Every file holds the same rows, which pyarrow was given. */
static void test_reads_what_pyarrow_writes(void **state) {
    static const char *const stems[] = {"full", "nulls"};
    static const char *const forms[] = {"stream", "file", "zstd", "dictionary"};
    struct fb_map expected;
    char name[64];

    (void)state;
    for (size_t s = 0; s < 2; s++) {
        snprintf(name, sizeof name, "%s.jsonl", stems[s]);
        open_golden(&expected, name);
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            struct fb_str text = {0};
            snprintf(name, sizeof name, "%s_%s.arrow", stems[s], forms[i]);
            print_golden(&text, name, -1);
            assert_int_equal(text.size, expected.size);
            assert_memory_equal(text.data, expected.data, expected.size);
            fb_str_free(&text);
        }
        fb_map_close(&expected);
    }
}

static void check_rows(const char *name, const char *expected) {
    struct fb_str text = {0};

    print_golden(&text, name, -1);
    assert_string_equal(fb_str_text(&text), expected);
    fb_str_free(&text);
}

/* Batches of two rows: entries a b, then c is added, then z and a null replace them all. */
static void test_a_dictionary_grows_and_is_replaced(void **state) {
    (void)state;
    check_rows("delta.arrow", "{\"d\": \"b\"}\n{\"d\": \"a\"}\n{\"d\": \"c\"}\n{\"d\": null}\n"
                              "{\"d\": \"z\"}\n{\"d\": null}\n");
}

static void test_reads_messages_without_the_marker(void **state) {
    (void)state;
    check_rows("old.arrow", "{\"label\": 1}\n{\"label\": 0}\n");
}

/* Batches of 20 rows: limits inside one, at its end, and beyond the table. */
static void test_a_limit_gives_the_first_rows(void **state) {
    static const int64_t limits[] = {0, 1, 20, 21, 48, 1000};
    struct fb_str all = {0};

    (void)state;
    print_golden(&all, "nulls_dictionary.arrow", -1);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct fb_str text = {0};
        int64_t lines = 0;
        print_golden(&text, "nulls_dictionary.arrow", limits[i]);
        for (size_t k = 0; k < text.size; k++)
            lines += text.data[k] == '\n';
        assert_int_equal(lines, limits[i] < 48 ? limits[i] : 48);
        assert_int_equal(strncmp(fb_str_text(&text), all.data, text.size), 0);
        fb_str_free(&text);
    }
    fb_str_free(&all);
}

static void test_no_rows_leave_the_columns(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;

    (void)state;
    assert_int_equal(read_golden(&d, "empty.arrow", -1, &err), FB_OK);
    assert_int_equal(d.rows, 0);
    assert_int_equal(d.columns, 13);
    assert_string_equal(d.column[12].name, "flag");
    fb_dataset_free(&d);
}

static void test_columns_that_cannot_be_read_are_refused_by_name(void **state) {
    static const char *const whys[] = {"is a list",    "is a struct",         "is a map",
                                       "is a decimal", "holds 16-bit floats", "is a view of text",
                                       "is a list"};
    struct fb_err err = {0};
    struct fb_dataset d;

    (void)state;
    check_rows(
        "mixed.arrow",
        "{\"before\": \"a\", \"nothing\": null, \"day\": 10, \"when\": 1000, \"after\": 10}\n"
        "{\"before\": \"b\", \"nothing\": null, \"day\": null, \"when\": null, \"after\": "
        "20}\n");
    assert_int_equal(read_golden(&d, "mixed.arrow", -1, &err), FB_OK);
    assert_int_equal(d.skips, 7);
    for (int i = 0; i < d.skips; i++)
        assert_string_equal(d.skipped[i].why, whys[i]);
    fb_dataset_free(&d);
}

static void test_lz4_is_refused_by_name(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;

    (void)state;
    assert_int_equal(read_golden(&d, "lz4.arrow", -1, &err), FB_EUNSUPPORTED);
    assert_string_equal(err.msg, "message at byte 136: the compression LZ4_FRAME is not supported "
                                 "(none and ZSTD are)");
    assert_null(d.column);
}

/* A file has a trailer, so no cut goes unseen. A stream ends where a message ends: what is left
 * of it is refused or has fewer rows. */
static void test_a_cut_is_noticed(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;
    struct fb_map map;

    (void)state;
    open_golden(&map, "old.arrow");
    for (size_t size = 0; size < map.size; size++)
        assert_int_equal(fb_arrow_read(&d, map.data, size, -1, &err), FB_EFORMAT);
    fb_map_close(&map);
    open_golden(&map, "sst2.arrow");
    for (size_t size = 0; size < map.size - 8; size++)
        if (fb_arrow_read(&d, map.data, size, -1, &err) == FB_OK) {
            assert_int_equal(d.rows, 0);
            fb_dataset_free(&d);
        }
    fb_map_close(&map);
}

/* Every byte of a small stream set to 0xFF in turn: an error or a table, nothing worse. */
static void test_a_damaged_byte_does_no_harm(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;
    struct fb_map map;
    unsigned char *copy;
    int refused = 0;

    (void)state;
    open_golden(&map, "delta.arrow");
    assert_non_null(copy = malloc(map.size));
    for (size_t i = 0; i < map.size; i++) {
        memcpy(copy, map.data, map.size);
        copy[i] = 0xFF;
        refused += fb_arrow_read(&d, copy, map.size, -1, &err) != FB_OK;
        fb_dataset_free(&d);
    }
    assert_true(refused > 50);
    free(copy);
    fb_map_close(&map);
}

static void test_the_formats_are_recognised(void **state) {
    static const unsigned char file[] = "ARROW1\0", stream[] = "\xff\xff\xff\xff", other[] = "PAR1";

    (void)state;
    assert_true(fb_arrow_recognise(file, 6));
    assert_false(fb_arrow_recognise(file, 5));
    assert_true(fb_arrow_recognise(stream, 4));
    assert_false(fb_arrow_recognise(stream, 3));
    assert_false(fb_arrow_recognise(other, 4));
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_dataset d;
    const struct fb_map *map = arg;
    int rc = fb_arrow_read(&d, map->data, map->size, -1, &err);

    fb_dataset_free(&d);
    return rc;
}

static void test_survives_every_allocation_failure(void **state) {
    static const char *const names[] = {"nulls_zstd.arrow", "full_dictionary.arrow", "mixed.arrow"};
    struct fb_map map;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        open_golden(&map, names[i]);
        assert_true(for_each_allocation_failure(attempt, &map, 5000) > 10);
        fb_map_close(&map);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_pyarrow_writes),
        cmocka_unit_test(test_a_dictionary_grows_and_is_replaced),
        cmocka_unit_test(test_reads_messages_without_the_marker),
        cmocka_unit_test(test_a_limit_gives_the_first_rows),
        cmocka_unit_test(test_no_rows_leave_the_columns),
        cmocka_unit_test(test_columns_that_cannot_be_read_are_refused_by_name),
        cmocka_unit_test(test_lz4_is_refused_by_name),
        cmocka_unit_test(test_a_cut_is_noticed),
        cmocka_unit_test(test_a_damaged_byte_does_no_harm),
        cmocka_unit_test(test_the_formats_are_recognised),
        cmocka_unit_test(test_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
