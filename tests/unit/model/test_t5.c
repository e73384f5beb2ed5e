#include "golden_t5.h"

#include <omp.h>

static void encode_all(struct golden *g, float *out, int64_t max_tokens, int threads) {
    struct fb_batches batches = {0};
    struct fb_graph graph = {0};
    struct fb_err err = {0};
    int64_t width = g->config.d_model, at = 0;

    omp_set_num_threads(threads);
    assert_int_equal(fb_batches_plan_unshared(&batches, &g->sequences, max_tokens, 1 << 20, &err),
                     FB_OK);
    for (int64_t b = 0; b < batches.count; b++) {
        assert_int_equal(fb_t5_encode(g->model, &batches.batch[b], out + at * width, &graph, &err),
                         FB_OK);
        at += batches.batch[b].tokens;
    }
    assert_int_equal(at, g->sequences.offset[g->sequences.count]);
    fb_graph_free(&graph);
    fb_batches_free(&batches);
}

static void test_encoder_states_are_those_of_transformers(void **state) {
    (void)state;
    for (int i = 0; i < GOLDENS; i++) {
        struct golden g;
        float *out;
        golden_open(&g, golden_names[i]);
        out = calloc((size_t)g.sequences.offset[g.sequences.count],
                     (size_t)g.config.d_model * sizeof *out);
        encode_all(&g, out, 64, 2);
        for (int64_t s = 0; s < g.sequences.count; s++)
            golden_close_to(out + (g.sequences.offset[s + 1] - 1) * g.config.d_model,
                            fb_node_get(g.json, "hidden")->item[s]);
        free(out);
        golden_close(&g);
    }
}

static void test_states_do_not_depend_on_batches_or_threads(void **state) {
    static const int64_t tokens[] = {1, 40, 200, 100000};
    static const int threads[] = {1, 2, 4};
    struct golden g;
    size_t size;
    float *first, *other;

    (void)state;
    golden_open(&g, "wide_heads");
    size = (size_t)(g.sequences.offset[g.sequences.count] * g.config.d_model) * sizeof *first;
    first = calloc(1, size);
    other = calloc(1, size);
    encode_all(&g, first, 1, 1);
    for (int i = 0; i < 4; i++)
        for (int t = 0; t < 3; t++) {
            memset(other, 0, size);
            encode_all(&g, other, tokens[i], threads[t]);
            assert_memory_equal(first, other, size);
        }
    free(first);
    free(other);
    golden_close(&g);
}

static void expect_create(struct golden *g, int code, const char *message) {
    struct fb_t5 *m;
    struct fb_err err = {0};

    assert_int_equal(fb_t5_create(&m, &g->config, &g->weights, &err), code);
    assert_null(m);
    assert_string_equal(err.msg, message);
}

static void test_tensors_must_be_there_in_shape(void **state) {
    struct golden g;

    (void)state;
    golden_open(&g, "flan");
    g.config.num_decoder_layers = 3;
    expect_create(&g, FB_ENOTFOUND,
                  "the model has no tensor 'decoder.block.2.layer.0.SelfAttention.q.weight'");
    g.config.num_decoder_layers = 2;
    g.config.d_ff = 25;
    expect_create(&g, FB_EMISMATCH,
                  "tensor 'encoder.block.0.layer.1.DenseReluDense.wi_0.weight' has the shape "
                  "[24, 16], expected [25, 16]");
    g.config.d_ff = 24;
    g.config.relative_attention_num_buckets = 16;
    expect_create(&g, FB_EMISMATCH,
                  "tensor 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight' "
                  "has the shape [32, 2], expected [16, 2]");
    golden_close(&g);
}

static void test_an_id_outside_the_vocabulary_is_refused(void **state) {
    struct golden g;
    struct fb_batches batches = {0};
    struct fb_graph graph = {0};
    struct fb_err err = {0};
    const int32_t id[] = {3, 60};
    const int64_t offset[] = {0, 2};
    float out[32];

    (void)state;
    golden_open(&g, "flan");
    assert_int_equal(
        fb_batches_plan_unshared(&batches, &(struct fb_sequences){1, id, offset}, 10, 10, &err),
        FB_OK);
    assert_int_equal(fb_t5_encode(g.model, &batches.batch[0], out, &graph, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "token id 60 is outside the vocabulary of 60");
    fb_graph_free(&graph);
    fb_batches_free(&batches);
    golden_close(&g);
}

static void test_values_are_released_once_copied(void **state) {
    struct golden g;
    struct fb_t5 *m;
    struct fb_err err = {0};

    (void)state;
    golden_open(&g, "flan");
    assert_int_equal(fb_t5_create_from(&m, &g.config, &g.weights, &err), FB_OK);
    assert_null(fb_weights_find(&g.weights, "lm_head.weight")->data);
    assert_null(
        fb_weights_find(&g.weights, "encoder.block.1.layer.0.SelfAttention.q.weight")->data);
    assert_non_null(fb_weights_find(&g.weights, "shared.weight")->data);
    assert_non_null(fb_weights_find(&g.weights, "encoder.final_layer_norm.weight")->data);
    fb_t5_free(m);
    golden_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoder_states_are_those_of_transformers),
        cmocka_unit_test(test_states_do_not_depend_on_batches_or_threads),
        cmocka_unit_test(test_tensors_must_be_there_in_shape),
        cmocka_unit_test(test_an_id_outside_the_vocabulary_is_refused),
        cmocka_unit_test(test_values_are_released_once_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
