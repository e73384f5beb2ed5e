/* Merged weights and Fisher weights against FusionBench's own class (tools/golden/fisher.py). */
#include "config/json.h"
#include "small_gpt2.h"

#include "base/file.h"
#include "kernel/threads.h"

#define IN_ORDER                                                                                   \
    "{name: gpt2_fisher_merging, shuffle: false, num_fisher_examples: 16, batch_size: 8"

/* "{name: gpt2_fisher_merging, shuffle: false, KEY: VALUE, ...}" of a golden case. */
static const char *method_of(struct small *s, const struct fb_node *options) {
    struct fb_node *copy = fb_node_copy(&s->arena, options, &s->err), *no;
    struct fb_str text = {0};
    const char *kept;

    no = fb_node_bool(&s->arena, false, (struct fb_place){0}, &s->err);
    assert_non_null(copy);
    assert_int_equal(fb_node_set(&s->arena, copy, "shuffle", no, &s->err), FB_OK);
    assert_int_equal(fb_node_set_text(&s->arena, copy, "name", "gpt2_fisher_merging", &s->err), 0);
    assert_int_equal(fb_yaml_print(&text, copy, &s->err), FB_OK);
    kept = fb_arena_strdup(&s->arena, fb_str_text(&text), &s->err);
    assert_non_null(kept);
    fb_str_free(&text);
    return kept;
}

/* How far the values are from the expected ones: largest |a - b| / (|b| + floor). */
static double distance(const float *a, const float *b, int64_t n, double floor) {
    double worst = 0;

    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]) / (fabs((double)b[i]) + floor);
        if (!(d <= worst)) worst = d;
    }
    return worst;
}

static double largest(const float *x, int64_t n) {
    double most = 0;

    for (int64_t i = 0; i < n; i++)
        if (fabs((double)x[i]) > most) most = fabs((double)x[i]);
    return most;
}

static struct fb_ckpt *open_golden(const char *name) {
    struct fb_ckpt *golden;
    struct fb_err err = {0};
    char path[512];

    snprintf(path, sizeof path, FB_GOLDEN_DIR "/fisher/%s", name);
    if (fb_ckpt_open(&golden, path, &err)) fail_msg("%s", err.msg);
    return golden;
}

static void test_merged_weights_are_those_of_the_reference(void **state) {
    struct fb_ckpt *golden = open_golden("merged.safetensors");
    struct fb_node *cases;
    struct small s;
    int64_t compared = 0;
    double worst = 0;

    (void)state;
    small_open(&s);
    if (fb_json_load(&cases, &s.arena, FB_GOLDEN_DIR "/fisher/cases.json", &s.err))
        fail_msg("%s", s.err.msg);
    cases = fb_node_get(cases, "cases");
    assert_int_equal(cases->count, 6);
    for (int64_t c = 0; c < cases->count; c++) {
        const char *name = cases->key[c].text;
        if (small_run(&s, method_of(&s, cases->item[c]))) fail_msg("%s: %s", name, s.err.msg);
        assert_int_equal(s.merge.model, 0);
        for (int64_t k = 0; k < s.merge.weights.names.count; k++) {
            const struct fb_weight *w = &s.merge.weights.item[k];
            const struct fb_entry *e;
            char key[96];
            double d;
            snprintf(key, sizeof key, "%s/%s", name, w->name);
            if (!(e = fb_ckpt_find(golden, key))) continue;
            assert_int_equal(e->numel, w->numel);
            d = distance(w->data, e->data, w->numel, 1e-2);
            if (d > worst) worst = d;
            if (!(d < 1e-4)) fail_msg("%s: %g", key, d);
            compared++;
        }
    }
    assert_int_equal(compared, fb_ckpt_count(golden));
    print_message("largest relative difference %.2g\n", worst);
    fb_ckpt_close(golden);
    small_close(&s);
}

/* The only file of the folder whose name has the beginning; scratch_path's buffer. */
static const char *file_of(const char *beginning) {
    static char name[160];
    struct fb_err err = {0};
    char **names;
    size_t n, found = 0;

    assert_int_equal(fb_list_dir(scratch_path("kept"), &names, &n, &err), FB_OK);
    for (size_t i = 0; i < n; i++)
        if (!strncmp(names[i], beginning, strlen(beginning))) {
            snprintf(name, sizeof name, "kept/%s", names[i]);
            found++;
        }
    fb_list_free(names, n);
    assert_int_equal(found, 1);
    return scratch_path(name);
}

static void compare_weights(const struct fb_ckpt *golden, const char *expert, double *worst) {
    struct fb_ckpt *kept;
    struct fb_err err = {0};
    char beginning[64], key[96];

    snprintf(beginning, sizeof beginning, "gpt2_fisher_merging-%s-", expert);
    assert_int_equal(fb_ckpt_open(&kept, file_of(beginning), &err), FB_OK);
    assert_int_equal(fb_ckpt_count(kept), 29); /* 28 keys and the hash */
    for (int64_t i = 0; i < 29; i++) {
        const struct fb_entry *f = fb_ckpt_at(kept, i), *e;
        double d, most;
        if (!strcmp(f->name, "sha256")) continue;
        snprintf(key, sizeof key, "%s/%s", expert, f->name);
        if (!(e = fb_ckpt_find(golden, key))) fail_msg("%s: not expected", key);
        most = largest(e->data, e->numel);
        assert_true(most > 0);
        d = distance(f->data, e->data, e->numel, 0.1 * most);
        if (d > *worst) *worst = d;
        if (!(d < 1e-5)) fail_msg("%s: %g", key, d);
        for (int64_t j = e->numel; j < f->numel; j++) /* positions that no token had */
            assert_true(((const float *)f->data)[j] == 0);
    }
    fb_ckpt_close(kept);
}

/* `text` with %s replaced by the folder of statistics. */
static const char *with_folder(struct small *s, const char *text) {
    return fb_arena_printf(&s->arena, &s->err, text, scratch_path("kept"));
}

static void test_fisher_weights_are_those_of_the_reference(void **state) {
    struct fb_ckpt *golden = open_golden("weights.safetensors");
    struct small s;
    double worst = 0;

    (void)state;
    small_open(&s);
    if (small_run(&s, with_folder(&s, IN_ORDER ", statistics_dir: '%s'}")))
        fail_msg("%s", s.err.msg);
    compare_weights(golden, "cola", &worst);
    compare_weights(golden, "qnli", &worst);
    compare_weights(golden, "sst2", &worst);
    print_message("largest relative difference %.2g\n", worst);
    fb_ckpt_close(golden);
    small_close(&s);
}

/* The merged weights, owned. */
static float *merged(struct small *s, const char *method, size_t *size) {
    float *all = NULL;
    size_t n = 0;

    if (small_run(s, method)) fail_msg("%s", s->err.msg);
    for (int64_t k = 0; k < s->merge.weights.names.count; k++) {
        const struct fb_weight *w = &s->merge.weights.item[k];
        all = realloc(all, (n + (size_t)w->numel) * sizeof *all);
        assert_non_null(all);
        memcpy(all + n, w->data, (size_t)w->numel * sizeof *all);
        n += (size_t)w->numel;
    }
    *size = n * sizeof *all;
    return all;
}

/* 16 examples in one batch: more rows than one thread takes alone. */
static void test_the_bits_do_not_depend_on_threads(void **state) {
    static const char method[] =
        "{name: gpt2_fisher_merging, num_fisher_examples: 48, batch_size: 24}";
    struct small s;
    size_t size, again;
    float *first;

    (void)state;
    small_open(&s);
    fb_threads_set(1);
    first = merged(&s, method, &size);
    for (int threads = 2; threads <= 4; threads += 2) {
        float *other;
        fb_threads_set(threads);
        other = merged(&s, method, &again);
        assert_int_equal(again, size);
        assert_memory_equal(other, first, size);
        free(other);
    }
    free(first);
    small_close(&s);
}

static void test_kept_weights_give_the_same_bits(void **state) {
    static const char method[] = IN_ORDER ", statistics_dir: '%s'}";
    struct fb_err err = {0};
    struct small s;
    size_t size, again, files;
    char **names;
    float *first, *second, *plain;

    (void)state;
    small_open(&s);
    plain = merged(&s, IN_ORDER "}", &size);
    first = merged(&s, with_folder(&s, method), &size);
    second = merged(&s, with_folder(&s, method), &again);
    assert_memory_equal(first, plain, size);
    assert_memory_equal(second, plain, size);
    free(plain);
    free(first);
    free(second);
    /* Other norms, the same weights; another batch size, other weights. */
    if (small_run(&s, with_folder(&s, IN_ORDER ", normalize_fisher_weight: false, "
                                               "statistics_dir: '%s'}")))
        fail_msg("%s", s.err.msg);
    assert_int_equal(fb_list_dir(scratch_path("kept"), &names, &files, &err), FB_OK);
    assert_int_equal(files, 3);
    fb_list_free(names, files);
    if (small_run(&s, with_folder(&s, "{name: gpt2_fisher_merging, shuffle: false, "
                                      "num_fisher_examples: 16, batch_size: 4, "
                                      "statistics_dir: '%s'}")))
        fail_msg("%s", s.err.msg);
    assert_int_equal(fb_list_dir(scratch_path("kept"), &names, &files, &err), FB_OK);
    assert_int_equal(files, 6);
    fb_list_free(names, files);
    small_close(&s);
}

static void test_the_seed_chooses_the_examples(void **state) {
    static const char method[] =
        "{name: gpt2_fisher_merging, num_fisher_examples: 8, batch_size: 8}";
    struct small s;
    size_t size;
    float *zero, *one, *again;

    (void)state;
    small_open(&s);
    zero = merged(&s, method, &size);
    s.merge.seed = 1;
    one = merged(&s, method, &size);
    s.merge.seed = 0;
    again = merged(&s, method, &size);
    assert_memory_equal(again, zero, size);
    assert_memory_not_equal(one, zero, size);
    free(zero);
    free(one);
    free(again);
    small_close(&s);
}

static void refused(struct small *s, const char *method, int code, const char *message) {
    assert_int_equal(small_run(s, method), code);
    assert_string_equal(s->err.msg, message);
}

static void test_what_is_wrong_is_said_before_anything_is_computed(void **state) {
    struct small s;

    (void)state;
    small_open(&s);
    refused(&s, "{name: gpt2_fisher_merging, exclude_param_names_regex: ['(']}", FB_ECONFIG,
            "method gpt2_fisher_merging: option 'exclude_param_names_regex': '(' is not a regular "
            "expression: at 1: missing closing parenthesis");
    scratch_write("kept", "a file where the folder would be");
    assert_true(small_run(&s, with_folder(&s, IN_ORDER ", statistics_dir: '%s'}")) < 0);
    assert_ptr_equal(strstr(s.err.msg, "method gpt2_fisher_merging: option 'statistics_dir': "),
                     s.err.msg);
    small_pool(&s, "tokenizer: 'embedded:demo/gpt2/tokenizer', data_dir: 'embedded:demo/data', "
                   "train_datasets: {cola: {name: cola, split: train}}");
    refused(&s, "{name: gpt2_fisher_merging}", FB_ECONFIG,
            "method gpt2_fisher_merging: modelpool.train_datasets has no entry for the expert "
            "'qnli'");
    fb_pool_close(s.merge.pool);
    s.merge.pool = NULL;
    assert_int_equal(
        fb_pool_create(&s.merge.pool,
                       small_yaml(&s, "{type: HF_GPT2ForSequenceClassification, models: {cola: "
                                      "'embedded:demo/gpt2/cola'}}"),
                       NULL, &s.err),
        FB_OK);
    assert_true(small_run(&s, "{name: gpt2_fisher_merging}") < 0);
    assert_string_equal(s.err.msg,
                        "method gpt2_fisher_merging: the model pool has no '_pretrained_' model");
    small_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged_weights_are_those_of_the_reference),
        cmocka_unit_test(test_fisher_weights_are_those_of_the_reference),
        cmocka_unit_test(test_the_bits_do_not_depend_on_threads),
        cmocka_unit_test(test_kept_weights_give_the_same_bits),
        cmocka_unit_test(test_the_seed_chooses_the_examples),
        cmocka_unit_test(test_what_is_wrong_is_said_before_anything_is_computed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
