#include "base/map.h"

#include "base/embed.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_NAME "test_map.bytes"

static void put(const char *bytes, size_t size) {
    struct fb_err err = {0};

    assert_int_equal(fb_file_replace(FILE_NAME, bytes, size, &err), FB_OK);
}

static void test_file_is_seen_as_bytes(void **state) {
    struct fb_err err = {0};
    struct fb_map map;

    (void)state;
    put("a\0b", 3);
    assert_int_equal(fb_map_open(&map, FILE_NAME, &err), FB_OK);
    assert_int_equal(map.size, 3);
    assert_memory_equal(map.data, "a\0b", 3);
    fb_map_close(&map);
    assert_null(map.data);
    fb_map_close(&map);
    unlink(FILE_NAME);
}

static void test_empty_file_has_a_pointer(void **state) {
    struct fb_err err = {0};
    struct fb_map map;

    (void)state;
    put("", 0);
    assert_int_equal(fb_map_open(&map, FILE_NAME, &err), FB_OK);
    assert_int_equal(map.size, 0);
    assert_non_null(map.data);
    fb_map_close(&map);
    unlink(FILE_NAME);
}

static void test_embedded_file_is_opened_by_its_prefix(void **state) {
    struct fb_err err = {0};
    struct fb_map map;

    (void)state;
    assert_int_equal(fb_map_open(&map, "embedded:config/method/dummy.yaml", &err), FB_OK);
    assert_ptr_equal(map.data, fb_embedded_find("config/method/dummy.yaml")->data);
    fb_map_forget(&map, 0, map.size);
    fb_map_close(&map);
    assert_int_equal(fb_map_open(&map, "embedded:nothing", &err), FB_ENOTFOUND);
    assert_string_equal(err.msg, "no such file in the binary");
}

static void test_what_is_no_file_is_refused(void **state) {
    struct fb_err err = {0};
    struct fb_map map;

    (void)state;
    assert_int_equal(fb_map_open(&map, "no/such/file", &err), FB_ENOTFOUND);
    assert_string_equal(err.msg, "cannot open: No such file or directory");
    assert_int_equal(fb_map_open(&map, ".", &err), FB_EIO);
    assert_string_equal(err.msg, "is not a regular file");
    assert_int_equal(mkfifo("test_map.fifo", 0600), 0);
    assert_int_equal(fb_map_open(&map, "test_map.fifo", &err), FB_EIO);
    assert_string_equal(err.msg, "is not a regular file");
    unlink("test_map.fifo");
    assert_null(map.data);
}

static void test_forgotten_bytes_are_still_readable(void **state) {
    struct fb_err err = {0};
    struct fb_map map;
    char *bytes = malloc(100000);

    (void)state;
    memset(bytes, 'q', 100000);
    put(bytes, 100000);
    assert_int_equal(fb_map_open(&map, FILE_NAME, &err), FB_OK);
    fb_map_forget(&map, 10, 99990);
    fb_map_forget(&map, 0, 100001);
    fb_map_forget(&map, SIZE_MAX, 1);
    fb_map_forget(&map, 1, SIZE_MAX);
    assert_memory_equal(map.data, bytes, 100000);
    fb_map_close(&map);
    free(bytes);
    unlink(FILE_NAME);
}

static void test_files_and_folders_are_told_apart(void **state) {
    char name[5000];

    (void)state;
    put("x", 1);
    assert_true(fb_is_file(FILE_NAME));
    assert_false(fb_is_dir(FILE_NAME));
    unlink(FILE_NAME);
    assert_false(fb_is_file(FILE_NAME));
    assert_true(fb_is_dir("."));
    assert_false(fb_is_file("."));
    assert_true(fb_is_file("embedded:config/method/dummy.yaml"));
    assert_true(fb_is_dir("embedded:config"));
    assert_true(fb_has_file("embedded:config/method", "dummy.yaml"));
    assert_false(fb_has_file("embedded:config", "method"));
    assert_false(fb_has_file(".", "no such file"));
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(fb_has_file(".", name));
    assert_false(fb_is_dir("embedded:nothing"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_is_seen_as_bytes),
        cmocka_unit_test(test_empty_file_has_a_pointer),
        cmocka_unit_test(test_embedded_file_is_opened_by_its_prefix),
        cmocka_unit_test(test_what_is_no_file_is_refused),
        cmocka_unit_test(test_forgotten_bytes_are_still_readable),
        cmocka_unit_test(test_files_and_folders_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
