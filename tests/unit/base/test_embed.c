#include "base/embed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_table_is_sorted(void **state) {
    (void)state;
    for (const struct fb_embedded_file *f = fb_embedded; f->path && f[1].path; f++)
        assert_true(strcmp(f->path, f[1].path) < 0);
}

static void test_files_are_found_by_path(void **state) {
    (void)state;
    for (const struct fb_embedded_file *f = fb_embedded; f->path; f++) {
        assert_ptr_equal(fb_embedded_find(f->path), f);
        assert_int_equal((uintptr_t)f->data % 64, 0);
    }
    assert_non_null(fb_embedded_find("config/method/dummy.yaml"));
    assert_null(fb_embedded_find("config/method/dummy.yam"));
    assert_null(fb_embedded_find("config/method"));
    assert_null(fb_embedded_find(""));
}

static void test_content_is_that_of_the_source_tree(void **state) {
    const struct fb_embedded_file *file = fb_embedded_find("config/method/dummy.yaml");
    FILE *f = fopen(FB_SOURCE_DIR "/config/method/dummy.yaml", "rb");
    char bytes[4096];

    (void)state;
    assert_int_equal(fread(bytes, 1, sizeof bytes, f), file->size);
    assert_memory_equal(bytes, file->data, file->size);
    fclose(f);
}

static void test_folders_are_prefixes_that_end_at_a_slash(void **state) {
    (void)state;
    assert_true(fb_embedded_is_dir("config"));
    assert_true(fb_embedded_is_dir("config/method"));
    assert_false(fb_embedded_is_dir("config/meth"));
    assert_false(fb_embedded_is_dir("config/method/dummy.yaml"));
    assert_false(fb_embedded_is_dir(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_sorted),
        cmocka_unit_test(test_files_are_found_by_path),
        cmocka_unit_test(test_content_is_that_of_the_source_tree),
        cmocka_unit_test(test_folders_are_prefixes_that_end_at_a_slash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
