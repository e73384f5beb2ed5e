/* Runs on the demo pool with the dummy task pool, which looks only at names and shapes. */
#include "cli/job.h"

#include "base/str.h"
#include "cli/captured.h"
#include "config/compose.h"
#include "config/interp.h"

static char out_file[1024];

static int make_folder(void **state) {
    (void)state;
    scratch_make();
    snprintf(out_file, sizeof out_file, "%s", scratch_path("stdout"));
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

/* The shipped configuration with the words, run with `folder`; the report on stdout is put away. */
static int run(const char *folder, struct fb_err *err, const char *const *words) {
    struct fb_compose_request request = {.config_path = "embedded:config", .overrides = words};
    struct fb_arena a = {0};
    struct fb_log log = {.level = 0};
    struct fb_cli cli = {.log = &log, .arena = &a};
    struct fb_interp in = {.arena = &a, .keep_missing = true};
    struct fb_composed c;
    struct fb_node *config;
    int kept, rc;

    memset(err, 0, sizeof *err);
    while (words[request.override_count])
        request.override_count++;
    if (fb_compose(&c, &request, &a, err)) fail_msg("%s", err->msg);
    in.hydra = fb_node_get(c.all, "hydra");
    if (!(config = fb_interp_resolved(&in, c.job, err))) fail_msg("%s", err->msg);
    fflush(stdout);
    kept = redirect(1, out_file);
    rc = fb_job_run(config, c.job, folder, &cli, err);
    fflush(stdout);
    restore(1, kept);
    fb_arena_free(&a);
    return rc;
}

/* A folder of the scratch folder that is not there yet, and a file in it. */
static const char *fresh(char text[1024], const char *name) {
    snprintf(text, 1024, "%s", scratch_path(name));
    return text;
}

static bool has(const char *folder, const char *name) {
    char path[2048];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return !access(path, F_OK);
}

static void test_the_run_folder_holds_configuration_record_and_report(void **state) {
    char folder[1024], text[1 << 16], path[2048];
    struct fb_err err;

    (void)state;
    fresh(folder, "plain");
    assert_int_equal(run(folder, &err, WORDS("method=simple_average")), FB_OK);
    assert_true(has(folder, "run.json") && has(folder, "program_report.json"));
    snprintf(path, sizeof path, "%s/config.yaml", folder);
    slurp(text, sizeof text, path);
    assert_non_null(strstr(text, "report_save_path: '{log_dir}/program_report.json'\n"));
    assert_non_null(strstr(text, "\nmethod:\n  _target_: "));
    slurp(text, sizeof text, out_file);
    assert_non_null(strstr(text, "all_params"));
}

static void test_the_older_name_of_the_report_wins(void **state) {
    char folder[1024], mine[2048];
    struct fb_err err;

    (void)state;
    fresh(folder, "older");
    snprintf(mine, sizeof mine, "save_report=%s", scratch_path("mine.json"));
    assert_int_equal(run(folder, &err, WORDS("method=simple_average", mine)), FB_OK);
    assert_int_equal(access(scratch_path("mine.json"), F_OK), 0);
    assert_false(has(folder, "program_report.json"));
    assert_int_equal(
        run(folder, &err, WORDS("method=simple_average", "save_report='{log_dir}/in/r.json'")),
        FB_OK);
    assert_true(has(folder, "in/r.json"));
}

static void test_a_report_can_be_left_out(void **state) {
    static const char *const values[] = {"report_save_path=false", "report_save_path=null",
                                         "report_save_path=''"};
    char folder[1024];
    struct fb_err err;

    (void)state;
    fresh(folder, "silent");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_int_equal(run(folder, &err, WORDS("method=simple_average", values[i])), FB_OK);
        assert_true(has(folder, "config.yaml"));
        assert_false(has(folder, "program_report.json"));
    }
}

static void test_log_dir_moves_the_run_folder(void **state) {
    char folder[1024], other[1024], word[2048];
    struct fb_err err;

    (void)state;
    fresh(folder, "hydra");
    fresh(other, "elsewhere");
    snprintf(word, sizeof word, "log_dir=%s", other);
    assert_int_equal(run(folder, &err, WORDS("method=simple_average", word)), FB_OK);
    assert_true(has(other, "program_report.json") && has(other, "run.json"));
    assert_int_not_equal(access(folder, F_OK), 0);
}

static void test_without_a_task_pool_the_model_is_only_saved(void **state) {
    char folder[1024];
    struct fb_err err;

    (void)state;
    fresh(folder, "saved");
    assert_int_equal(run(folder, &err,
                         WORDS("method=simple_average", "taskpool=null",
                               "merged_model_save_path='{log_dir}/model'")),
                     FB_OK);
    assert_true(has(folder, "model/model.safetensors") && has(folder, "model/config.json"));
    assert_false(has(folder, "program_report.json"));
}

static void test_a_dry_run_writes_nothing(void **state) {
    char folder[1024], text[256];
    struct fb_err err;

    (void)state;
    fresh(folder, "dry");
    assert_int_equal(run(folder, &err, WORDS("method=simple_average", "dry_run=true")), FB_OK);
    assert_false(has(folder, "run.json") || has(folder, "program_report.json"));
    slurp(text, sizeof text, out_file);
    assert_string_equal(text, "");
}

static void assert_refused(const char *folder, const char *const *words, const char *message) {
    struct fb_err err;

    if (!run(folder, &err, words)) fail_msg("accepted: %s", words[0]);
    assert_string_equal(err.msg, message);
}

static void test_wrong_settings_are_refused_before_anything_is_read(void **state) {
    (void)state;
    assert_refused(NULL, WORDS("method=simple_average"),
                   "'{log_dir}/program_report.json': this run has no folder for {log_dir}");
    assert_refused("x", WORDS("threads=0"), "threads: expects null or an integer from 1 to 1024");
    assert_refused("x", WORDS("report_save_path=5"),
                   "report_save_path: expects a file name, null or false");
    assert_refused("x", WORDS("~method"),
                   "the configuration has no method; choose one with method=NAME (fusion_bench "
                   "list)");
    assert_refused("x", WORDS("method={}", "~method._target_"),
                   "method: needs a key '_target_' or 'name' that is a string, found none");
    assert_refused("x", WORDS("predictions_save_path=p.jsonl", "report_save_path=null"),
                   "predictions_save_path: this run makes no predictions");
}

static void test_a_report_that_cannot_be_written_is_noticed_first(void **state) {
    char word[2048], message[4096];
    struct fb_err err;

    (void)state;
    snprintf(word, sizeof word, "report_save_path=%s/in/r.json", scratch_write("blocked", "x"));
    assert_true(run("x", &err, WORDS("method=simple_average", word)) < 0);
    snprintf(message, sizeof message, "report_save_path: ");
    assert_true(fb_starts_with(err.msg, message));
    assert_non_null(strstr(err.msg, "/blocked"));
    slurp(message, sizeof message, out_file);
    assert_string_equal(message, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_run_folder_holds_configuration_record_and_report),
        cmocka_unit_test(test_the_older_name_of_the_report_wins),
        cmocka_unit_test(test_a_report_can_be_left_out),
        cmocka_unit_test(test_log_dir_moves_the_run_folder),
        cmocka_unit_test(test_without_a_task_pool_the_model_is_only_saved),
        cmocka_unit_test(test_a_dry_run_writes_nothing),
        cmocka_unit_test(test_wrong_settings_are_refused_before_anything_is_read),
        cmocka_unit_test(test_a_report_that_cannot_be_written_is_noticed_first),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
