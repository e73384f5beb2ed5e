#include "cli/hydra_flags.h"

#include "alloc_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_flags_may_stand_anywhere(void **state) {
    char *argv[] = {"a=1", "-mq", "--config-n", "root", "b=2", "-cd", "/x", "-cd=/y", "--", "-z=1"};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_flags f;

    (void)state;
    assert_int_equal(fb_flags_read(&f, 10, argv, &a, &err), FB_OK);
    assert_int_equal(f.show, FB_SHOW_NOTHING);
    assert_int_equal(f.verbosity, 0);
    assert_true(f.request.multirun);
    assert_string_equal(f.request.config_name, "root");
    assert_int_equal(f.request.config_dir_count, 2);
    assert_string_equal(f.request.config_dirs[1], "/y");
    assert_int_equal(f.request.override_count, 3);
    assert_string_equal(f.request.overrides[2], "-z=1");
    fb_arena_free(&a);
}

static void test_fast_dev_run_is_an_override(void **state) {
    char *argv[] = {"--fast_dev_run"};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_flags f;

    (void)state;
    assert_int_equal(fb_flags_read(&f, 1, argv, &a, &err), FB_OK);
    assert_string_equal(f.request.overrides[0], "fast_dev_run=true");
    fb_arena_free(&a);
}

static void expect_refusal(const char *first, const char *second, const char *message) {
    char words[2][64], *argv[] = {words[0], words[1]};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_flags f;

    strcpy(words[0], first);
    if (second) strcpy(words[1], second);
    assert_int_equal(fb_flags_read(&f, second ? 2 : 1, argv, &a, &err), FB_EUSAGE);
    assert_string_equal(err.msg, message);
    fb_arena_free(&a);
}

static void test_wrong_flags_are_usage_errors(void **state) {
    (void)state;
    expect_refusal("--cfg", "jo", "--cfg: invalid choice 'jo' (choose from job|hydra|all)");
    expect_refusal("--cfg", NULL, "--cfg expects an argument: --cfg job|hydra|all");
    expect_refusal("--conf", "x",
                   "flag '--conf' could be --config-path, --config-name, --config-dir");
    expect_refusal("-m", "-cjob", "only one of --run, --multirun, --cfg and --info can be given");
    expect_refusal("--resolve", NULL, "--resolve is for --cfg: add --cfg job");
    expect_refusal("--help=1", NULL, "--help takes no argument, found '1'");
    expect_refusal(
        "--multirn", NULL,
        "unknown flag '--multirn' (did you mean '--multirun'?); options are written key=value");
}

static int read_all(void *arg) {
    char *argv[] = {"a=1", "--cfg", "job", "-cd", "/x"};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_flags f;
    int rc = fb_flags_read(&f, 5, argv, &a, &err);

    (void)arg;
    fb_arena_free(&a);
    return rc;
}

static void test_every_failed_allocation_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(read_all, NULL, 100) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_may_stand_anywhere),
        cmocka_unit_test(test_fast_dev_run_is_an_override),
        cmocka_unit_test(test_wrong_flags_are_usage_errors),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
