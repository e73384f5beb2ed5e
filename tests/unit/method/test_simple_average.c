#include "golden_merge.h"
#include "tiny_pool.h"

/* (1 + 2 + 4) / 3 in f32; multiplying by f32(1/3) would give a larger last bit for some values. The
 * base takes no part and need not be there. */
static void test_divides_the_sum_of_the_experts(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "a", "w", (const float[]){1, 5}, 2);
    tiny_model(&t, "b", "w", (const float[]){2, 5}, 2);
    tiny_model(&t, "c", "w", (const float[]){4, 15}, 2);
    tiny_pool(&t, "{type: AutoModelPool, models: {_pretrained_: nowhere, a: a.safetensors,"
                  " b: b.safetensors, c: c.safetensors}}");
    if (tiny_run(&t, "{name: simple_average}")) fail_msg("%s", t.err.msg);
    assert_true(tiny_value(&t, "w")[0] == 7.0f / 3.0f);
    assert_true(tiny_value(&t, "w")[1] == 25.0f / 3.0f);
    assert_int_equal(t.merge.model, 1);
    tiny_end(&t);
}

static void test_options_of_the_python_class_are_accepted(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "a", "w", (const float[]){1}, 1);
    tiny_pool(&t, "{type: AutoModelPool, models: {a: a.safetensors}}");
    if (tiny_run(&t, "{_target_: fusion_bench.method.SimpleAverageAlgorithm, show_pbar: true,"
                     " inplace: false}"))
        fail_msg("%s", t.err.msg);
    assert_true(tiny_value(&t, "w")[0] == 1.0f);
    tiny_end(&t);
}

static void test_a_pool_without_experts_is_refused(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{type: AutoModelPool, models: {_pretrained_: a.safetensors}}");
    assert_int_equal(tiny_run(&t, "{name: simple_average}"), FB_EMISMATCH);
    assert_string_equal(t.err.msg,
                        "method simple_average: the model pool has no expert, only special models");
    tiny_end(&t);
}

static void test_equals_the_reference_bit_for_bit(void **state) {
    (void)state;
    assert_int_equal(golden_run_all("SimpleAverageAlgorithm", 0, NULL), 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_divides_the_sum_of_the_experts),
        cmocka_unit_test(test_options_of_the_python_class_are_accepted),
        cmocka_unit_test(test_a_pool_without_experts_is_refused),
        cmocka_unit_test(test_equals_the_reference_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
