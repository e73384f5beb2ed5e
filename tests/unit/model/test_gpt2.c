#include "golden_gpt2.h"

#include "alloc_faults.h"

#include <omp.h>

static const char *const names[] = {
    "default",    "one_layer",     "one_head",    "head_dim_1", "head_dim_3",
    "head_dim_5", "head_dim_64",   "head_dim_80", "inner",      "long",
    "gelu",       "relu",          "silu",        "tanh",       "gelu_fast",
    "unscaled",   "inverse_layer", "upcast",      "epsilon",
};
enum { NAMES = (int)(sizeof names / sizeof *names) };

struct setting {
    int64_t max_tokens, max_sequences;
    bool shared, observed;
    int threads;
};

static int look(void *self, const char *name, const struct fb_tensor *input, struct fb_err *err) {
    int64_t *rows = self;

    (void)err;
    if (strcmp(name, "h.0.mlp.c_fc") == 0) *rows += input->rows;
    return FB_OK;
}

/* Hidden states of all sequences in their order: [count, n_embd], owned. */
static float *run(const struct golden *g, const struct fb_gpt2 *m, struct setting how) {
    struct fb_err err = {0};
    struct fb_batches plan;
    struct fb_graph graph = {0};
    int64_t seen = 0, n = g->config.n_embd;
    const struct fb_observer observer = {look, &seen};
    float *all = malloc((size_t)(g->sequences.count * n) * sizeof *all);
    float *out = malloc((size_t)(g->sequences.count * n) * sizeof *out);

    assert_non_null(all);
    assert_non_null(out);
    omp_set_num_threads(how.threads);
    graph.observer = how.observed ? &observer : NULL;
    assert_int_equal((how.shared ? fb_batches_plan : fb_batches_plan_unshared)(
                         &plan, &g->sequences, how.max_tokens, how.max_sequences, &err),
                     FB_OK);
    for (int64_t b = 0; b < plan.count; b++) {
        const struct fb_batch *batch = &plan.batch[b];
        assert_int_equal(fb_gpt2_last_hidden(m, batch, out, &graph, &err), FB_OK);
        for (int64_t i = 0; i < batch->sequences; i++)
            memcpy(all + batch->sequence[i] * n, out + i * n, (size_t)n * sizeof *all);
    }
    assert_int_equal(seen, how.observed ? plan.rows : 0);
    fb_graph_free(&graph);
    fb_batches_free(&plan);
    free(out);
    return all;
}

/* 2e-5: both sides round each of some hundred operations to f32; values are up to 3 or so. */
static void compare(const float *got, const struct fb_node *rows, int64_t cols) {
    for (int64_t i = 0; i < rows->count; i++)
        for (int64_t j = 0; j < cols; j++) {
            double expected = golden_real(rows->item[i]->item[j]), found = got[i * cols + j];
            if (fabs(found - expected) > 2e-5)
                fail_msg("row %d column %d: %.9g, expected %.9g", (int)i, (int)j, found, expected);
        }
}

static void test_hidden_states_and_logits_are_those_of_transformers(void **state) {
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct fb_err err = {0};
        struct golden g;
        struct fb_gpt2 *m = NULL;
        const struct fb_weight *score;
        float *hidden, *logits;
        golden_open(&g, names[i]);
        score = &g.weights.item[g.weights.names.count - 1];
        assert_int_equal(fb_gpt2_create(&m, &g.config, &g.weights, &err), FB_OK);
        assert_int_equal(fb_gpt2_config(m)->n_layer, g.config.n_layer);
        hidden = run(&g, m, (struct setting){100, 100, true, false, 2});
        compare(hidden, fb_node_get(g.json, "hidden"), g.config.n_embd);
        logits = malloc((size_t)(g.sequences.count * g.config.num_labels) * sizeof *logits);
        assert_non_null(logits);
        assert_int_equal(
            fb_gpt2_logits(logits, hidden, g.sequences.count, g.config.n_embd, score, &err), FB_OK);
        compare(logits, fb_node_get(g.json, "logits"), g.config.num_labels);
        free(logits);
        free(hidden);
        fb_gpt2_free(m);
        golden_close(&g);
    }
}

static void test_bits_depend_on_nothing_but_the_sequence(void **state) {
    static const struct setting settings[] = {
        {1, 1, true, false, 1},    {1, 1, false, false, 2},    {30, 8, true, false, 4},
        {100, 64, true, false, 1}, {100, 64, false, false, 4}, {1000, 3, true, false, 2},
        {40, 64, false, true, 2},  {1000, 64, true, true, 4},
    };

    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct fb_err err = {0};
        struct golden g;
        struct fb_gpt2 *m = NULL;
        float *first;
        golden_open(&g, names[i]);
        assert_int_equal(fb_gpt2_create(&m, &g.config, &g.weights, &err), FB_OK);
        first = run(&g, m, (struct setting){1000, 1000, true, false, 2});
        for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) {
            float *other = run(&g, m, settings[k]);
            assert_memory_equal(first, other,
                                (size_t)(g.sequences.count * g.config.n_embd) * sizeof *first);
            free(other);
        }
        free(first);
        fb_gpt2_free(m);
        golden_close(&g);
    }
}

static void test_a_missing_tensor_is_named(void **state) {
    struct fb_err err = {0};
    struct golden g;
    struct fb_gpt2 *m = NULL;

    (void)state;
    golden_open(&g, "default");
    g.config.n_layer = 3;
    assert_int_equal(fb_gpt2_create(&m, &g.config, &g.weights, &err), FB_ENOTFOUND);
    assert_string_equal(err.msg, "the model has no tensor 'h.2.ln_1.weight'");
    assert_null(m);
    golden_close(&g);
}

static void test_a_wrong_shape_is_named(void **state) {
    struct fb_err err = {0};
    struct golden g;
    struct fb_gpt2 *m = NULL;

    (void)state;
    golden_open(&g, "default");
    g.config.n_inner = 63;
    assert_int_equal(fb_gpt2_create(&m, &g.config, &g.weights, &err), FB_EMISMATCH);
    assert_string_equal(err.msg,
                        "tensor 'h.0.mlp.c_fc.weight' has the shape [16, 64], expected [16, 63]");
    g.config.n_inner = 64;
    g.weights.item[fb_names_find(&g.weights.names, "ln_f.bias")].ndim = 0;
    assert_int_equal(fb_gpt2_create(&m, &g.config, &g.weights, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "tensor 'ln_f.bias' has the shape [], expected [16]");
    golden_close(&g);
}

static void test_ids_and_lengths_beyond_the_model_are_refused(void **state) {
    struct fb_err err = {0};
    struct golden g;
    struct fb_gpt2 *m = NULL;
    struct fb_graph graph = {0};
    struct fb_segment segment = {-1, 0, 25, 0, 0};
    int32_t id[25] = {0}, position[25];
    int64_t zero = 0;
    struct fb_batch batch = {25, id, position, 1, &segment, 1, &zero, &zero};
    float out[16];

    (void)state;
    for (int32_t i = 0; i < 25; i++)
        position[i] = i;
    golden_open(&g, "default");
    assert_int_equal(fb_gpt2_create(&m, &g.config, &g.weights, &err), FB_OK);
    assert_int_equal(fb_gpt2_last_hidden(m, &batch, out, &graph, &err), FB_EMISMATCH);
    assert_string_equal(err.msg,
                        "a sequence has more than the 24 tokens the model has positions for");
    id[3] = 40;
    assert_int_equal(fb_gpt2_last_hidden(m, &batch, out, &graph, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "token id 40 at position 3 is outside the vocabulary of 40");
    fb_gpt2_free(m);
    golden_close(&g);
}

static void test_a_score_of_another_width_is_refused(void **state) {
    struct fb_err err = {0};
    struct fb_weight score = {.name = "score.weight", .ndim = 2, .shape = {2, 15}};
    float value = 0.0f;

    (void)state;
    assert_int_equal(fb_gpt2_logits(&value, &value, 1, 16, &score, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "tensor 'score.weight' is not a matrix of 16 columns");
}

/* The golden's tensors are borrowed: here they are copied into some that may be released. */
static void test_what_was_copied_may_be_released(void **state) {
    struct fb_err err = {0};
    struct golden g;
    struct fb_weights own = {0};
    struct fb_gpt2 *kept = NULL, *released = NULL;
    float *first, *second;

    (void)state;
    golden_open(&g, "default");
    for (int64_t i = 0; i < g.weights.names.count; i++) {
        const struct fb_weight *from = &g.weights.item[i];
        struct fb_weight *to = fb_weights_add(&own, from->name, from->ndim, from->shape, &err);
        assert_non_null(to);
        memcpy(to->owned, from->data, (size_t)from->numel * sizeof *to->owned);
    }
    assert_int_equal(fb_gpt2_create(&kept, &g.config, &own, &err), FB_OK);
    first = run(&g, kept, (struct setting){100, 100, true, false, 2});
    assert_int_equal(fb_gpt2_create_from(&released, &g.config, &own, &err), FB_OK);
    for (int64_t i = 0; i < own.names.count; i++)
        assert_int_equal(own.item[i].owned == NULL, strstr(own.item[i].name, ".c_") != NULL);
    second = run(&g, released, (struct setting){100, 100, true, false, 2});
    assert_memory_equal(first, second,
                        (size_t)(g.sequences.count * g.config.n_embd) * sizeof *first);
    free(first);
    free(second);
    fb_gpt2_free(kept);
    fb_gpt2_free(released);
    fb_weights_free(&own);
    golden_close(&g);
}

static int attempt(void *arg) {
    const struct golden *g = arg;
    struct fb_err err = {0};
    struct fb_gpt2 *m = NULL;
    struct fb_batches plan = {0};
    struct fb_graph graph = {0};
    float out[7 * 16];

    if (!fb_gpt2_create(&m, &g->config, &g->weights, &err) &&
        !fb_batches_plan(&plan, &g->sequences, 1000, 1000, &err) &&
        fb_gpt2_last_hidden(m, &plan.batch[0], out, &graph, &err) == FB_OK)
        assert_int_equal(err.code, FB_OK);
    fb_graph_free(&graph);
    fb_batches_free(&plan);
    fb_gpt2_free(m);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    struct golden g;

    (void)state;
    golden_open(&g, "default");
    assert_true(for_each_allocation_failure(attempt, &g, 1000) > 10);
    golden_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hidden_states_and_logits_are_those_of_transformers),
        cmocka_unit_test(test_bits_depend_on_nothing_but_the_sequence),
        cmocka_unit_test(test_a_missing_tensor_is_named),
        cmocka_unit_test(test_a_wrong_shape_is_named),
        cmocka_unit_test(test_ids_and_lengths_beyond_the_model_are_refused),
        cmocka_unit_test(test_a_score_of_another_width_is_refused),
        cmocka_unit_test(test_what_was_copied_may_be_released),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
