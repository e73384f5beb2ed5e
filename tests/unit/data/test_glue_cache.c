#include "data/glue_cache.h"

#include "alloc_faults.h"
#include "base/file.h"
#include "scratch.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const stems[] = {"validation", "dev", NULL};
static char folder[512];

static int make(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s", scratch_make());
    return 0;
}

static int drop(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

/* Finds `expected` (relative; NULL: nothing) among `parts` files. */
static void check(const char *expected, size_t parts) {
    struct fb_err err = {0};
    size_t count;
    char **paths;

    assert_int_equal(fb_glue_cache_find(&paths, &count, folder, "rte", stems, &err), FB_OK);
    assert_int_equal(count, parts);
    if (expected) assert_string_equal(paths[0], scratch_path(expected));
    fb_list_free(paths, count);
}

static void test_the_highest_version_and_last_fingerprint_win(void **state) {
    (void)state;
    check(NULL, 0);
    scratch_write("glue/rte/9.0.0/ff/glue-validation.arrow", "");
    check("glue/rte/9.0.0/ff/glue-validation.arrow", 1);
    scratch_write("nyu-mll___glue/rte/2.0.0/glue-validation.arrow", "");
    check("nyu-mll___glue/rte/2.0.0/glue-validation.arrow", 1);
    scratch_write("nyu-mll___glue/rte/2.0.0/aa/glue-validation.arrow", "");
    scratch_write("nyu-mll___glue/rte/2.0.0/bb/glue-validation.arrow", "");
    scratch_write("nyu-mll___glue/rte/2.0.0/cc.incomplete/glue-validation.arrow", "");
    scratch_write("nyu-mll___glue/rte/2.0.0/dd/glue-train.arrow", "");
    check("nyu-mll___glue/rte/2.0.0/bb/glue-validation.arrow", 1);
    scratch_write("nyu-mll___glue/rte/10.0.0/aa/glue-validation.arrow", "");
    check("nyu-mll___glue/rte/10.0.0/aa/glue-validation.arrow", 1);
}

static void test_a_set_must_be_complete(void **state) {
    (void)state;
    scratch_write("glue/rte/1.0.0/aa/glue-validation.arrow", "");
    scratch_write("glue/rte/1.0.0/bb/glue-validation-00000-of-00002.arrow", "");
    check("glue/rte/1.0.0/aa/glue-validation.arrow", 1);
    scratch_write("glue/rte/1.0.0/bb/glue-validation-00001-of-00002.arrow", "");
    check("glue/rte/1.0.0/bb/glue-validation-00000-of-00002.arrow", 2);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    size_t count;
    char **paths;
    int rc = fb_glue_cache_find(&paths, &count, arg, "rte", stems, &err);

    fb_list_free(paths, count);
    return rc;
}

static void test_survives_every_allocation_failure(void **state) {
    (void)state;
    scratch_write("glue/rte/1.0.0/aa/glue-validation-00000-of-00002.arrow", "");
    scratch_write("glue/rte/1.0.0/aa/glue-validation-00001-of-00002.arrow", "");
    scratch_write("glue/rte/1.0.0/bb/glue-validation-00000-of-00002.arrow", "");
    assert_true(for_each_allocation_failure(attempt, folder, 500) > 10);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_the_highest_version_and_last_fingerprint_win),
        SCRATCH_TEST(test_a_set_must_be_complete),
        SCRATCH_TEST(test_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
