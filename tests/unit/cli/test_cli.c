#include "cli/command.h"

#include "base/str.h"
#include "cli/captured.h"

static struct captured c;

static void test_without_arguments_there_is_an_introduction(void **state) {
    (void)state;
    captured_run(&c, (const char *const[]){NULL}, NULL);
    assert_int_equal(c.status, 0);
    assert_true(fb_starts_with(c.out, "fusion_bench " FB_VERSION " - merge, ensemble and"));
    assert_non_null(strstr(c.out, "\n    fusion_bench method=task_arithmetic modelpool=gpt-2_demo "
                                  "taskpool=gpt-2_demo\n"));
    assert_string_equal(c.err, "");
}

static void test_an_unknown_command_is_a_wrong_command_line(void **state) {
    static const char beginning[] =
        "fusion_bench: no command 'tokenise' (did you mean 'tokenize'?) (there are ";

    (void)state;
    captured_run(&c, WORDS("tokenise"), NULL);
    assert_int_equal(c.status, 2);
    assert_string_equal(c.out, "");
    assert_true(fb_starts_with(c.err, beginning));
    assert_true(fb_ends_with(c.err, ", dataset, train)\n"));
    for (int i = 0; fb_commands[i]; i++)
        assert_non_null(strstr(c.err + strlen(beginning), fb_commands[i]->name));
}

static void test_every_command_has_a_help(void **state) {
    char usage[128];

    (void)state;
    for (int i = 0; fb_commands[i]; i++) {
        captured_run(&c, WORDS(fb_commands[i]->name, "--help"), NULL);
        assert_int_equal(c.status, 0);
        snprintf(usage, sizeof usage, "usage: fusion_bench %s ", fb_commands[i]->name);
        assert_true(fb_starts_with(c.out, usage));
        assert_non_null(strstr(c.out, fb_commands[i]->summary));
        for (const struct fb_opt *o = fb_commands[i]->opts; o && o->key; o++)
            assert_non_null(strstr(strstr(c.out, "\noptions:\n"), o->help));
        assert_string_equal(c.err, "");
    }
}

static void test_help_behind_two_dashes_is_an_argument(void **state) {
    (void)state;
    captured_run(&c, WORDS("inspect", "--", "--help"), NULL);
    assert_int_equal(c.status, 1);
    assert_string_equal(c.out, "");
    assert_non_null(strstr(c.err, "--help"));
}

/* 2: the command line is wrong; 1: the run failed. */
static void test_the_status_says_who_is_to_blame(void **state) {
    (void)state;
    captured_run(&c, WORDS("list", "--nope"), NULL);
    assert_int_equal(c.status, 2);
    assert_true(fb_starts_with(c.err, "fusion_bench: list: "));
    captured_run(&c, WORDS("--nope"), NULL);
    assert_int_equal(c.status, 2);
    captured_run(&c, WORDS("--config-path", "embedded:config", "nope=1"), NULL);
    assert_int_equal(c.status, 1);
    assert_true(fb_starts_with(c.err, "fusion_bench: could not override 'nope': the configuration "
                                      "has no key 'nope'"));
    captured_run(&c, WORDS("--version"), NULL);
    assert_int_equal(c.status, 0);
    assert_string_equal(c.out, "fusion_bench " FB_VERSION "\n");
}

static void test_a_command_may_have_a_status_of_its_own(void **state) {
    (void)state;
    captured_run(&c, WORDS("diff", "embedded:demo/gpt2/cola", "embedded:demo/gpt2/cola"), NULL);
    assert_int_equal(c.status, 0);
    captured_run(&c, WORDS("diff", "embedded:demo/gpt2/cola", "embedded:demo/gpt2/sst2"), NULL);
    assert_int_equal(c.status, 1);
    assert_string_equal(c.err, "");
}

static void test_a_full_disk_is_noticed(void **state) {
    (void)state;
    if (access("/dev/full", W_OK)) skip();
    captured_run(&c, WORDS("--version"), "/dev/full");
    assert_int_equal(c.status, 1);
    assert_string_equal(c.err, "fusion_bench: cannot write to standard output\n");
    clearerr(stdout);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_arguments_there_is_an_introduction),
        cmocka_unit_test(test_an_unknown_command_is_a_wrong_command_line),
        cmocka_unit_test(test_every_command_has_a_help),
        cmocka_unit_test(test_help_behind_two_dashes_is_an_argument),
        cmocka_unit_test(test_the_status_says_who_is_to_blame),
        cmocka_unit_test(test_a_command_may_have_a_status_of_its_own),
        cmocka_unit_test(test_a_full_disk_is_noticed),
    };

    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
