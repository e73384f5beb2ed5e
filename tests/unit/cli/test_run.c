#include "cli/run.h"

#include "base/str.h"
#include "cli/captured.h"
#include "config/yaml.h"

static struct captured c;

/* "key=<scratch folder>/name" in one of two buffers. */
static const char *setting(const char *key, const char *name) {
    static char text[2][2048];
    static int turn;

    turn = !turn;
    snprintf(text[turn], sizeof text[0], "%s=%s", key, scratch_path(name));
    return text[turn];
}

/* A text of the configuration that a run left in its folder; valid until the next call. */
static const char *left(const char *folder, const char *key) {
    static char found[256];
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *node;
    char path[512];

    snprintf(path, sizeof path, "%s/config.yaml", folder);
    if (fb_yaml_load(&node, NULL, &a, scratch_path(path), &err)) fail_msg("%s", err.msg);
    assert_non_null(node = fb_node_at(node, key));
    snprintf(found, sizeof found, "%s", node->text);
    fb_arena_free(&a);
    return found;
}

static void test_a_run_leaves_its_record_in_hydras_folder(void **state) {
    (void)state;
    captured_run(&c,
                 WORDS("-q", "--config-path", "embedded:config", "method=simple_average",
                       setting("hydra.run.dir", "one")),
                 NULL);
    assert_int_equal(c.status, 0);
    assert_string_equal(c.err, "");
    assert_non_null(strstr(c.out, "all_params"));
    assert_string_equal(left("one", "method._target_"),
                        "fusion_bench.method.SimpleAverageAlgorithm");
    assert_int_equal(access(scratch_path("one/program_report.json"), F_OK), 0);
    assert_int_equal(access(scratch_path("one/run.json"), F_OK), 0);
}

static void test_interpolations_are_resolved_in_what_is_left(void **state) {
    (void)state;
    captured_run(&c,
                 WORDS("-q", "--config-path", "embedded:config", "method=simple_average",
                       setting("path.log_dir", "resolved"), "predictions_save_path=null",
                       "++method.note='${path.log_dir}/x'"),
                 NULL);
    /* The method has no such option: the whole configuration is checked before the run. */
    assert_int_equal(c.status, 1);
    assert_true(fb_starts_with(c.err, "fusion_bench: method "));
    captured_run(&c,
                 WORDS("-q", "--config-path", "embedded:config", "method=simple_average",
                       setting("path.log_dir", "resolved"), "+note='${path.log_dir}/x'"),
                 NULL);
    assert_int_equal(c.status, 0);
    assert_string_equal(left("resolved", "note"), scratch_path("resolved/x"));
}

static void test_jobs_of_a_multirun_have_folders_in_order(void **state) {
    (void)state;
    captured_run(&c,
                 WORDS("-m", "--config-path", "embedded:config", "print_config=false",
                       "method=task_arithmetic", "method.scaling_factor=0.5,1", "+tag=b,a",
                       setting("hydra.sweep.dir", "many")),
                 NULL);
    assert_int_equal(c.status, 0);
    assert_string_equal(left("many/0", "tag"), "b");
    assert_string_equal(left("many/1", "tag"), "a");
    assert_string_equal(left("many/2", "tag"), "b");
    assert_string_equal(left("many/3", "tag"), "a");
    assert_int_not_equal(access(scratch_path("many/4"), F_OK), 0);
    assert_non_null(strstr(c.err, "job 1 of 4: print_config=false method=task_arithmetic "
                                  "method.scaling_factor=0.5 +tag=b "));
    assert_true(strstr(c.err, "job 2 of 4:") < strstr(c.err, "job 3 of 4:"));
}

static void test_folders_of_jobs_can_be_named(void **state) {
    (void)state;
    captured_run(&c,
                 WORDS("-q", "-m", "--config-path", "embedded:config",
                       "method=simple_average,dummy", setting("hydra.sweep.dir", "named"),
                       "hydra.sweep.subdir='${hydra.job.override_dirname}'"),
                 NULL);
    assert_int_equal(c.status, 0);
    assert_string_equal(left("named/method=simple_average", "method._target_"),
                        "fusion_bench.method.SimpleAverageAlgorithm");
    assert_string_equal(left("named/method=dummy", "method._target_"),
                        "fusion_bench.method.DummyAlgorithm");
}

static void test_the_first_job_that_fails_ends_a_multirun(void **state) {
    (void)state;
    captured_run(&c,
                 WORDS("-q", "-m", "--config-path", "embedded:config", "method=dummy",
                       "threads=1,0,1", setting("hydra.sweep.dir", "failing")),
                 NULL);
    assert_int_equal(c.status, 1);
    assert_string_equal(c.err, "fusion_bench: job 2 of 3: threads: expects null or an integer from "
                               "1 to 1024\n");
    assert_int_equal(access(scratch_path("failing/0/run.json"), F_OK), 0);
    assert_int_not_equal(access(scratch_path("failing/2/run.json"), F_OK), 0);
}

static void test_flags_that_show_run_nothing(void **state) {
    (void)state;
    captured_run(&c,
                 WORDS("--cfg", "job", "-p", "method", "--config-path", "embedded:config",
                       "method=task_arithmetic", setting("hydra.run.dir", "shown")),
                 NULL);
    assert_int_equal(c.status, 0);
    assert_true(fb_starts_with(c.out, "# @package method\n_target_: "));
    assert_int_not_equal(access(scratch_path("shown/run.json"), F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_leaves_its_record_in_hydras_folder),
        cmocka_unit_test(test_interpolations_are_resolved_in_what_is_left),
        cmocka_unit_test(test_jobs_of_a_multirun_have_folders_in_order),
        cmocka_unit_test(test_folders_of_jobs_can_be_named),
        cmocka_unit_test(test_the_first_job_that_fails_ends_a_multirun),
        cmocka_unit_test(test_flags_that_show_run_nothing),
    };

    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
