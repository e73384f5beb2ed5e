#include "tiny_pool.h"

#include "alloc_faults.h"
#include "base/alloc.h"
#include "method/regression.h"

static const struct fb_texts nothing = {NULL, 0};

static bool all_matrices(const struct fb_pool *pool, const struct fb_pool_key *key) {
    (void)pool;
    (void)key;
    return true;
}

static struct fb_entry matrix(const char *name, int64_t rows, int64_t cols, const float *values) {
    return (struct fb_entry){.name = name,
                             .dtype = FB_F32,
                             .ndim = 2,
                             .shape = {rows, cols},
                             .numel = rows * cols,
                             .data = values,
                             .size = (size_t)(rows * cols) * sizeof *values};
}

/* Keys: a.bias [2] (mean), b.weight (a layer of [rows, cols]), c (no layer: mean). */
static void write_model(struct tiny *t, const char *name, const float *weight, int64_t rows,
                        int64_t cols, float other) {
    const float bias[] = {other, 2 * other};
    const struct fb_entry e[] = {tiny_tensor("a.bias", bias, 2),
                                 matrix("b.weight", rows, cols, weight), matrix("c", 1, 1, &other)};

    tiny_write(t, name, e, 3);
}

static void begin(struct tiny *t, const float *a, const float *b, int64_t rows, int64_t cols) {
    static const float zeros[8];

    tiny_begin(t);
    write_model(t, "base", zeros, rows, cols, 100);
    write_model(t, "a", a, rows, cols, 1);
    write_model(t, "b", b, rows, cols, 4);
    tiny_pool(t, "{type: AutoModelPool, models: {_pretrained_: base.safetensors, a: "
                 "a.safetensors, b: b.safetensors}}");
}

/* Adds both experts with the Gram matrices g[0] and g[1], [in, in], and merges. */
static int run(struct tiny *t, const struct fb_regression_form *form, const float *const g[2]) {
    struct fb_regression r;
    int rc = fb_regression_open(&r, &t->merge, form, &t->err);

    for (int i = 0; !rc && i < 2; i++) {
        int64_t n = r.input[0].n;
        assert_int_equal(r.layers, 1);
        assert_string_equal(r.layer[0].name, "b");
        memcpy(r.grams.item[0].matrix, g[i], (size_t)(n * n) * sizeof **g);
        rc = fb_regression_add(&r, fb_pool_expert(t->merge.pool, i), &t->err);
    }
    if (!rc) rc = fb_regression_merge(&r, &t->err);
    fb_regression_free(&r);
    return rc;
}

/* One input, two outputs: (1 * (2, 4) + 3 * (6, 8)) / (1 + 3) = (5, 7). */
static void test_a_layer_with_one_input_is_a_weighted_mean(void **state) {
    static const float a[] = {2, 4}, b[] = {6, 8}, one[] = {1}, three[] = {3};
    const float *const g[] = {one, three};
    const struct fb_regression_form form = {all_matrices, NULL, false, 0.5, &nothing};
    struct tiny t;

    (void)state;
    begin(&t, a, b, 1, 2);
    assert_int_equal(run(&t, &form, g), FB_OK);
    assert_true(tiny_value(&t, "b.weight")[0] == 5 && tiny_value(&t, "b.weight")[1] == 7);
    assert_true(tiny_value(&t, "a.bias")[0] == 2.5f && tiny_value(&t, "a.bias")[1] == 5);
    assert_true(tiny_value(&t, "c")[0] == 2.5f);
    assert_int_equal(t.merge.model, 0);
    tiny_end(&t);
}

/* Two inputs, one output, stored [out, in]; ratio 0.5 makes G1 = [[2, 1], [1, 2]] from off-diagonal
 * elements 2, and G2 = [[2, 0], [0, 2]]. G1 (1, 2) + G2 (3, 4) = (10, 13); [[4, 1], [1, 4]] (x, y)
 * gives it for x = 9/5, y = 14/5. */
static void test_elements_beside_the_diagonal_are_reduced(void **state) {
    static const float a[] = {1, 2}, b[] = {3, 4}, g1[] = {2, 2, 2, 2}, g2[] = {2, 0, 0, 2};
    const float *const g[] = {g1, g2};
    const struct fb_regression_form form = {all_matrices, NULL, true, 0.5, &nothing};
    struct tiny t;

    (void)state;
    begin(&t, a, b, 1, 2);
    assert_int_equal(run(&t, &form, g), FB_OK);
    assert_true(tiny_value(&t, "b.weight")[0] == 1.8f && tiny_value(&t, "b.weight")[1] == 2.8f);
    tiny_end(&t);
}

/* [3, 2] stored [out, in]: with unit matrices the result is the mean, element by element. */
static void test_weights_stored_the_other_way_stay_so(void **state) {
    static const float a[] = {1, 2, 3, 4, 5, 6}, b[] = {3, 4, 5, 6, 7, 8}, unit[] = {1, 0, 0, 1};
    const float *const g[] = {unit, unit};
    const struct fb_regression_form form = {all_matrices, NULL, true, 1, &nothing};
    struct tiny t;

    (void)state;
    begin(&t, a, b, 3, 2);
    assert_int_equal(run(&t, &form, g), FB_OK);
    for (int i = 0; i < 6; i++)
        assert_true(tiny_value(&t, "b.weight")[i] == (float)(i + 2));
    tiny_end(&t);
}

/* Sums [[0, 2], [2, 0]] are regular and not positive definite: (2, 1) swapped twice is the mean. */
static void test_a_matrix_that_is_only_regular_is_solved(void **state) {
    static const float a[] = {1, 2}, b[] = {3, 4}, swap[] = {0, 1, 1, 0};
    const float *const g[] = {swap, swap};
    const struct fb_regression_form form = {all_matrices, NULL, false, 1, &nothing};
    struct tiny t;

    (void)state;
    begin(&t, a, b, 2, 1);
    assert_int_equal(run(&t, &form, g), FB_OK);
    assert_true(tiny_value(&t, "b.weight")[0] == 2 && tiny_value(&t, "b.weight")[1] == 3);
    tiny_end(&t);
}

static char *name_of_b(const char *layer, struct fb_err *err) {
    return fb_strdup(strcmp(layer, "c") ? layer : "b", err);
}

/* Layers b and c share the input of b: one system with three right sides. */
static void test_layers_may_share_their_input(void **state) {
    static const float b1[] = {2, 4}, b2[] = {6, 8}, c1[] = {12}, c2[] = {0}, zeros[2];
    const struct {
        const char *model;
        const float *b, *c;
    } models[] = {{"base", zeros, zeros}, {"a", b1, c1}, {"b", b2, c2}};
    const struct fb_regression_form form = {all_matrices, name_of_b, false, 0.5, &nothing};
    struct fb_regression r;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    for (int i = 0; i < 3; i++) {
        const struct fb_entry e[] = {matrix("b.weight", 1, 2, models[i].b),
                                     matrix("c.weight", 1, 1, models[i].c)};
        tiny_write(&t, models[i].model, e, 2);
    }
    tiny_pool(&t, "{type: AutoModelPool, models: {_pretrained_: base.safetensors, a: "
                  "a.safetensors, b: b.safetensors}}");
    assert_int_equal(fb_regression_open(&r, &t.merge, &form, &t.err), FB_OK);
    assert_int_equal(r.layers, 2);
    assert_int_equal(r.inputs, 1);
    for (int i = 0; i < 2; i++) {
        r.grams.item[0].matrix[0] = i ? 3 : 1;
        assert_int_equal(fb_regression_add(&r, i + 1, &t.err), FB_OK);
    }
    assert_int_equal(fb_regression_merge(&r, &t.err), FB_OK);
    assert_true(tiny_value(&t, "b.weight")[0] == 5 && tiny_value(&t, "b.weight")[1] == 7);
    assert_true(tiny_value(&t, "c.weight")[0] == 3);
    fb_regression_free(&r);
    tiny_end(&t);
}

static void test_excluded_keys_are_those_of_the_base(void **state) {
    static const float a[] = {2, 4}, b[] = {6, 8}, one[] = {1};
    static const char *const item[] = {".*bias", "c"}, *const layer[] = {"b"};
    const struct fb_texts patterns = {item, 2}, no_layer = {layer, 1};
    const float *const g[] = {one, one};
    const struct fb_regression_form form = {all_matrices, NULL, false, 1, &patterns};
    const struct fb_regression_form none = {all_matrices, NULL, false, 1, &no_layer};
    struct tiny t;

    (void)state;
    begin(&t, a, b, 1, 2);
    assert_int_equal(run(&t, &form, g), FB_OK);
    assert_true(tiny_value(&t, "b.weight")[0] == 4);
    assert_true(tiny_value(&t, "a.bias")[1] == 200 && tiny_value(&t, "c")[0] == 100);
    assert_int_equal(run(&t, &none, g), FB_EMISMATCH);
    assert_string_equal(t.err.msg, "the models have no linear layer that is not excluded; "
                                   "simple_average merges such models");
    tiny_end(&t);
}

static void test_a_layer_without_a_solution_is_named(void **state) {
    static const float a[] = {2, 4}, b[] = {6, 8}, zero[] = {0, 0, 0, 0}, nan[] = {0x1p127f * 4};
    const float *const g[] = {zero, zero}, *const h[] = {nan, nan};
    const struct fb_regression_form form = {all_matrices, NULL, false, 1, &nothing};
    struct tiny t;

    (void)state;
    begin(&t, a, b, 2, 1);
    assert_int_equal(run(&t, &form, g), FB_EMISMATCH);
    assert_string_equal(t.err.msg,
                        "layer 'b': the sum of the Gram matrices is singular (input 0 of 2 depends "
                        "on those before it); take more examples or a smaller "
                        "reduce_non_diagonal_ratio, or exclude 'b.weight'");
    tiny_end(&t);
    begin(&t, a, b, 1, 2);
    assert_int_equal(run(&t, &form, h), FB_EMISMATCH);
    assert_string_equal(t.err.msg,
                        "layer 'b': an expert's weights or the layer's inputs are not finite");
    tiny_end(&t);
}

static int attempt(void *arg) {
    static const float one[] = {1};
    const float *const g[] = {one, one};
    const struct fb_regression_form form = {all_matrices, NULL, true, 1, &nothing};
    struct tiny *t = arg;

    fb_merge_free(&t->merge);
    memset(&t->err, 0, sizeof t->err);
    return run(t, &form, g);
}

static void test_every_allocation_may_fail(void **state) {
    static const float a[] = {2, 4}, b[] = {6, 8};
    struct tiny t;

    (void)state;
    begin(&t, a, b, 2, 1);
    assert_true(for_each_allocation_failure(attempt, &t, 200) > 10);
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_layer_with_one_input_is_a_weighted_mean),
        cmocka_unit_test(test_elements_beside_the_diagonal_are_reduced),
        cmocka_unit_test(test_weights_stored_the_other_way_stay_so),
        cmocka_unit_test(test_a_matrix_that_is_only_regular_is_solved),
        cmocka_unit_test(test_layers_may_share_their_input),
        cmocka_unit_test(test_excluded_keys_are_those_of_the_base),
        cmocka_unit_test(test_a_layer_without_a_solution_is_named),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
