/* On pools whose models tools/golden/regmean.py describes, against FusionBench's own class, and on
 * the demo pool. */
#include "tiny_pool.h"

#include "alloc_faults.h"
#include "cli/command.h"
#include "model/golden_gpt2.h"
#include "scratch.h"

#include <omp.h>
#include <sys/stat.h>

enum { EXPERTS = 3 };

static const char *const experts[] = {"cola", "qnli", "sst2"};
static const char pool_format[] =
    "{type: HF_GPT2ForSequenceClassification, tokenizer: 'embedded:demo/gpt2/tokenizer', data_dir: "
    "'embedded:demo/data', models: {_pretrained_: %s/base, cola: %s/cola, qnli: %s/qnli, sst2: "
    "%s/sst2}}";

/* ---- the pool -------------------------------------------------------------------------------- */

/* What a test changes in the experts: every value of the tensors whose names begin like this. */
struct change {
    const char *tensors;
    float value;
};

static void write_weights(const struct golden *g, const char *path) {
    struct fb_entry entry[64] = {{0}};
    struct fb_ckpt_writer *w;
    struct fb_err err = {0};
    int64_t n = g->weights.names.count;

    assert_true(n <= 64);
    for (int64_t i = 0; i < n; i++) {
        const struct fb_weight *t = &g->weights.item[i];
        entry[i] =
            (struct fb_entry){.name = t->name, .dtype = FB_F32, .ndim = t->ndim, .numel = t->numel};
        memcpy(entry[i].shape, t->shape, sizeof t->shape);
    }
    assert_int_equal(fb_ckpt_create(&w, path, entry, n, NULL, 0, &err), FB_OK);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(
            fb_ckpt_write_f32(w, i, 0, entry[i].numel, g->weights.item[i].data, NULL, &err), FB_OK);
    assert_int_equal(fb_ckpt_commit(w, &err), FB_OK);
}

/* `expert` NULL: the base. */
static void write_model(const struct fb_node *config, const char *expert,
                        const struct change *change) {
    const char *folder = expert ? expert : "base";
    struct fb_err err = {0};
    struct golden g = {0};
    char name[128];

    assert_int_equal(fb_gpt2_config_read(&g.config, config, &err), FB_OK);
    golden_weights(&g);
    for (int64_t i = 0; i < g.weights.names.count; i++) {
        struct fb_weight *t = &g.weights.item[i];
        float *data = (float *)(uintptr_t)t->data;
        snprintf(name, sizeof name, "%s.%s", folder, t->name);
        for (int64_t k = 0; expert && k < t->numel; k++)
            data[k] += golden_weight(name, t->ndim, t->shape[0], (uint32_t)k) * 0.25f;
        if (!change || strncmp(change->tensors, t->name, strlen(change->tensors))) continue;
        for (int64_t k = 0; k < t->numel; k++)
            data[k] = change->value;
    }
    snprintf(name, sizeof name, "%s/config.json", folder);
    scratch_write(name, "{\"model_type\": \"gpt2\", \"n_layer\": 2, \"n_head\": 2, \"n_embd\": 12, "
                        "\"n_positions\": 512, \"vocab_size\": 560, \"pad_token_id\": 559}");
    snprintf(name, sizeof name, "%s/model.safetensors", folder);
    write_weights(&g, scratch_path(name));
    golden_close(&g);
}

struct fixture {
    struct tiny t;
    const char *folder;
    struct fb_node *file; /* cases.json */
    char pool[1024];
};

static void begin_changed(struct fixture *f, const struct change *change) {
    const struct fb_node *config;

    tiny_begin(&f->t);
    f->folder = scratch_make();
    if (fb_json_load(&f->file, &f->t.arena, FB_GOLDEN_DIR "/regmean/cases.json", &f->t.err))
        fail_msg("%s", f->t.err.msg);
    config = fb_node_get(f->file, "config");
    write_model(config, NULL, NULL);
    for (int i = 0; i < EXPERTS; i++)
        write_model(config, experts[i], change);
    snprintf(f->pool, sizeof f->pool, pool_format, f->folder, f->folder, f->folder, f->folder);
    tiny_pool(&f->t, f->pool);
}

static void begin(struct fixture *f) {
    begin_changed(f, NULL);
}

static void end(struct fixture *f) {
    tiny_end(&f->t);
    scratch_remove();
}

static void run(struct fixture *f, const char *method) {
    if (tiny_run(&f->t, method)) fail_msg("%s", f->t.err.msg);
}

/* The merged weights of a run, end to end; owned. */
static float *values(const struct fixture *f, size_t *bytes) {
    const struct fb_weights *w = &f->t.merge.weights;
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

static void assert_same(const struct fixture *f, const float *want) {
    size_t bytes;
    float *found = values(f, &bytes);

    assert_memory_equal(found, want, bytes);
    free(found);
}

static bool differs(const struct fixture *f, const float *from) {
    size_t bytes;
    float *found = values(f, &bytes);
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
static void compare(const struct fixture *f, const char *name, const struct fb_ckpt *want) {
    double most = strcmp(name, "whole") ? 1e-4 : 1e-3;
    int64_t matrices = 0;

    for (int64_t i = 0; i < fb_ckpt_count(want); i++) {
        const struct fb_entry *e = fb_ckpt_at(want, i);
        size_t n = strlen(name);
        const char *key = e->name + n + 1;
        double d;
        if (strncmp(e->name, name, n) || e->name[n] != '/') continue;
        d = distance(tiny_value(&f->t, key), e->data, e->numel);
        if (d > (is_matrix(key) ? most : 0)) fail_msg("%s: %g", e->name, d);
        matrices += is_matrix(key);
    }
    assert_int_equal(matrices, 8);
}

static void case_options(struct fixture *f, struct fb_str *out, int64_t i) {
    const struct fb_node *cases = fb_node_get(f->file, "cases");
    struct fb_str json = {0};

    if (fb_json_print(&json, cases->item[i], &f->t.err) ||
        fb_str_printf(out, &f->t.err, "{name: gpt2_regmean, shuffle: false, %s",
                      fb_str_text(&json) + 1))
        fail_msg("%s", f->t.err.msg);
    fb_str_free(&json);
}

static void test_merged_weights_are_those_of_the_reference(void **state) {
    struct fixture f;
    struct fb_ckpt *want;
    const struct fb_node *cases;

    (void)state;
    begin(&f);
    cases = fb_node_get(f.file, "cases");
    assert_int_equal(fb_ckpt_open(&want, FB_GOLDEN_DIR "/regmean/merged.safetensors", &f.t.err),
                     FB_OK);
    assert_int_equal(cases->count, 5);
    for (int64_t i = 0; i < cases->count; i++) {
        struct fb_str method = {0};
        case_options(&f, &method, i);
        run(&f, fb_str_text(&method));
        compare(&f, cases->key[i].text, want);
        fb_str_free(&method);
    }
    fb_ckpt_close(want);
    end(&f);
}

/* The path of the file of an expert; a buffer of its own. */
static const char *statistics_file(const char *folder, const char *expert) {
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
    "statistics_dir: %s/kept}";

static void test_statistics_are_those_of_the_reference(void **state) {
    struct fixture f;
    struct fb_ckpt *want;
    char method[1024], kept[512];

    (void)state;
    begin(&f);
    snprintf(method, sizeof method, with_statistics, f.folder);
    snprintf(kept, sizeof kept, "%s/kept", f.folder);
    run(&f, method);
    assert_int_equal(fb_ckpt_open(&want, FB_GOLDEN_DIR "/regmean/grams.safetensors", &f.t.err),
                     FB_OK);
    assert_int_equal(fb_ckpt_count(want), EXPERTS * 8);
    for (int e = 0; e < EXPERTS; e++) {
        struct fb_ckpt *file;
        size_t n = strlen(experts[e]);
        assert_int_equal(fb_ckpt_open(&file, statistics_file(kept, experts[e]), &f.t.err), FB_OK);
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
    end(&f);
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
    struct fixture f;
    float *want = NULL;
    size_t bytes;

    (void)state;
    begin(&f);
    for (int threads = 1; threads <= 4; threads *= 2) {
        omp_set_num_threads(threads);
        run(&f, method);
        if (threads == 1) want = values(&f, &bytes);
        else assert_same(&f, want);
    }
    free(want);
    end(&f);
}

static void test_the_seed_decides_which_examples_are_taken(void **state) {
    static const char method[] = "{name: gpt2_regmean, num_regmean_examples: 8, batch_size: 8}";
    struct fixture f;
    float *first;
    size_t bytes;

    (void)state;
    begin(&f);
    run(&f, method);
    first = values(&f, &bytes);
    run(&f, method);
    assert_same(&f, first);
    f.t.merge.seed = 1;
    run(&f, method);
    assert_true(differs(&f, first));
    f.t.merge.seed = 0;
    run(&f, "{name: gpt2_regmean, num_regmean_examples: 8, batch_size: 8, shuffle: false}");
    assert_true(differs(&f, first));
    free(first);
    end(&f);
}

static void test_a_streamed_result_is_the_same(void **state) {
    static const char method[] = "{name: gpt2_regmean, num_regmean_examples: 8, batch_size: 8}";
    struct fixture f;
    struct fb_ckpt *file;
    char path[512];

    (void)state;
    begin(&f);
    snprintf(path, sizeof path, "%s/merged.safetensors", f.folder);
    f.t.merge.stream_path = path;
    run(&f, method);
    assert_true(f.t.merge.streamed);
    assert_int_equal(fb_ckpt_open(&file, path, &f.t.err), FB_OK);
    f.t.merge.stream_path = NULL;
    run(&f, method);
    assert_int_equal(f.t.merge.weights.names.count, fb_ckpt_count(file));
    for (int64_t i = 0; i < fb_ckpt_count(file); i++) {
        const struct fb_entry *e = fb_ckpt_at(file, i);
        assert_memory_equal(e->data, tiny_value(&f.t, e->name), e->size);
    }
    assert_int_equal(f.t.merge.model, fb_pool_base(f.t.merge.pool, &f.t.err));
    fb_ckpt_close(file);
    end(&f);
}

/* ---- statistics that are kept ---------------------------------------------------------------- */

static void test_statistics_are_used_again(void **state) {
    struct fixture f;
    char method[1024], kept[512];
    struct stat before, after;
    float *first;
    size_t bytes;

    (void)state;
    begin(&f);
    snprintf(method, sizeof method, with_statistics, f.folder);
    snprintf(kept, sizeof kept, "%s/kept", f.folder);
    run(&f, method);
    first = values(&f, &bytes);
    assert_int_equal(stat(statistics_file(kept, "qnli"), &before), 0);
    run(&f, method);
    assert_same(&f, first);
    assert_int_equal(stat(statistics_file(kept, "qnli"), &after), 0);
    assert_true(before.st_ino == after.st_ino);
    free(first);
    end(&f);
}

static void test_damaged_statistics_are_refused(void **state) {
    struct fixture f;
    char method[1024], kept[512], start[2048];
    const char *path;
    FILE *file;

    (void)state;
    begin(&f);
    snprintf(method, sizeof method, with_statistics, f.folder);
    snprintf(kept, sizeof kept, "%s/kept", f.folder);
    run(&f, method);
    path = statistics_file(kept, "qnli");
    assert_non_null(file = fopen(path, "r+b"));
    assert_int_equal(fseek(file, -200, SEEK_END), 0);
    fputs("damaged!", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(tiny_run(&f.t, method), FB_EMISMATCH);
    snprintf(start, sizeof start,
             "method gpt2_regmean: expert 'qnli': damaged statistics (delete the file to have them "
             "computed again): '%s': ",
             path);
    assert_ptr_equal(strstr(f.t.err.msg, start), f.t.err.msg);
    end(&f);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void refused(struct fixture *f, const char *method, int code, const char *message) {
    assert_int_equal(tiny_run(&f->t, method), code);
    assert_string_equal(f->t.err.msg, message);
}

static void test_options_are_checked_before_anything_is_read(void **state) {
    struct fixture f;

    (void)state;
    begin(&f);
    refused(&f, "{name: gpt2_regmean, weight_transpose: true}", FB_ECONFIG,
            "method gpt2_regmean: option 'weight_transpose': GPT-2 stores its weights as [in, "
            "out]; set it to false");
    refused(&f, "{name: gpt2_regmean, exclude_param_names_regex: ['h[']}", FB_ECONFIG,
            "method gpt2_regmean: option 'exclude_param_names_regex': 'h[' is not a regular "
            "expression: at 2: missing terminating ] for character class");
    refused(&f, "{name: gpt2_regmean, reduce_non_diagonal_ratio: 1.5}", FB_ECONFIG,
            "method gpt2_regmean: test.yaml:1:49: option 'reduce_non_diagonal_ratio': 1.5 is "
            "outside 0.0 .. 1.0");
    tiny_pool(&f.t, "{type: AutoModelPool, models: {_pretrained_: a, cola: b}}");
    refused(&f, "{name: gpt2_regmean}", FB_ECONFIG,
            "method gpt2_regmean: merges GPT-2 classifiers (HF_GPT2ForSequenceClassification), and "
            "the model pool is AutoModelPool");
    tiny_pool(&f.t, "{type: HF_GPT2ForSequenceClassification, models: {cola: b}}");
    assert_int_equal(tiny_run(&f.t, "{name: gpt2_regmean}"), FB_ENOTFOUND);
    end(&f);
}

/* A norm that is zero makes every input of the layer behind it zero. */
static void test_a_singular_layer_is_named(void **state) {
    struct fixture f;

    (void)state;
    begin_changed(&f, &(struct change){"h.1.ln_2.", 0});
    refused(&f, "{name: gpt2_regmean, num_regmean_examples: 8, batch_size: 8}", FB_EMISMATCH,
            "method gpt2_regmean: layer 'h.1.mlp.c_fc': the sum of the Gram matrices is singular "
            "(input 0 of 12 depends on those before it); take more examples or a smaller "
            "reduce_non_diagonal_ratio, or exclude 'h.1.mlp.c_fc.weight'");
    end(&f);
}

static void test_values_that_are_not_finite_are_named(void **state) {
    struct fixture f;

    (void)state;
    begin_changed(&f, &(struct change){"h.1.ln_2.bias", INFINITY});
    refused(&f, "{name: gpt2_regmean, num_regmean_examples: 8, batch_size: 8}", FB_EMISMATCH,
            "method gpt2_regmean: layer 'h.1.mlp.c_fc': an expert's weights or the layer's inputs "
            "are not finite");
    end(&f);
}

static void test_nothing_left_to_solve_is_said(void **state) {
    struct fixture f;

    (void)state;
    begin(&f);
    refused(&f, "{name: gpt2_regmean, exclude_param_names_regex: ['h']}", FB_EMISMATCH,
            "method gpt2_regmean: the models have no linear layer that is not excluded; "
            "simple_average merges such models");
    end(&f);
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
