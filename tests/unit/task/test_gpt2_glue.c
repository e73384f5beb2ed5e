/* The whole run on the demo pool against reports that the reference's own classes made
 * (tools/golden/report.py): accuracies exactly, losses to 1e-5; and that nothing but the result
 * decides the predictions. */
#include "base/file.h"
#include "base/map.h"
#include "cli/command.h"
#include "config/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ARGUMENTS = 24 };

static char folder[] = "/tmp/fb_glue_XXXXXX";
static char report_file[64], predictions_file[64];

/* fusion_bench -q <fixed arguments> <words>; the report and the predictions go to the folder. */
static int run(int n, const char *const *words) {
    char report[96], predictions[96], run_folder[96];
    char *argv[ARGUMENTS + 8] = {"fusion_bench", "-q",        "print_config=false",
                                 report,         predictions, run_folder};

    assert_true(n <= ARGUMENTS);
    snprintf(report, sizeof report, "report_save_path=%s", report_file);
    snprintf(predictions, sizeof predictions, "predictions_save_path=%s", predictions_file);
    snprintf(run_folder, sizeof run_folder, "hydra.run.dir=%s/run", folder);
    for (int i = 0; i < n; i++)
        argv[6 + i] = (char *)(uintptr_t)words[i];
    return fb_cli_main(6 + n, argv);
}

static struct fb_node *load(struct fb_arena *a, const char *path) {
    struct fb_err err = {0};
    struct fb_node *node;

    if (fb_json_load(&node, a, path, &err)) fail_msg("%s: %s", path, err.msg);
    return node;
}

static double number(const struct fb_node *report, const char *path) {
    const struct fb_node *node = fb_node_at(report, path);

    assert_non_null(node);
    return node->value.real;
}

static void compare(const struct fb_node *found, const struct fb_node *expected) {
    assert_int_equal(found->count, expected->count);
    for (int64_t i = 0; i < expected->count; i++) {
        char path[64];
        assert_string_equal(found->key[i].text, expected->key[i].text);
        snprintf(path, sizeof path, "%s.accuracy", expected->key[i].text);
        assert_true(number(found, path) == number(expected, path));
        snprintf(path, sizeof path, "%s.loss", expected->key[i].text);
        assert_true(fabs(number(found, path) - number(expected, path)) < 1e-5);
    }
}

static void test_reports_equal_those_of_the_reference(void **state) {
    struct fb_arena arena = {0};
    struct fb_node *runs = load(&arena, FB_GOLDEN_DIR "/report/runs.json");

    (void)state;
    assert_true(runs->count >= 20);
    for (int64_t r = 0; r < runs->count; r++) {
        const struct fb_node *arguments = fb_node_get(runs->item[r], "arguments");
        const char *words[ARGUMENTS];
        char path[512];
        for (int64_t i = 0; i < arguments->count; i++)
            words[i] = arguments->item[i]->text;
        snprintf(path, sizeof path, FB_GOLDEN_DIR "/report/%s",
                 fb_node_get(runs->item[r], "report")->text);
        print_message("%s\n", fb_path_name(path));
        assert_int_equal(run((int)arguments->count, words), 0);
        compare(load(&arena, report_file), load(&arena, path));
    }
    fb_arena_free(&arena);
}

static const char single[] = "method=task_arithmetic", ensemble[] = "method=weighted_ensemble";

/* The bytes of the predictions file under one more argument. */
static struct fb_map predictions(const char *method, const char *word) {
    const char *option =
        method == single ? "method.scaling_factor=0.5" : "method.weights=[1,2,3,4]";
    const char *const words[] = {method, option, "modelpool=gpt-2_demo", "taskpool=gpt-2_demo",
                                 word};
    struct fb_err err = {0};
    struct fb_map map;

    assert_int_equal(run(5, words), 0);
    assert_int_equal(fb_map_open(&map, predictions_file, &err), FB_OK);
    return map;
}

static void same_bits_however(const char *method) {
    const char *const words[] = {"threads=1",
                                 "threads=2",
                                 "threads=4",
                                 "taskpool.batch_size=1",
                                 "taskpool.batch_size=64",
                                 "batch_tokens=1",
                                 "batch_tokens=77",
                                 "merge_block=4096"};
    struct fb_map first = predictions(method, "dry_run=false");

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct fb_map other = predictions(method, words[i]);
        print_message("%s\n", words[i]);
        assert_int_equal(first.size, other.size);
        assert_memory_equal(first.data, other.data, first.size);
        fb_map_close(&other);
    }
    fb_map_close(&first);
}

static void test_predictions_are_the_same_bits_for_any_threads_and_batches(void **state) {
    (void)state;
    same_bits_however(single);
    same_bits_however(ensemble);
}

/* 8 examples of each of four tasks. */
static void test_a_trial_run_takes_the_first_batch_of_each_task(void **state) {
    static const char *const methods[] = {single, ensemble};

    (void)state;
    for (int m = 0; m < 2; m++) {
        struct fb_map map = predictions(methods[m], "fast_dev_run=true");
        size_t lines = 0;
        for (size_t i = 0; i < map.size; i++)
            lines += map.data[i] == '\n';
        assert_int_equal(lines, 32);
        fb_map_close(&map);
    }
}

/* An ensemble of one model four times is that model. */
static void test_an_ensemble_of_equals_answers_as_one(void **state) {
    static const char pool[] = "modelpool.models=[{name: cola, path: 'embedded:demo/gpt2/cola'}, "
                               "{name: b, path: 'embedded:demo/gpt2/cola'}]";
    static const char tasks[] = "taskpool.tasks=[cola]";
    static const char *const methods[] = {"method=dummy", "method=max_model_predictor",
                                          "method=simple_ensemble", "method=weighted_ensemble"};
    struct fb_map map[4];
    struct fb_err err = {0};

    (void)state;
    for (int m = 0; m < 4; m++) {
        const char *const words[] = {methods[m], "modelpool=gpt-2_demo", "taskpool=gpt-2_demo",
                                     pool, tasks};
        assert_int_equal(run(5, words), 0);
        assert_int_equal(fb_map_open(&map[m], predictions_file, &err), FB_OK);
        assert_int_equal(map[m].size, map[0].size);
        assert_memory_equal(map[m].data, map[0].data, map[0].size);
    }
    for (int m = 0; m < 4; m++)
        fb_map_close(&map[m]);
}

static int setup(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(report_file, sizeof report_file, "%s/report.json", folder);
    snprintf(predictions_file, sizeof predictions_file, "%s/predictions.jsonl", folder);
    return freopen("/dev/null", "w", stdout) == NULL;
}

static int teardown(void **state) {
    static const char *const files[] = {
        "report.json", "predictions.jsonl", "run/config.yaml", "run/run.json", "run", "."};
    char path[96];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        remove(path);
    }
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports_equal_those_of_the_reference),
        cmocka_unit_test(test_predictions_are_the_same_bits_for_any_threads_and_batches),
        cmocka_unit_test(test_a_trial_run_takes_the_first_batch_of_each_task),
        cmocka_unit_test(test_an_ensemble_of_equals_answers_as_one),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
