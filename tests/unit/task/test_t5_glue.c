/* Options, and the whole run on the T5 demo pools against reports that the reference's own classes
 * made (tools/golden/report_t5.py): counts and accuracies exactly, rank correlations to 1e-12. */
#include "task/task.h"

#include "base/map.h"
#include "cli/captured.h"
#include "config/compose.h"
#include "config/interp.h"
#include "config/json.h"

#include <math.h>

extern const struct fb_task_pool fb_task_pool_t5_glue;

static const char *const ignored[] = {"type", NULL};

/* The task pool of the shipped configuration after the overrides, through the options table. */
static int read_options(struct fb_err *err, const char *const *words) {
    struct fb_compose_request request = {.config_path = "embedded:config", .overrides = words};
    struct fb_arena a = {0};
    struct fb_interp in = {.arena = &a, .keep_missing = true};
    struct fb_composed c;
    struct fb_node *node;
    void *opts;
    int rc;

    memset(err, 0, sizeof *err);
    while (words[request.override_count])
        request.override_count++;
    if (fb_compose(&c, &request, &a, err)) fail_msg("%s", err->msg);
    in.hydra = fb_node_get(c.all, "hydra");
    if (!(node = fb_interp_resolved(&in, fb_node_get(c.job, "taskpool"), err)))
        fail_msg("%s", err->msg);
    assert_ptr_equal(fb_task_pool_find(node, err), &fb_task_pool_t5_glue);
    opts = fb_arena_calloc(&a, 1, fb_task_pool_t5_glue.opts_size, err);
    assert_non_null(opts);
    rc = fb_opts_read(fb_task_pool_t5_glue.opts, opts, node, ignored, &a, err);
    fb_arena_free(&a);
    return rc;
}

static void test_the_shipped_configuration_fits_the_options(void **state) {
    struct fb_err err;

    (void)state;
    if (read_options(&err, WORDS("taskpool=flan-t5_glue_text_generation"))) fail_msg("%s", err.msg);
}

static void test_wrong_options_are_refused_with_the_limit(void **state) {
    struct fb_err err;

    (void)state;
    assert_int_equal(
        read_options(&err, WORDS("taskpool=flan-t5_glue_text_generation", "taskpool.batch_size=0")),
        FB_ECONFIG);
    assert_string_equal(err.msg, "command line: option 'batch_size': 0 is outside 1 .. 65536");
    assert_int_equal(
        read_options(&err, WORDS("taskpool=flan-t5_glue_text_generation", "+taskpool.workers=1")),
        FB_ECONFIG);
    assert_string_equal(err.msg, "command line: no option 'workers' (did you mean 'num_workers'?)");
}

/* Nothing of the Flan-T5 pool's data is there: the models are looked at first. */
static void test_a_pool_of_other_models_is_refused_before_a_run(void **state) {
    static struct captured c;

    (void)state;
    scratch_make();
    captured_run(&c,
                 WORDS("-q", "--config-path", "embedded:config", "modelpool=gpt-2_demo",
                       "taskpool=flan-t5_glue_text_generation"),
                 NULL);
    assert_int_equal(c.status, 1);
    assert_string_equal(c.out, "");
    assert_string_equal(c.err, "fusion_bench: taskpool: the model pool holds 'gpt2' models, and "
                               "text is generated with T5 models\n");
    scratch_remove();
}

/* ---- the demo pools -------------------------------------------------------------------------- */

enum { ARGUMENTS = 20 };

static struct fb_node *load(struct fb_arena *a, const char *path) {
    struct fb_err err = {0};
    struct fb_node *node;

    if (fb_json_load(&node, a, path, &err)) fail_msg("%s: %s", path, err.msg);
    return node;
}

/* A run whose report and predictions go to the scratch folder. */
static void run_demo(const char *const *words, int n) {
    static struct captured c;
    char report[512], predictions[512], folder[512];
    const char *all[ARGUMENTS + 8] = {
        "-q",   "print_config=false", "--config-path", "embedded:config",
        report, predictions,          folder};

    assert_true(n <= ARGUMENTS);
    snprintf(report, sizeof report, "report_save_path=%s", scratch_path("report.json"));
    snprintf(predictions, sizeof predictions, "predictions_save_path=%s",
             scratch_path("predictions.jsonl"));
    snprintf(folder, sizeof folder, "hydra.run.dir=%s", scratch_path("run"));
    memcpy(all + 7, words, (size_t)n * sizeof *words);
    captured_run(&c, all, NULL);
    if (c.status) fail_msg("%s", c.err);
}

static bool same_number(const struct fb_node *found, const struct fb_node *expected,
                        double within) {
    double a = found->kind == FB_INT ? (double)found->value.integer : found->value.real;
    double b = expected->kind == FB_INT ? (double)expected->value.integer : expected->value.real;

    return found->kind == expected->kind && (isnan(b) ? isnan(a) : fabs(a - b) <= within);
}

static void compare(const struct fb_node *found, const struct fb_node *expected) {
    assert_int_equal(found->count, expected->count);
    for (int64_t i = 0; i < expected->count; i++) {
        const struct fb_node *a = found->item[i], *b = expected->item[i];
        assert_string_equal(found->key[i].text, expected->key[i].text);
        assert_int_equal(a->count, b->count);
        for (int64_t j = 0; j < b->count; j++) {
            double within = strcmp(b->key[j].text, "spearman_rho") ? 0 : 1e-12;
            assert_string_equal(a->key[j].text, b->key[j].text);
            if (!same_number(a->item[j], b->item[j], within))
                fail_msg("%s.%s differs", found->key[i].text, b->key[j].text);
        }
    }
}

static void test_reports_equal_those_of_the_reference(void **state) {
    struct fb_arena arena = {0};
    struct fb_node *runs = load(&arena, FB_GOLDEN_DIR "/report_t5/runs.json");

    (void)state;
    scratch_make();
    assert_true(runs->count >= 25);
    for (int64_t r = 0; r < runs->count; r++) {
        const struct fb_node *arguments = fb_node_get(runs->item[r], "arguments");
        const char *words[ARGUMENTS];
        char path[512];
        assert_true(arguments->count <= ARGUMENTS);
        for (int64_t i = 0; i < arguments->count; i++)
            words[i] = arguments->item[i]->text;
        snprintf(path, sizeof path, FB_GOLDEN_DIR "/report_t5/%s",
                 fb_node_get(runs->item[r], "report")->text);
        print_message("%s\n", strrchr(path, '/') + 1);
        run_demo(words, (int)arguments->count);
        compare(load(&arena, scratch_path("report.json")), load(&arena, path));
    }
    fb_arena_free(&arena);
    scratch_remove();
}

/* The bytes of the predictions file under one more argument. */
static struct fb_map predictions(const char *pool, const char *word) {
    struct fb_err err = {0};
    struct fb_map map;

    run_demo(WORDS("method=task_arithmetic", pool, "taskpool=flan-t5_demo", word), 4);
    if (fb_map_open(&map, scratch_path("predictions.jsonl"), &err)) fail_msg("%s", err.msg);
    return map;
}

static void test_predictions_are_the_same_bits_for_any_threads_and_batches(void **state) {
    const char *const pools[] = {"modelpool=flan-t5_demo", "modelpool=flan-t5_demo_lora"};
    const char *const words[] = {"threads=1", "threads=4", "batch_tokens=77", "merge_block=1000"};

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct fb_map first;
        scratch_make();
        first = predictions(pools[p], "threads=2");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            struct fb_map other = predictions(pools[p], words[i]);
            print_message("%s %s\n", pools[p], words[i]);
            assert_int_equal(first.size, other.size);
            assert_memory_equal(first.data, other.data, first.size);
            fb_map_close(&other);
        }
        fb_map_close(&first);
        scratch_remove();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_shipped_configuration_fits_the_options),
        cmocka_unit_test(test_wrong_options_are_refused_with_the_limit),
        cmocka_unit_test(test_a_pool_of_other_models_is_refused_before_a_run),
        cmocka_unit_test(test_reports_equal_those_of_the_reference),
        cmocka_unit_test(test_predictions_are_the_same_bits_for_any_threads_and_batches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
