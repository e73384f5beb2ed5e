#include "golden_merge.h"
#include "tiny_pool.h"

static const char pool[] =
    "{type: AutoModelPool, models: {a: a.safetensors, b: b.safetensors, c: c.safetensors}}";

static void begin(struct tiny *t) {
    tiny_begin(t);
    tiny_model(t, "a", "w", (const float[]){1}, 1);
    tiny_model(t, "b", "w", (const float[]){10}, 1);
    tiny_model(t, "c", "w", (const float[]){100}, 1);
    tiny_pool(t, pool);
}

/* Weights 1, 1, 2 become 0.25, 0.25, 0.5: 0.25 + 2.5 + 50. As they are: 1 + 10 + 200. */
static void test_normalizes_the_weights_unless_told_not_to(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    if (tiny_run(&t, "{name: weighted_average, weights: [1, 1, 2]}")) fail_msg("%s", t.err.msg);
    assert_true(tiny_value(&t, "w")[0] == 52.75f);
    if (tiny_run(&t, "{name: weighted_average, weights: [1, 1, 2], normalize: false}"))
        fail_msg("%s", t.err.msg);
    assert_true(tiny_value(&t, "w")[0] == 211.0f);
    tiny_end(&t);
}

static void test_a_wrong_number_of_weights_is_refused_with_both_counts(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    assert_int_equal(tiny_run(&t, "{name: weighted_average}"), FB_ECONFIG);
    assert_string_equal(t.err.msg, "method weighted_average: option 'weights': 2 weights for 3 "
                                   "experts; there must be one for each");
    tiny_end(&t);
}

static void test_weights_that_sum_to_zero_are_refused(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    assert_int_equal(tiny_run(&t, "{name: weighted_average, weights: [1, 1, -2]}"), FB_ECONFIG);
    assert_string_equal(t.err.msg,
                        "method weighted_average: option 'weights': they sum to 0 and cannot be "
                        "normalized; change them or set normalize=false");
    if (tiny_run(&t, "{name: weighted_average, weights: [1, 1, -2], normalize: false}"))
        fail_msg("%s", t.err.msg);
    assert_true(tiny_value(&t, "w")[0] == -189.0f);
    tiny_end(&t);
}

static void test_equals_the_reference_bit_for_bit(void **state) {
    (void)state;
    assert_int_equal(golden_run_all("WeightedAverageAlgorithm", 0, NULL), 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalizes_the_weights_unless_told_not_to),
        cmocka_unit_test(test_a_wrong_number_of_weights_is_refused_with_both_counts),
        cmocka_unit_test(test_weights_that_sum_to_zero_are_refused),
        cmocka_unit_test(test_equals_the_reference_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
