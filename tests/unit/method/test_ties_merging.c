#include "golden_merge.h"
#include "tiny_pool.h"
#include <math.h>

static const char pool[] =
    "{type: AutoModelPool, models: [{name: _pretrained_, path: base.safetensors},"
    "{name: a, path: a.safetensors}, {name: b, path: b.safetensors}]}";

/* Base 0, so task vectors are the experts: a = (1, -2, 3, 4), b = (-5, 1, 6, -1).
 * threshold 50 keeps the larger half of each: a = (0, 0, 3, 4), b = (-5, 0, 6, 0).
 * Signs: -, none, +, +. Sums: -5, 0, 9, 4. */
static void begin(struct tiny *t) {
    tiny_begin(t);
    tiny_model(t, "base", "w", (const float[]){0, 0, 0, 0}, 4);
    tiny_model(t, "a", "w", (const float[]){1, -2, 3, 4}, 4);
    tiny_model(t, "b", "w", (const float[]){-5, 1, 6, -1}, 4);
    tiny_pool(t, pool);
}

static void check(struct tiny *t, const char *method, float a, float b, float c, float d) {
    if (tiny_run(t, method)) fail_msg("%s", t->err.msg);
    assert_true(tiny_value(t, "w")[0] == a);
    assert_true(tiny_value(t, "w")[1] == b);
    assert_true(tiny_value(t, "w")[2] == c);
    assert_true(tiny_value(t, "w")[3] == d);
}

/* k = 4 - trunc(4 * 0.5) = 2: the second smallest magnitude is kept too, so a = (0, -2, 3, 4) and
 * b = (-5, 1, 6, 1) with its tie at 1: signs -, -, +, +. */
static void test_keeps_the_largest_and_elects_signs(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    check(&t, "{name: ties_merging, scaling_factor: 1, threshold: 50}", -5, -2, 9, 4);
    check(&t, "{name: ties_merging, scaling_factor: 1, threshold: 0.5}", -5, -2, 9, 4);
    check(&t, "{name: ties_merging, scaling_factor: 1, threshold: 50, merge_func: mean}", -5, -2,
          4.5f, 4);
    check(&t, "{name: ties_merging, scaling_factor: 0.5, threshold: 50, merge_func: dis-max}",
          -2.5f, -1, 3, 2);
    tiny_end(&t);
}

static void test_zero_keeps_maxima_and_all_keeps_all(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    check(&t, "{name: ties_merging, scaling_factor: 1, threshold: 0}", 0, 0, 6, 4);
    check(&t, "{name: ties_merging, scaling_factor: 1, threshold: 1}", -5, -2, 9, 4);
    check(&t, "{name: ties_merging, scaling_factor: 1, threshold: 100}", -5, -2, 9, 4);
    tiny_end(&t);
}

/* a and b cancel in the first element; the other two are positive, so the majority is +: 2 stays.
 * With the experts mirrored it is -: -2 stays, found when the blocks are done a second time. */
static void test_a_draw_takes_the_sign_of_the_majority(void **state) {
    struct tiny t;

    (void)state;
    for (int mirrored = 0; mirrored < 2; mirrored++) {
        float s = mirrored ? -1 : 1;
        tiny_begin(&t);
        tiny_model(&t, "base", "w", (const float[]){0, 0, 0, 0}, 4);
        tiny_model(&t, "a", "w", (const float[]){2 * s, s, s, 0}, 4);
        tiny_model(&t, "b", "w", (const float[]){-2 * s, s, s, 0}, 4);
        tiny_pool(&t, pool);
        check(&t, "{name: ties_merging, scaling_factor: 1, threshold: 100}", 2 * s, 2 * s, 2 * s,
              0);
        tiny_end(&t);
    }
}

static void test_removed_keys_keep_the_base(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    check(&t, "{name: ties_merging, remove_keys: [w]}", 0, 0, 0, 0);
    tiny_end(&t);
}

static void test_a_value_without_rank_is_refused_by_name(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    tiny_model(&t, "b", "w", (const float[]){1, 2, NAN, 4}, 4);
    assert_int_equal(tiny_run(&t, "{name: ties_merging}"), FB_EFORMAT);
    assert_string_equal(
        t.err.msg, "method ties_merging: tensor 'w', element 2: the difference between 'b' and "
                   "the base is not a finite number, so its magnitude has no rank");
    tiny_end(&t);
}

static void test_an_unknown_merge_func_is_refused(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    assert_int_equal(tiny_run(&t, "{name: ties_merging, merge_func: median}"), FB_ECONFIG);
    assert_string_equal(
        t.err.msg, "method ties_merging: option 'merge_func': 'median' is none of sum, mean, max");
    tiny_end(&t);
}

static void test_equals_the_reference_bit_for_bit(void **state) {
    (void)state;
    assert_int_equal(golden_run_all("TiesMergingAlgorithm", 0, NULL), 65);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_the_largest_and_elects_signs),
        cmocka_unit_test(test_zero_keeps_maxima_and_all_keeps_all),
        cmocka_unit_test(test_a_draw_takes_the_sign_of_the_majority),
        cmocka_unit_test(test_removed_keys_keep_the_base),
        cmocka_unit_test(test_a_value_without_rank_is_refused_by_name),
        cmocka_unit_test(test_an_unknown_merge_func_is_refused),
        cmocka_unit_test(test_equals_the_reference_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
