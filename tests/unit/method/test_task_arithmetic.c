#include "golden_merge.h"
#include "tiny_pool.h"

static const char pool[] =
    "{type: AutoModelPool, models: [{name: _pretrained_, path: base.safetensors},"
    "{name: a, path: a.safetensors}, {name: b, path: b.safetensors}]}";

/* Two experts that pull one weight apart: base 1, experts 3 and 0. The task vectors are +2 and -1,
 * so the sum is +1 and the result 1 + 0.5. The second weight moves by nothing. */
static void test_adds_scaled_task_vectors(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "base", "w", (const float[]){1, 4}, 2);
    tiny_model(&t, "a", "w", (const float[]){3, 4}, 2);
    tiny_model(&t, "b", "w", (const float[]){0, 4}, 2);
    tiny_pool(&t, pool);
    assert_int_equal(tiny_run(&t, "{name: task_arithmetic, scaling_factor: 0.5}"), FB_OK);
    assert_true(tiny_value(&t, "w")[0] == 1.5f);
    assert_true(tiny_value(&t, "w")[1] == 4.0f);
    assert_int_equal(t.merge.model, 0);
    tiny_end(&t);
}

static void test_unknown_option_names_the_nearest_one(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    assert_int_equal(tiny_run(&t, "{name: task_arithmetic, scaling_facto: 1}"), FB_ECONFIG);
    assert_string_equal(t.err.msg, "method task_arithmetic: test.yaml:1:40: no option "
                                   "'scaling_facto' (did you mean 'scaling_factor'?)");
    tiny_end(&t);
}

static void test_a_pool_without_base_is_refused(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{type: AutoModelPool, models: [{name: a, path: a.safetensors}]}");
    assert_int_equal(tiny_run(&t, "{name: task_arithmetic}"), FB_ENOTFOUND);
    assert_string_equal(t.err.msg,
                        "method task_arithmetic: the model pool has no '_pretrained_' model");
    tiny_end(&t);
}

static void test_equals_the_reference_bit_for_bit(void **state) {
    (void)state;
    assert_int_equal(golden_run_all("TaskArithmeticAlgorithm", 0, NULL), 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adds_scaled_task_vectors),
        cmocka_unit_test(test_unknown_option_names_the_nearest_one),
        cmocka_unit_test(test_a_pool_without_base_is_refused),
        cmocka_unit_test(test_equals_the_reference_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
