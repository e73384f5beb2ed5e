#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "nn/encdec.h"

#include <string.h>

struct fixture {
    struct fb_graph g;
    struct fb_linear w, v;
    float data[4];
    struct fb_tensor x;
};

static void set_up(struct fixture *f) {
    static const float w[] = {1, 0, 0, 1}, v[] = {1, 2, 3, 4}; /* [out, in] */
    struct fb_err err = {0};

    *f = (struct fixture){.w.name = "w", .v.name = "v", .data = {1, -1, 2, 3}};
    f->x = (struct fb_tensor){f->data, 2, 2};
    assert_int_equal(fb_pack(&f->w.weight, w, FB_OUT_IN, NULL, 2, 2, NULL, &err), FB_OK);
    assert_int_equal(fb_pack(&f->v.weight, v, FB_OUT_IN, NULL, 2, 2, NULL, &err), FB_OK);
}

static void tear_down(struct fixture *f) {
    fb_packed_free(&f->w.weight);
    fb_packed_free(&f->v.weight);
    fb_graph_free(&f->g);
}

/* relu(1, -1) * (1 - 2, 3 - 4) and relu(2, 3) * (2 + 6, 6 + 12). */
static void test_a_gate_multiplies_two_projections(void **state) {
    const float expected[] = {-1, 0, 16, 54};
    struct fb_err err = {0};
    struct fixture f;
    struct fb_tensor *y;

    (void)state;
    set_up(&f);
    y = fb_op_gated(&f.g, &f.x, &f.w, &f.v, FB_RELU, &err);
    assert_non_null(y);
    for (int i = 0; i < 4; i++)
        assert_true(y->data[i] == expected[i]);
    tear_down(&f);
}

/* 3 and 4: the root of the mean square is sqrt(12.5). */
static void test_a_norm_divides_by_the_root_mean_square(void **state) {
    float data[] = {3, 4};
    const float weight[] = {1, 2};
    const struct fb_rms norm = {"norm", weight, 0};
    const struct fb_tensor x = {data, 1, 2};
    struct fb_graph g = {0};
    struct fb_err err = {0};
    struct fb_tensor *y = fb_op_rms_norm(&g, &x, &norm, &err);

    (void)state;
    assert_non_null(y);
    assert_float_equal(y->data[0], 0.8485281f, 1e-6f);
    assert_float_equal(y->data[1], 2.2627417f, 1e-6f);
    fb_graph_free(&g);
}

/* Equal scores: the mean of the values; a bias of -1000 on distance 1 leaves the others. */
static void test_attention_weighs_by_scores_and_bias(void **state) {
    float zero[3] = {0}, value[] = {1, 2, 6}, by_distance[] = {0, 0, 0, -1000, 0};
    const struct fb_tensor q = {zero, 3, 1}, v = {value, 3, 1}, bias = {by_distance, 1, 5};
    struct fb_segment segment = {-1, 0, 3, 0, 0};
    const struct fb_batch batch = {.tokens = 3, .segments = 1, .segment = &segment};
    const struct fb_heads heads = {1, 1.0f, 0};
    struct fb_attend_in in = {.q = &q, .k = &q, .v = &v, .bias = &bias, .queries = &batch};
    struct fb_graph g = {0};
    struct fb_err err = {0};
    struct fb_tensor *y = fb_op_attend(&g, &in, &heads, &err);

    (void)state;
    assert_non_null(y);
    assert_float_equal(y->data[0], 3.5f, 1e-5f); /* 1 and 6 */
    assert_float_equal(y->data[1], 1.5f, 1e-5f); /* 1 and 2 */
    assert_float_equal(y->data[2], 3.0f, 1e-5f); /* all */
    in.bias = NULL;
    in.causal = true;
    y = fb_op_attend(&g, &in, &heads, &err);
    assert_non_null(y);
    assert_float_equal(y->data[0], 1.0f, 1e-5f); /* itself */
    assert_float_equal(y->data[1], 1.5f, 1e-5f);
    assert_float_equal(y->data[2], 3.0f, 1e-5f);
    fb_graph_free(&g);
}

/* Two sequences: one query over two keys, two queries over one key. */
static void test_attention_crosses_to_the_same_sequence(void **state) {
    float zero[3] = {0}, value[] = {1, 2, 6};
    const struct fb_tensor q = {zero, 3, 1}, v = {value, 3, 1};
    struct fb_segment one_two[] = {{-1, 0, 1, 0, 0}, {-1, 1, 2, 0, 0}};
    struct fb_segment two_one[] = {{-1, 0, 2, 0, 0}, {-1, 2, 1, 0, 0}};
    const struct fb_batch queries = {.tokens = 3, .segments = 2, .segment = one_two};
    const struct fb_batch keys = {.tokens = 3, .segments = 2, .segment = two_one};
    const struct fb_heads heads = {1, 1.0f, 0};
    const struct fb_attend_in in = {.q = &q, .k = &q, .v = &v, .queries = &queries, .keys = &keys};
    struct fb_graph g = {0};
    struct fb_err err = {0};
    struct fb_tensor *y = fb_op_attend(&g, &in, &heads, &err);

    (void)state;
    assert_non_null(y);
    assert_float_equal(y->data[0], 1.5f, 1e-5f);
    assert_float_equal(y->data[1], 6.0f, 1e-5f);
    assert_float_equal(y->data[2], 6.0f, 1e-5f);
    fb_graph_free(&g);
}

/* Two heads; distances -1, 0, 1 are in the buckets 1, 0, 1. */
static void test_a_bias_is_looked_up_by_distance(void **state) {
    const float values[] = {1, 2, 3, 4}, expected[] = {3, 1, 3, 4, 2, 4};
    const int64_t bucket[] = {1, 0, 1};
    const struct fb_table table = {"table", values, 2};
    struct fb_graph g = {0};
    struct fb_err err = {0};
    struct fb_tensor *y = fb_op_distance_bias(&g, &table, bucket, 3, &err);

    (void)state;
    assert_non_null(y);
    assert_int_equal(y->rows, 2);
    assert_memory_equal(y->data, expected, sizeof expected);
    fb_graph_free(&g);
}

static void test_a_step_attends_to_its_span(void **state) {
    float zero[2] = {0};
    const float key[] = {0, 0, 0}, value[] = {1, 2, 6};
    const struct fb_span span[] = {{key, value, 2}, {key, value, 3}};
    const struct fb_tensor q = {zero, 2, 1};
    struct fb_graph g = {0};
    struct fb_err err = {0};
    struct fb_tensor *y = fb_op_attention_step(&g, &q, span, 1, NULL, 0, &err);

    (void)state;
    assert_non_null(y);
    assert_float_equal(y->data[0], 1.5f, 1e-5f);
    assert_float_equal(y->data[1], 3.0f, 1e-5f);
    fb_graph_free(&g);
}

static void test_a_missing_input_is_passed_on(void **state) {
    struct fb_graph g = {0};
    struct fb_err err = {0};

    (void)state;
    assert_null(fb_op_rms_norm(&g, NULL, NULL, &err));
    assert_null(fb_op_attend(&g, &(struct fb_attend_in){.queries = &(struct fb_batch){0}},
                             &(struct fb_heads){1, 1.0f, 0}, &err));
    assert_null(fb_op_attention_step(&g, NULL, NULL, 1, NULL, 0, &err));
    fb_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_gate_multiplies_two_projections),
        cmocka_unit_test(test_a_norm_divides_by_the_root_mean_square),
        cmocka_unit_test(test_attention_weighs_by_scores_and_bias),
        cmocka_unit_test(test_attention_crosses_to_the_same_sequence),
        cmocka_unit_test(test_a_bias_is_looked_up_by_distance),
        cmocka_unit_test(test_a_step_attends_to_its_span),
        cmocka_unit_test(test_a_missing_input_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
