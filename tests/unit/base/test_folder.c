#include "base/folder.h"

#include "alloc_faults.h"
#include "base/file.h"
#include "base/map.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put(const char *folder, const char *name, const char *text) {
    struct fb_err err = {0};
    char path[600];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(fb_file_replace(path, text, strlen(text), &err), FB_OK);
}

static void assert_holds(const char *folder, const char *only) {
    struct fb_err err = {0};
    char **names;
    size_t count;

    assert_int_equal(fb_list_dir(folder, &names, &count, &err), FB_OK);
    assert_int_equal(count, 1);
    assert_string_equal(names[0], only);
    fb_list_free(names, count);
}

static void test_slashes_at_the_end_mean_nothing(void **state) {
    struct fb_folder f;
    struct fb_err err = {0};
    char path[500];

    (void)state;
    snprintf(path, sizeof path, "%s/out//", scratch_make());
    assert_int_equal(fb_folder_begin(&f, path, &err), FB_OK);
    assert_true(strstr(f.partial, "/out.partial") != NULL);
    put(f.partial, "x", "x");
    assert_int_equal(fb_folder_commit(&f, &err), FB_OK);
    assert_holds(path, "x");
    scratch_remove();
}

static void test_a_folder_takes_the_place_of_the_old_one(void **state) {
    struct fb_folder f;
    struct fb_err err = {0};
    char path[500], partial[520];

    (void)state;
    snprintf(path, sizeof path, "%s/out/last", scratch_make());
    snprintf(partial, sizeof partial, "%s.partial", path);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(fb_folder_begin(&f, path, &err), FB_OK);
        put(f.partial, round ? "second" : "first", "x");
        assert_int_equal(fb_is_dir(path), round);
        assert_int_equal(fb_folder_commit(&f, &err), FB_OK);
        assert_holds(path, round ? "second" : "first");
        assert_false(fb_is_dir(partial));
    }
    scratch_remove();
}

static void test_an_abandoned_folder_leaves_the_old_one(void **state) {
    struct fb_folder f;
    struct fb_err err = {0};
    char path[500], partial[520];

    (void)state;
    snprintf(path, sizeof path, "%s/last", scratch_make());
    snprintf(partial, sizeof partial, "%s.partial", path);
    put(path, "first", "x");
    put(partial, "left by an earlier program", "x");
    assert_int_equal(fb_folder_begin(&f, path, &err), FB_OK);
    put(f.partial, "second", "x");
    assert_holds(partial, "second");
    fb_folder_abandon(&f);
    fb_folder_abandon(&f);
    assert_false(fb_is_dir(partial));
    assert_holds(path, "first");
    scratch_remove();
}

static void test_a_folder_with_folders_in_it_is_left_alone(void **state) {
    struct fb_folder f;
    struct fb_err err = {0};
    char path[500], partial[520], want[1100];

    (void)state;
    snprintf(path, sizeof path, "%s/last", scratch_make());
    snprintf(partial, sizeof partial, "%s.partial", path);
    put(partial, "a file", "x");
    put(partial, "deep/file", "x");
    assert_int_equal(fb_folder_begin(&f, path, &err), FB_EIO);
    snprintf(want, sizeof want, "'%s/deep' is a folder and is not removed", partial);
    assert_string_equal(err.msg, want);
    snprintf(want, sizeof want, "%s/a file", partial);
    assert_true(fb_is_file(want));
    assert_int_equal(fb_folder_remove(path, &err), FB_OK);
    scratch_remove();
}

static int begin(void *path) {
    struct fb_folder f;
    struct fb_err err = {0};
    int rc = fb_folder_begin(&f, path, &err);

    if (!rc) rc = fb_folder_commit(&f, &err);
    return rc;
}

static void test_running_out_of_memory_is_reported(void **state) {
    char path[500];

    (void)state;
    snprintf(path, sizeof path, "%s/last", scratch_make());
    assert_true(for_each_allocation_failure(begin, path, 100) > 2);
    scratch_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slashes_at_the_end_mean_nothing),
        cmocka_unit_test(test_a_folder_takes_the_place_of_the_old_one),
        cmocka_unit_test(test_an_abandoned_folder_leaves_the_old_one),
        cmocka_unit_test(test_a_folder_with_folders_in_it_is_left_alone),
        cmocka_unit_test(test_running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
