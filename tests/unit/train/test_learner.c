#include "golden_train.h"

#include "alloc_faults.h"

#include <omp.h>

static const char *const names[] = {"gpt2_full", "gpt2_lora", "gpt2_language", "t5_full",
                                    "t5_lora"};
enum { NAMES = (int)(sizeof names / sizeof *names), STEPS = 4 };

/* All parameters after some steps with dropout, end to end: owned. */
struct outcome {
    float *value;
    int64_t count;
};

static struct outcome values_of(const struct fb_learner *l) {
    struct outcome out = {malloc((size_t)l->params.values * sizeof(float)), l->params.values};
    int64_t at = 0;

    assert_non_null(out.value);
    for (int64_t i = 0; i < l->params.names.count; i++) {
        const struct fb_param *p = &l->params.item[i];
        memcpy(out.value + at, p->value, (size_t)p->count * sizeof(float));
        at += p->count;
    }
    return out;
}

static struct outcome learn(const char *name, int threads, double dropout, uint64_t seed,
                            int64_t tokens) {
    struct golden g;
    struct fb_learner l;
    struct fb_err err = {0};
    struct recipe r;
    struct outcome out;

    omp_set_num_threads(threads);
    golden_open(&g, name);
    golden_learner_with(&l, &g, dropout);
    r = golden_recipe(&g);
    if (tokens) l.limits.tokens = tokens;
    for (int64_t at = 0; at < STEPS; at++) {
        struct fb_loss loss;
        int64_t row[64], n = golden_batch(row, &g, at);
        double norm;
        assert_int_equal(
            fb_learner_gradients(&l, &g.corpus, row, n, 1.0, seed + (uint64_t)at, &loss, &err),
            FB_OK);
        assert_int_equal(
            fb_learner_step(&l, &r.rule, fb_schedule_rate(&r.schedule, at), &norm, &err), FB_OK);
    }
    out = values_of(&l);
    fb_learner_free(&l);
    golden_close(&g);
    return out;
}

static double largest_difference(const struct outcome *a, const struct outcome *b) {
    double most = 0;

    assert_int_equal(a->count, b->count);
    for (int64_t i = 0; i < a->count; i++)
        most = fmax(most, fabs((double)a->value[i] - (double)b->value[i]));
    return most;
}

static void test_the_bits_do_not_depend_on_the_number_of_threads(void **state) {
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct outcome one = learn(names[i], 1, 0.1, 5, 0);
        for (int threads = 2; threads <= 4; threads += 2) {
            struct outcome more = learn(names[i], threads, 0.1, 5, 0);
            assert_memory_equal(one.value, more.value, (size_t)one.count * sizeof(float));
            free(more.value);
        }
        free(one.value);
    }
}

static void test_dropout_is_a_function_of_the_seed(void **state) {
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct outcome a = learn(names[i], 2, 0.1, 5, 0), same = learn(names[i], 2, 0.1, 5, 0);
        struct outcome other = learn(names[i], 2, 0.1, 6, 0), none = learn(names[i], 2, 0, 5, 0);
        assert_memory_equal(a.value, same.value, (size_t)a.count * sizeof(float));
        assert_true(largest_difference(&a, &other) > 1e-4);
        assert_true(largest_difference(&a, &none) > 1e-4);
        free(a.value);
        free(same.value);
        free(other.value);
        free(none.value);
    }
}

/* Sums of gradients are rounded elsewhere; 20 tokens are one or two sequences. Steps are up to
 * 3e-3: where a gradient is a rounding error they may differ by all of it. */
static void test_a_batch_that_is_cut_into_groups_teaches_the_same(void **state) {
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct outcome whole = learn(names[i], 2, 0, 5, 0), cut = learn(names[i], 2, 0, 5, 20);
        int64_t apart = 0;
        for (int64_t k = 0; k < whole.count; k++)
            apart += fabs((double)whole.value[k] - (double)cut.value[k]) > 1e-4;
        assert_true(largest_difference(&whole, &cut) > 0);
        assert_true(apart < whole.count / 50);
        free(whole.value);
        free(cut.value);
    }
}

/* Without dropout the loss that is measured is the one that is learnt from. */
static void test_a_loss_is_measured_without_learning(void **state) {
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct golden g;
        struct fb_learner l;
        struct fb_err err = {0};
        struct fb_loss learnt, measured = {0};
        int64_t row[64], n;
        golden_open(&g, names[i]);
        golden_learner(&l, &g);
        n = golden_batch(row, &g, 0);
        assert_int_equal(fb_learner_measure(&l, &g.corpus, row, n, &measured, &err), FB_OK);
        assert_int_equal(fb_learner_gradients(&l, &g.corpus, row, n, 1.0, 1, &learnt, &err), FB_OK);
        assert_true(fabs(measured.sum - learnt.sum) <= 1e-12 * learnt.sum);
        assert_int_equal(measured.labels, learnt.labels);
        assert_int_equal(measured.tokens, learnt.tokens);
        assert_true(measured.right >= 0 && measured.right <= measured.labels);
        fb_learner_free(&l);
        golden_close(&g);
    }
}

/* Only the factors and the head of an adapter move; the model's own values are in no list. */
static void test_memory_is_told_by_what_it_is_for(void **state) {
    struct golden g;
    struct fb_learner l;
    struct fb_err err = {0};
    struct fb_loss loss;
    int64_t row[64], n;
    struct fb_learner_memory m;

    (void)state;
    golden_open(&g, "gpt2_lora");
    golden_learner(&l, &g);
    /* per block c_attn 4 * (16 + 48) and mlp.c_proj 4 * (64 + 16); the head 2 * 16 */
    assert_int_equal(l.params.values, 2 * (4 * 64 + 4 * 80) + 32);
    m = fb_learner_memory(&l);
    /* embeddings, norms and biases once; matrices of two blocks, head and factors thrice */
    assert_int_equal(m.weights,
                     4 * (40 * 16 + 24 * 16 + 2 * (4 * 16 + 48 + 16 + 64 + 16) + 32 +
                          3 * (2 * (16 * 48 + 16 * 16 + 2 * 16 * 64)) + 3 * (2 * 576 + 32)));
    assert_int_equal(m.optimizer, 3 * 4 * l.params.values);
    assert_int_equal(m.activations, 0);
    n = golden_batch(row, &g, 0);
    assert_int_equal(fb_learner_gradients(&l, &g.corpus, row, n, 1.0, 1, &loss, &err), FB_OK);
    assert_true(fb_learner_memory(&l).activations > 0);
    fb_learner_free(&l);
    golden_close(&g);
}

static void test_other_architectures_are_refused(void **state) {
    static const char text[] = "{\"model_type\": \"llama\"}";
    struct fb_arena arena = {0};
    struct fb_learner l;
    struct fb_err err = {0};
    struct fb_node *json;

    (void)state;
    assert_int_equal(fb_json_parse(&json, &arena, text, strlen(text), "config.json", &err), FB_OK);
    assert_int_equal(fb_learner_configure(&l, FB_CLASSIFICATION, json, 2, &err), FB_EUNSUPPORTED);
    assert_string_equal(err.msg, "model_type 'llama' cannot be trained; gpt2 and t5 can");
    fb_learner_free(&l);
    fb_arena_free(&arena);
}

static int make(void *arg) {
    struct golden *g = arg;
    const struct fb_node *config = fb_node_get(g->json, "config");
    struct fb_adapter_options o = {.r = 4, .alpha = 8, .base_model = "base"};
    struct fb_arena arena = {0};
    struct fb_learner l;
    struct fb_err err = {0};
    struct fb_node *adapter = NULL;
    struct fb_loss loss;
    const int64_t row[] = {0, 1, 2};
    int64_t added;
    int rc = fb_learner_configure(&l, g->objective, config,
                                  g->objective == FB_CLASSIFICATION ? 2 : 0, &err);

    if (!rc) rc = fb_learner_create(&l, 0, &added, &err);
    if (!rc && g->objective != FB_LANGUAGE_MODEL) {
        adapter = fb_adapter_config(&l, &o, &arena, &err);
        rc = adapter ? fb_adapter_attach(&l, adapter, 0, &err) : err.code;
    }
    if (!rc) rc = fb_learner_begin(&l, &err);
    if (!rc) rc = fb_learner_gradients(&l, &g->corpus, row, 3, 1.0, 1, &loss, &err);
    fb_learner_free(&l);
    fb_arena_free(&arena);
    return rc;
}

static void test_running_out_of_memory_is_reported(void **state) {
    (void)state;
    omp_set_num_threads(1);
    for (int i = 1; i < NAMES; i += 2) { /* an adapter, and T5 */
        struct golden g;
        golden_open(&g, names[i]);
        assert_true(for_each_allocation_failure(make, &g, 5000) > 50);
        golden_close(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bits_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(test_dropout_is_a_function_of_the_seed),
        cmocka_unit_test(test_a_batch_that_is_cut_into_groups_teaches_the_same),
        cmocka_unit_test(test_a_loss_is_measured_without_learning),
        cmocka_unit_test(test_memory_is_told_by_what_it_is_for),
        cmocka_unit_test(test_other_architectures_are_refused),
        cmocka_unit_test(test_running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
