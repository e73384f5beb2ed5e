#include "base/names.h"

#include "alloc_faults.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_names_keep_the_order_of_insertion(void **state) {
    struct fb_names names = {0};
    struct fb_err err = {0};
    int added;

    (void)state;
    assert_int_equal(fb_names_find(&names, "a"), -1);
    assert_int_equal(fb_names_add(&names, "b", &added, &err), 0);
    assert_int_equal(added, 1);
    assert_int_equal(fb_names_add(&names, "a", NULL, &err), 1);
    assert_int_equal(fb_names_add(&names, "b", &added, &err), 0);
    assert_int_equal(added, 0);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.name[0], "b");
    assert_int_equal(fb_names_find(&names, "a"), 1);
    assert_int_equal(fb_names_find(&names, ""), -1);
    fb_names_free(&names);
    assert_int_equal(fb_names_find(&names, "a"), -1);
}

static void test_thousands_of_names_are_found_again(void **state) {
    struct fb_names names = {0};
    struct fb_err err = {0};
    char name[16];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "n%d", i * 7);
        assert_int_equal(fb_names_add(&names, name, NULL, &err), i);
    }
    for (int i = 0; i < 35000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(fb_names_find(&names, name), i % 7 ? -1 : i / 7);
    }
    fb_names_free(&names);
}

static int add_many(void *arg) {
    struct fb_names names = {0};
    struct fb_err err = {0};
    char name[16];
    int rc = FB_OK;

    (void)arg;
    for (int i = 0; i < 70 && !rc; i++) {
        int64_t at;
        snprintf(name, sizeof name, "%d", i);
        at = fb_names_add(&names, name, NULL, &err);
        if (at < 0) rc = (int)at;
        else if (fb_names_find(&names, name) != i) rc = FB_EMISMATCH;
    }
    /* What was added before the failure is still found. */
    for (int64_t i = 0; i < names.count && rc != FB_EMISMATCH; i++)
        if (fb_names_find(&names, names.name[i]) != i) rc = FB_EMISMATCH;
    fb_names_free(&names);
    return rc;
}

static void test_memory_failure_is_reported(void **state) {
    (void)state;
    assert_int_equal(for_each_allocation_failure(add_many, NULL, 200), 70 + 3 * 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_keep_the_order_of_insertion),
        cmocka_unit_test(test_thousands_of_names_are_found_again),
        cmocka_unit_test(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
