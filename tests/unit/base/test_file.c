#include "base/file.h"

#include "alloc_faults.h"
#include "base/map.h"

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

/* Everything happens below this folder of the working folder. */
#define TOP "test_file.folder"

static int setup(void **state) {
    struct fb_err err = {0};

    (void)state;
    return fb_make_dirs(TOP, &err);
}

static void remove_all(const char *path) {
    struct fb_err err = {0};
    char **names;
    size_t count;

    if (fb_is_dir(path) && !fb_list_dir(path, &names, &count, &err)) {
        for (size_t i = 0; i < count; i++) {
            char *below = fb_path_join(path, names[i], &err);
            remove_all(below);
            free(below);
        }
        fb_list_free(names, count);
    }
    remove(path);
}

static int teardown(void **state) {
    (void)state;
    remove_all(TOP);
    return 0;
}

static void assert_content(const char *path, const char *expected) {
    struct fb_err err = {0};
    struct fb_map map;

    assert_int_equal(fb_map_open(&map, path, &err), FB_OK);
    assert_int_equal(map.size, strlen(expected));
    assert_memory_equal(map.data, expected, map.size);
    fb_map_close(&map);
}

static size_t entries(const char *path) {
    struct fb_err err = {0};
    char **names;
    size_t count;

    assert_int_equal(fb_list_dir(path, &names, &count, &err), FB_OK);
    fb_list_free(names, count);
    return count;
}

static void test_replacement_appears_only_when_committed(void **state) {
    struct fb_err err = {0};
    struct fb_file file;

    (void)state;
    assert_int_equal(fb_file_replace(TOP "/a", "old", 3, &err), FB_OK);
    assert_int_equal(fb_file_create(&file, TOP "/a", &err), FB_OK);
    assert_int_equal(fb_file_write(&file, 3, "er", 2, &err), FB_OK);
    assert_int_equal(fb_file_write(&file, 0, "new", 3, &err), FB_OK);
    assert_content(TOP "/a", "old");
    assert_int_equal(fb_file_commit(&file, &err), FB_OK);
    assert_content(TOP "/a", "newer");
    assert_int_equal(entries(TOP), 1);
    fb_file_abandon(&file);
}

static void test_abandoned_replacement_leaves_the_old_file_alone(void **state) {
    struct fb_err err = {0};
    struct fb_file file = {0};

    (void)state;
    fb_file_abandon(&file);
    assert_int_equal(fb_file_replace(TOP "/a", "old", 3, &err), FB_OK);
    assert_int_equal(fb_file_create(&file, TOP "/a", &err), FB_OK);
    assert_int_equal(fb_file_write(&file, 0, "new", 3, &err), FB_OK);
    fb_file_abandon(&file);
    assert_content(TOP "/a", "old");
    assert_int_equal(entries(TOP), 1);
}

static void test_mode_follows_the_umask(void **state) {
    struct fb_err err = {0};
    struct stat st;
    mode_t mask = umask(027);

    (void)state;
    assert_int_equal(fb_file_replace(TOP "/m", "x", 1, &err), FB_OK);
    umask(mask);
    assert_int_equal(stat(TOP "/m", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void test_what_cannot_be_a_file_is_refused(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_file_replace("", "", 0, &err), FB_EIO);
    assert_string_equal(err.msg, "the file name is empty");
    assert_int_equal(fb_file_replace(TOP, "x", 1, &err), FB_EIO);
    assert_string_equal(err.msg, "'" TOP "' exists and is not a regular file");
    assert_int_equal(fb_file_replace(TOP "/f", "x", 1, &err), FB_OK);
    assert_int_equal(fb_file_replace(TOP "/f/g", "x", 1, &err), FB_EIO);
    assert_string_equal(err.msg, "'" TOP "/f' is not a folder");
}

static void test_offset_beyond_the_largest_file_is_refused(void **state) {
    struct fb_err err = {0};
    struct fb_file file;

    (void)state;
    assert_int_equal(fb_file_create(&file, TOP "/a", &err), FB_OK);
    assert_int_equal(fb_file_write(&file, UINT64_MAX, "x", 1, &err), FB_EIO);
    assert_string_equal(err.msg, "offset beyond the largest file");
    fb_file_abandon(&file);
}

static void test_folders_are_made_with_their_parents(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_make_dirs(TOP "/x/y//z/", &err), FB_OK);
    assert_int_equal(fb_make_dirs(TOP "/x/y", &err), FB_OK);
    assert_true(fb_is_dir(TOP "/x/y/z"));
    assert_int_equal(fb_file_replace(TOP "/p/q/r", "deep", 4, &err), FB_OK);
    assert_content(TOP "/p/q/r", "deep");
}

static void test_probe_changes_nothing(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_file_probe(TOP "/new/file", &err), FB_OK);
    assert_int_equal(entries(TOP "/new"), 0);
    assert_int_equal(fb_file_replace(TOP "/a", "old", 3, &err), FB_OK);
    assert_int_equal(fb_file_probe(TOP "/a", &err), FB_OK);
    assert_content(TOP "/a", "old");
    assert_int_equal(fb_file_probe(TOP "/a/b", &err), FB_EIO);
}

static void test_copies_are_exact(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_file_replace(TOP "/a", "bytes", 5, &err), FB_OK);
    assert_int_equal(fb_file_copy(TOP "/a", TOP "/b", &err), FB_OK);
    assert_content(TOP "/b", "bytes");
    assert_int_equal(fb_file_copy("embedded:config/method/dummy.yaml", TOP "/c", &err), FB_OK);
    assert_int_equal(fb_file_copy(TOP "/none", TOP "/d", &err), FB_ENOTFOUND);
    assert_string_equal(err.msg, "'" TOP "/none': cannot open: No such file or directory");
    assert_false(fb_is_file(TOP "/d"));
}

static void assert_path(char *path, const char *expected) {
    assert_string_equal(path, expected);
    free(path);
}

static void test_paths_are_joined_and_taken_apart(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_path(fb_path_join("a", "b", &err), "a/b");
    assert_path(fb_path_join("a/", "b", &err), "a/b");
    assert_path(fb_path_join("", "b", &err), "b");
    assert_path(fb_path_join(NULL, "b", &err), "b");
    assert_path(fb_path_join("a", "/b", &err), "/b");
    assert_path(fb_path_join("a", "embedded:b", &err), "embedded:b");
    assert_path(fb_path_join("embedded:a", "b", &err), "embedded:a/b");
    assert_path(fb_path_dir("a/b/c", &err), "a/b");
    assert_path(fb_path_dir("c", &err), "");
    assert_path(fb_path_dir("/c", &err), "/");
    assert_string_equal(fb_path_name("a/b"), "b");
    assert_string_equal(fb_path_name("b"), "b");
    assert_string_equal(fb_path_name("a/"), "");
}

static void test_folders_are_listed_in_order(void **state) {
    struct fb_err err = {0};
    char **names;
    size_t count;

    (void)state;
    for (const char *c = "cbadBA9"; *c; c++) {
        char path[] = TOP "/?";
        path[sizeof path - 2] = *c;
        assert_int_equal(fb_file_replace(path, "", 0, &err), FB_OK);
    }
    assert_int_equal(fb_list_dir(TOP, &names, &count, &err), FB_OK);
    assert_int_equal(count, 7);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(names[i][0], "9ABabcd"[i]);
    fb_list_free(names, count);
    assert_int_equal(fb_list_dir(TOP "/none", &names, &count, &err), FB_ENOTFOUND);
    assert_string_equal(err.msg, "'" TOP "/none': cannot list: No such file or directory");
    assert_null(names);
}

static void test_embedded_folders_are_listed(void **state) {
    struct fb_err err = {0};
    char **names;
    size_t count;
    int found = 0;

    (void)state;
    assert_int_equal(fb_list_dir("embedded:config", &names, &count, &err), FB_OK);
    for (size_t i = 0; i < count; i++) {
        found += !strcmp(names[i], "method");
        if (i) assert_true(strcmp(names[i - 1], names[i]) < 0);
    }
    assert_int_equal(found, 1);
    fb_list_free(names, count);
    assert_int_equal(fb_list_dir("embedded:none", &names, &count, &err), FB_ENOTFOUND);
    assert_string_equal(err.msg, "'embedded:none': no such folder in the binary");
}

static int write_and_list(void *arg) {
    struct fb_err err = {0};
    char **names = NULL;
    size_t count = 0;
    int rc = fb_file_replace(arg, "x", 1, &err);

    if (!rc) rc = fb_list_dir(TOP, &names, &count, &err);
    fb_list_free(names, count);
    return rc;
}

static void test_memory_failure_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(write_and_list, TOP "/a", 30) >= 6);
    assert_int_equal(entries(TOP), 1);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_replacement_appears_only_when_committed),
        TEST(test_abandoned_replacement_leaves_the_old_file_alone),
        TEST(test_mode_follows_the_umask),
        TEST(test_what_cannot_be_a_file_is_refused),
        TEST(test_offset_beyond_the_largest_file_is_refused),
        TEST(test_folders_are_made_with_their_parents),
        TEST(test_probe_changes_nothing),
        TEST(test_copies_are_exact),
        TEST(test_paths_are_joined_and_taken_apart),
        TEST(test_folders_are_listed_in_order),
        TEST(test_embedded_folders_are_listed),
        TEST(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
