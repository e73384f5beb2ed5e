#include "config/compose.h"

#include "alloc_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int expand(struct fb_jobs *jobs, const char *const *overrides, int64_t count,
                  struct fb_arena *a, struct fb_err *err) {
    struct fb_compose_request request = {.config_path = FB_GOLDEN_DIR "/compose/trees/basic",
                                         .config_name = "config",
                                         .multirun = true};

    request.overrides = overrides;
    request.override_count = count;
    return fb_multirun_expand(jobs, &request, a, err);
}

static void test_the_last_sweep_varies_fastest(void **state) {
    const char *const overrides[] = {"a=1,2", "b=x", "c='p,q',r"};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_jobs jobs;

    (void)state;
    assert_int_equal(expand(&jobs, overrides, 3, &a, &err), FB_OK);
    assert_int_equal(jobs.jobs, 4);
    assert_string_equal(jobs.job[0][0], "a=1");
    assert_string_equal(jobs.job[0][2], "c='p,q'");
    assert_string_equal(jobs.job[1][0], "a=1");
    assert_string_equal(jobs.job[1][2], "c=r");
    assert_string_equal(jobs.job[2][0], "a=2");
    assert_string_equal(jobs.job[3][1], "b=x");
    fb_arena_free(&a);
}

static void test_a_glob_sweeps_over_the_options_of_its_group(void **state) {
    const char *const overrides[] = {"db=glob(*,exclude=my*)"}, *const none[] = {"db=glob(z*)"};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_jobs jobs;

    (void)state;
    assert_int_equal(expand(&jobs, overrides, 1, &a, &err), FB_OK);
    assert_int_equal(jobs.jobs, 1);
    assert_string_equal(jobs.job[0][0], "db=postgres");
    assert_int_equal(expand(&jobs, none, 1, &a, &err), FB_ECONFIG);
    assert_string_equal(err.msg, "override 'db=glob(z*)': no option of group 'db' matches");
    fb_arena_free(&a);
}

static void test_the_number_of_jobs_is_bounded(void **state) {
    const char *const overrides[] = {"a=range(1000)", "b=range(1000)"};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_jobs jobs;

    (void)state;
    assert_int_equal(expand(&jobs, overrides, 2, &a, &err), FB_ECONFIG);
    assert_string_equal(err.msg, "the sweep has more than 100000 jobs");
    fb_arena_free(&a);
}

static int expand_all(void *arg) {
    const char *const overrides[] = {"a=1,2", "db=glob(*)", "c=range(0,1,0.5)", "+d='x y',[1]"};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_jobs jobs;
    int rc = expand(&jobs, overrides, 4, &a, &err);

    (void)arg;
    fb_arena_free(&a);
    return rc;
}

static void test_every_failed_allocation_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(expand_all, NULL, 5000) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_sweep_varies_fastest),
        cmocka_unit_test(test_a_glob_sweeps_over_the_options_of_its_group),
        cmocka_unit_test(test_the_number_of_jobs_is_bounded),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
