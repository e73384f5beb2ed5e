/* On pools whose models tools/golden/regmean.py describes, against FusionBench's own class, and on
 * the demo pool. */
#include "small_gpt2.h"

#include "base/file.h"
#include "base/interrupt.h"
#include "base/str.h"
#include "cli/command.h"
#include "config/json.h"

#include <math.h>
#include <omp.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

enum { EXPERTS = 3 };

static const char *const experts[] = {"cola", "qnli", "sst2"};

static void run(struct small *s, const char *method) {
    if (small_run(s, method)) fail_msg("%s", s->err.msg);
}

static const float *value(const struct small *s, const char *key) {
    const struct fb_weight *w = fb_weights_find(&s->merge.weights, key);

    assert_non_null(w);
    return w->data;
}

/* The merged weights of a run, end to end; owned. */
static float *values(const struct small *s, size_t *bytes) {
    const struct fb_weights *w = &s->merge.weights;
    size_t n = 0;
    float *all;

    for (int64_t i = 0; i < w->names.count; i++)
        n += (size_t)w->item[i].numel;
    *bytes = n * sizeof *all;
    assert_non_null(all = malloc(*bytes));
    n = 0;
    for (int64_t i = 0; i < w->names.count; i++) {
        memcpy(all + n, w->item[i].data, (size_t)w->item[i].numel * sizeof *all);
        n += (size_t)w->item[i].numel;
    }
    return all;
}

static void assert_same(const struct small *s, const float *want) {
    size_t bytes;
    float *found = values(s, &bytes);

    assert_memory_equal(found, want, bytes);
    free(found);
}

static bool differs(const struct small *s, const float *from) {
    size_t bytes;
    float *found = values(s, &bytes);
    bool yes = memcmp(found, from, bytes) != 0;

    free(found);
    return yes;
}

/* ---- against the reference ------------------------------------------------------------------- */

/* Largest difference over the largest value. */
static double distance(const float *found, const float *want, int64_t n) {
    double worst = 0, most = 0;

    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)found[i] - (double)want[i]), v = fabs((double)want[i]);
        if (!(d <= worst)) worst = d;
        if (v > most) most = v;
    }
    return worst / most;
}

static bool is_matrix(const char *key) {
    return strncmp(key, "h.", 2) == 0 && strstr(key, ".ln_") == NULL && strstr(key, ".weight");
}

/* Matrices to 1e-4 of their largest value, since the reference inverts in f32, and to 1e-3 where
 * the elements beside the diagonal are whole (condition numbers of 5e4); all else exactly. */
static void compare(const struct small *s, const char *name, const struct fb_ckpt *want) {
    double most = strcmp(name, "whole") ? 1e-4 : 1e-3;
    int64_t matrices = 0;

    for (int64_t i = 0; i < fb_ckpt_count(want); i++) {
        const struct fb_entry *e = fb_ckpt_at(want, i);
        size_t n = strlen(name);
        const char *key = e->name + n + 1;
        double d;
        if (strncmp(e->name, name, n) || e->name[n] != '/') continue;
        d = distance(value(s, key), e->data, e->numel);
        if (d > (is_matrix(key) ? most : 0)) fail_msg("%s: %g", e->name, d);
        matrices += is_matrix(key);
    }
    assert_int_equal(matrices, 8);
}

static void case_options(struct small *s, struct fb_str *out, const struct fb_node *one) {
    struct fb_str json = {0};

    if (fb_json_print(&json, one, &s->err) ||
        fb_str_printf(out, &s->err, "{name: gpt2_regmean, shuffle: false, %s",
                      fb_str_text(&json) + 1))
        fail_msg("%s", s->err.msg);
    fb_str_free(&json);
}

static void test_merged_weights_are_those_of_the_reference(void **state) {
    struct small s;
    struct fb_ckpt *want;
    struct fb_node *file;
    const struct fb_node *cases;

    (void)state;
    small_open(&s);
    assert_int_equal(fb_json_load(&file, &s.arena, FB_GOLDEN_DIR "/regmean/cases.json", &s.err),
                     FB_OK);
    cases = fb_node_get(file, "cases");
    assert_int_equal(fb_ckpt_open(&want, FB_GOLDEN_DIR "/regmean/merged.safetensors", &s.err),
                     FB_OK);
    assert_int_equal(cases->count, 5);
    for (int64_t i = 0; i < cases->count; i++) {
        struct fb_str method = {0};
        case_options(&s, &method, cases->item[i]);
        run(&s, fb_str_text(&method));
        compare(&s, cases->key[i].text, want);
        fb_str_free(&method);
    }
    fb_ckpt_close(want);
    small_close(&s);
}

/* The path of the file of an expert; a buffer of its own. */
static const char *statistics_file(const char *expert) {
    const char *folder = scratch_path("kept");
    static char path[1024];
    struct fb_err err = {0};
    char **names;
    size_t n, found = 0;

    assert_int_equal(fb_list_dir(folder, &names, &n, &err), FB_OK);
    for (size_t i = 0; i < n; i++)
        if (strstr(names[i], expert)) {
            snprintf(path, sizeof path, "%s/%s", folder, names[i]);
            found++;
        }
    fb_list_free(names, n);
    assert_int_equal(found, 1);
    return path;
}

static const char with_statistics[] =
    "{name: gpt2_regmean, shuffle: false, num_regmean_examples: 16, batch_size: 8, "
    "statistics_dir: %s}";

static void test_statistics_are_those_of_the_reference(void **state) {
    struct small s;
    struct fb_ckpt *want;
    char method[1024];

    (void)state;
    small_open(&s);
    snprintf(method, sizeof method, with_statistics, scratch_path("kept"));
    run(&s, method);
    assert_int_equal(fb_ckpt_open(&want, FB_GOLDEN_DIR "/regmean/grams.safetensors", &s.err),
                     FB_OK);
    assert_int_equal(fb_ckpt_count(want), EXPERTS * 8);
    for (int e = 0; e < EXPERTS; e++) {
        struct fb_ckpt *file;
        size_t n = strlen(experts[e]);
        assert_int_equal(fb_ckpt_open(&file, statistics_file(experts[e]), &s.err), FB_OK);
        for (int64_t i = 0; i < fb_ckpt_count(want); i++) {
            const struct fb_entry *w = fb_ckpt_at(want, i), *found;
            double d;
            if (strncmp(w->name, experts[e], n)) continue;
            assert_non_null(found = fb_ckpt_find(file, w->name + n + 1));
            assert_int_equal(found->numel, w->numel);
            d = distance(found->data, w->data, w->numel);
            if (d > 1e-5) fail_msg("%s: %g", w->name, d);
        }
        fb_ckpt_close(file);
    }
    fb_ckpt_close(want);
    small_close(&s);
}

static void test_reports_equal_those_of_the_reference(void **state) {
    static const struct {
        const char *report, *examples, *ratio;
    } runs[] = {
        {"report_default", "method.num_regmean_examples=16",
         "method.reduce_non_diagonal_ratio=0.6"},
        {"report_small", "method.num_regmean_examples=10", "method.reduce_non_diagonal_ratio=0.9"}};
    struct fb_arena arena = {0};
    struct fb_err err = {0};

    (void)state;
    scratch_make();
    for (int i = 0; i < 2; i++) {
        struct fb_node *want, *found;
        char path[512], report[1024], folder[1024];
        char *argv[] = {"fusion_bench",
                        "-q",
                        "print_config=false",
                        "method=regmean/gpt2_regmean",
                        "modelpool=gpt-2_demo",
                        "taskpool=gpt-2_demo",
                        "method.shuffle=false",
                        "method.batch_size=8",
                        (char *)(uintptr_t)runs[i].examples,
                        (char *)(uintptr_t)runs[i].ratio,
                        report,
                        folder};
        snprintf(report, sizeof report, "report_save_path=%s", scratch_path("report.json"));
        snprintf(folder, sizeof folder, "hydra.run.dir=%s", scratch_path("run"));
        snprintf(path, sizeof path, FB_GOLDEN_DIR "/regmean/%s.json", runs[i].report);
        assert_int_equal(fb_cli_main(sizeof argv / sizeof *argv, argv), 0);
        assert_int_equal(fb_json_load(&want, &arena, path, &err), FB_OK);
        assert_int_equal(fb_json_load(&found, &arena, scratch_path("report.json"), &err), FB_OK);
        assert_int_equal(found->count, want->count);
        for (int64_t k = 0; k < want->count; k++) {
            const struct fb_node *a = found->item[k], *b = want->item[k];
            double loss = fb_node_get(a, "loss")->value.real;
            assert_string_equal(found->key[k].text, want->key[k].text);
            assert_true(fb_node_get(a, "accuracy")->value.real ==
                        fb_node_get(b, "accuracy")->value.real);
            if (fabs(loss - fb_node_get(b, "loss")->value.real) > 1e-4)
                fail_msg("%s: loss %.9g", want->key[k].text, loss);
        }
    }
    fb_arena_free(&arena);
    scratch_remove();
}

/* ---- what decides the result ----------------------------------------------------------------- */

static void test_bits_do_not_depend_on_threads(void **state) {
    static const char method[] = "{name: gpt2_regmean, num_regmean_examples: 16, batch_size: 8}";
    struct small s;
    float *want = NULL;
    size_t bytes;

    (void)state;
    small_open(&s);
    for (int threads = 1; threads <= 4; threads *= 2) {
        omp_set_num_threads(threads);
        run(&s, method);
        if (threads == 1) want = values(&s, &bytes);
        else assert_same(&s, want);
    }
    free(want);
    small_close(&s);
}

static void test_the_seed_decides_which_examples_are_taken(void **state) {
    static const char method[] = "{name: gpt2_regmean, num_regmean_examples: 8, batch_size: 8}";
    struct small s;
    float *first;
    size_t bytes;

    (void)state;
    small_open(&s);
    run(&s, method);
    first = values(&s, &bytes);
    run(&s, method);
    assert_same(&s, first);
    s.merge.seed = 1;
    run(&s, method);
    assert_true(differs(&s, first));
    s.merge.seed = 0;
    run(&s, "{name: gpt2_regmean, num_regmean_examples: 8, batch_size: 8, shuffle: false}");
    assert_true(differs(&s, first));
    free(first);
    small_close(&s);
}

static void test_a_streamed_result_is_the_same(void **state) {
    static const char method[] = "{name: gpt2_regmean, num_regmean_examples: 8, batch_size: 8}";
    struct small s;
    struct fb_ckpt *file;
    char path[512];

    (void)state;
    small_open(&s);
    snprintf(path, sizeof path, "%s", scratch_path("merged.safetensors"));
    s.merge.stream_path = path;
    run(&s, method);
    assert_true(s.merge.streamed);
    assert_int_equal(fb_ckpt_open(&file, path, &s.err), FB_OK);
    s.merge.stream_path = NULL;
    run(&s, method);
    assert_int_equal(s.merge.weights.names.count, fb_ckpt_count(file));
    for (int64_t i = 0; i < fb_ckpt_count(file); i++) {
        const struct fb_entry *e = fb_ckpt_at(file, i);
        assert_memory_equal(e->data, value(&s, e->name), e->size);
    }
    assert_int_equal(s.merge.model, fb_pool_base(s.merge.pool, &s.err));
    fb_ckpt_close(file);
    small_close(&s);
}

/* ---- statistics that are kept ---------------------------------------------------------------- */

static void test_statistics_are_used_again(void **state) {
    struct small s;
    char method[1024];
    struct stat before, after;
    float *first;
    size_t bytes;

    (void)state;
    small_open(&s);
    snprintf(method, sizeof method, with_statistics, scratch_path("kept"));
    run(&s, method);
    first = values(&s, &bytes);
    assert_int_equal(stat(statistics_file("qnli"), &before), 0);
    run(&s, method);
    assert_same(&s, first);
    assert_int_equal(stat(statistics_file("qnli"), &after), 0);
    assert_true(before.st_ino == after.st_ino);
    free(first);
    small_close(&s);
}

static void test_damaged_statistics_are_refused(void **state) {
    struct small s;
    char method[1024], start[2048];
    const char *path;
    FILE *file;

    (void)state;
    small_open(&s);
    snprintf(method, sizeof method, with_statistics, scratch_path("kept"));
    run(&s, method);
    path = statistics_file("qnli");
    assert_non_null(file = fopen(path, "r+b"));
    assert_int_equal(fseek(file, -200, SEEK_END), 0);
    fputs("damaged!", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(small_run(&s, method), FB_EMISMATCH);
    snprintf(start, sizeof start,
             "method gpt2_regmean: expert 'qnli': damaged statistics (delete the file to have them "
             "computed again): '%s': ",
             path);
    assert_ptr_equal(strstr(s.err.msg, start), s.err.msg);
    small_close(&s);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void refused(struct small *s, const char *method, int code, const char *message) {
    assert_int_equal(small_run(s, method), code);
    assert_string_equal(s->err.msg, message);
}

static void other_pool(struct small *s, const char *yaml) {
    fb_pool_close(s->merge.pool);
    s->merge.pool = NULL;
    if (fb_pool_create(&s->merge.pool, small_yaml(s, yaml), NULL, &s->err))
        fail_msg("%s", s->err.msg);
}

static void test_options_are_checked_before_anything_is_read(void **state) {
    struct small s;

    (void)state;
    small_open(&s);
    refused(&s, "{name: gpt2_regmean, weight_transpose: true}", FB_ECONFIG,
            "method gpt2_regmean: option 'weight_transpose': GPT-2 stores its weights as [in, "
            "out]; set it to false");
    refused(&s, "{name: gpt2_regmean, exclude_param_names_regex: ['h[']}", FB_ECONFIG,
            "method gpt2_regmean: option 'exclude_param_names_regex': 'h[' is not a regular "
            "expression: at 2: missing terminating ] for character class");
    refused(&s, "{name: gpt2_regmean, reduce_non_diagonal_ratio: 1.5}", FB_ECONFIG,
            "method gpt2_regmean: test.yaml:1:49: option 'reduce_non_diagonal_ratio': 1.5 is "
            "outside 0.0 .. 1.0");
    other_pool(&s, "{type: AutoModelPool, models: {_pretrained_: a, cola: b}}");
    refused(&s, "{name: gpt2_regmean}", FB_ECONFIG,
            "method gpt2_regmean: merges GPT-2 classifiers (HF_GPT2ForSequenceClassification), and "
            "the model pool is AutoModelPool");
    other_pool(&s, "{type: HF_GPT2ForSequenceClassification, models: {cola: b}}");
    assert_int_equal(small_run(&s, "{name: gpt2_regmean}"), FB_ENOTFOUND);
    small_close(&s);
}

/* A norm that is zero makes every input of the layer behind it zero. */
static void test_a_singular_layer_is_named(void **state) {
    struct small s;

    (void)state;
    small_open_changed(&s, "h.1.ln_2.", 0);
    refused(&s, "{name: gpt2_regmean, num_regmean_examples: 8, batch_size: 8}", FB_EMISMATCH,
            "method gpt2_regmean: layer 'h.1.mlp.c_fc': the sum of the Gram matrices is singular "
            "(input 0 of 12 depends on those before it); take more examples or a smaller "
            "reduce_non_diagonal_ratio, or exclude 'h.1.mlp.c_fc.weight'");
    small_close(&s);
}

static void test_values_that_are_not_finite_are_named(void **state) {
    struct small s;

    (void)state;
    small_open_changed(&s, "h.1.ln_2.bias", INFINITY);
    refused(&s, "{name: gpt2_regmean, num_regmean_examples: 8, batch_size: 8}", FB_EMISMATCH,
            "method gpt2_regmean: layer 'h.1.mlp.c_fc': an expert's weights or the layer's inputs "
            "are not finite");
    small_close(&s);
}

static void test_nothing_left_to_solve_is_said(void **state) {
    struct small s;

    (void)state;
    small_open(&s);
    refused(&s, "{name: gpt2_regmean, exclude_param_names_regex: ['h']}", FB_EMISMATCH,
            "method gpt2_regmean: the models have no linear layer that is not excluded; "
            "simple_average merges such models");
    small_close(&s);
}

/* The last one: a signal is not forgotten. */
static void test_an_interrupted_run_keeps_nothing(void **state) {
    char method[1024], **names;
    struct small s;
    size_t n;

    (void)state;
    small_open(&s);
    snprintf(method, sizeof method, with_statistics, scratch_path("kept"));
    fb_interrupt_install();
    raise(SIGINT);
    assert_int_equal(small_run(&s, method), FB_EINTERRUPTED);
    assert_string_equal(s.err.msg, "method gpt2_regmean: expert 'cola': interrupted");
    assert_int_equal(fb_list_dir(scratch_path("kept"), &names, &n, &s.err), FB_OK);
    assert_int_equal(n, 0);
    fb_list_free(names, n);
    small_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged_weights_are_those_of_the_reference),
        cmocka_unit_test(test_statistics_are_those_of_the_reference),
        cmocka_unit_test(test_reports_equal_those_of_the_reference),
        cmocka_unit_test(test_bits_do_not_depend_on_threads),
        cmocka_unit_test(test_the_seed_decides_which_examples_are_taken),
        cmocka_unit_test(test_a_streamed_result_is_the_same),
        cmocka_unit_test(test_statistics_are_used_again),
        cmocka_unit_test(test_damaged_statistics_are_refused),
        cmocka_unit_test(test_options_are_checked_before_anything_is_read),
        cmocka_unit_test(test_a_singular_layer_is_named),
        cmocka_unit_test(test_values_that_are_not_finite_are_named),
        cmocka_unit_test(test_nothing_left_to_solve_is_said),
        cmocka_unit_test(test_an_interrupted_run_keeps_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
