#include "hub/companions.h"

#include "alloc_faults.h"
#include "base/file.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_tokenizer_files_are_copied_and_nothing_else(void **state) {
    char from[500], to[520];
    struct fb_err err = {0};
    char **names;
    size_t count;
    bool there;

    (void)state;
    snprintf(from, sizeof from, "%s/from", scratch_make());
    snprintf(to, sizeof to, "%s/../to", from);
    scratch_write("from/config.json", "{}");
    scratch_write("to/config.json", "{\"n\": 1}");
    assert_int_equal(fb_companions_there(from, &there, &err), FB_OK);
    assert_false(there);
    scratch_write("from/vocab.json", "{\"a\": 0}");
    scratch_write("from/spiece.model", "x");
    assert_int_equal(fb_companions_there(from, &there, &err), FB_OK);
    assert_true(there);
    assert_int_equal(fb_companions_copy(from, to, &err), FB_OK);
    assert_int_equal(fb_list_dir(to, &names, &count, &err), FB_OK);
    assert_int_equal(count, 3);
    assert_string_equal(names[1], "spiece.model");
    assert_string_equal(names[2], "vocab.json");
    fb_list_free(names, count);
    scratch_remove();
}

static int copy(void *folder) {
    struct fb_err err = {0};

    return fb_companions_copy("embedded:demo/gpt2/tokenizer", folder, &err);
}

static void test_running_out_of_memory_is_reported(void **state) {
    char to[500];

    (void)state;
    snprintf(to, sizeof to, "%s", scratch_make());
    assert_true(for_each_allocation_failure(copy, to, 300) > 5);
    scratch_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokenizer_files_are_copied_and_nothing_else),
        cmocka_unit_test(test_running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
