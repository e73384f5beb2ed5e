#include "method/threshold.h"

#include "golden_merge.h"
#include "method/each.h"
#include "tiny_pool.h"

#include <math.h>

static const char pool[] = "{type: AutoModelPool, models: {_pretrained_: base.safetensors, a: "
                           "a.safetensors, b: b.safetensors}}";

/* Differences of a: 1, 2, 3 in `v` and 0.5, 7 in `w`; of b ten times as much. */
static void begin(struct tiny *t) {
    struct fb_entry base[] = {tiny_tensor("v", (const float[]){5, 5, 5}, 3),
                              tiny_tensor("w", (const float[]){0, 0}, 2)};
    struct fb_entry a[] = {tiny_tensor("v", (const float[]){6, 3, 8}, 3),
                           tiny_tensor("w", (const float[]){0.5f, -7}, 2)};
    struct fb_entry b[] = {tiny_tensor("v", (const float[]){15, 25, -25}, 3),
                           tiny_tensor("w", (const float[]){5, 70}, 2)};

    tiny_begin(t);
    tiny_write(t, "base", base, 2);
    tiny_write(t, "a", a, 2);
    tiny_write(t, "b", b, 2);
    tiny_pool(t, pool);
    t->merge.block = 2;
    assert_int_equal(fb_each_align(&t->merge, true, &t->err), FB_OK);
}

static void test_each_expert_has_its_own_threshold_over_all_keys(void **state) {
    const float sorted_a[] = {0, 0.5f, 1, 2, 3, 7}, sorted_b[] = {0, 5, 10, 20, 30, 70};
    const bool removed[2] = {false, false};
    float least[2];
    struct tiny t;

    (void)state;
    begin(&t);
    for (int64_t k = 0; k <= 5; k++) {
        assert_int_equal(fb_threshold_find(&t.merge, removed, k, least, &t.err), FB_OK);
        assert_true(least[0] == sorted_a[k]);
        assert_true(least[1] == sorted_b[k]);
    }
    tiny_end(&t);
}

static void test_removed_keys_do_not_count(void **state) {
    const bool removed[2] = {false, true};
    float least[2];
    struct tiny t;

    (void)state;
    begin(&t);
    assert_int_equal(fb_threshold_find(&t.merge, removed, 3, least, &t.err), FB_OK);
    assert_true(least[0] == 3 && least[1] == 30);
    tiny_end(&t);
}

static void test_infinity_is_refused_even_if_all_is_kept(void **state) {
    const bool removed[1] = {false};
    float least[2];
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "base", "w", (const float[]){0, 0, 0, 0, 0}, 5);
    tiny_model(&t, "a", "w", (const float[]){1, 1, 1, 1, -INFINITY}, 5);
    tiny_model(&t, "b", "w", (const float[]){1, 1, 1, NAN, 1}, 5);
    tiny_pool(&t, pool);
    t.merge.block = 2;
    assert_int_equal(fb_each_align(&t.merge, true, &t.err), FB_OK);
    assert_int_equal(fb_threshold_find(&t.merge, removed, 0, least, &t.err), FB_EFORMAT);
    assert_string_equal(t.err.msg, "tensor 'w', element 3: the difference between 'b' and the base "
                                   "is not a finite number, so its magnitude has no rank");
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_expert_has_its_own_threshold_over_all_keys),
        cmocka_unit_test(test_removed_keys_do_not_count),
        cmocka_unit_test(test_infinity_is_refused_even_if_all_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
