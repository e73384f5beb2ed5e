#include "task/combine.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N = 5 };

/* Three outputs; 0.1 + 0.2 + 0.3 is 0.6 in another last bit when it is added from the right. */
static const float x[3][N] = {
    {0.1f, -1, 5, -0.0f, 1}, {0.2f, -3, 2, 0.0f, 2}, {0.3f, -2, 2, -1, NAN}};

static void combine(float *out, const struct fb_ensemble *e) {
    for (int i = 0; i < e->count; i++)
        fb_combine(out, x[i], N, e, i);
}

static void test_the_mean_is_added_in_order_and_divided_once(void **state) {
    const struct fb_ensemble e = {.rule = FB_ENSEMBLE_MEAN, .count = 3};
    float out[N];

    (void)state;
    combine(out, &e);
    assert_true(out[0] == (0.1f + 0.2f + 0.3f) / 3.0f);
    assert_true(out[1] == -2 && out[2] == 3);
    assert_true(isnan(out[4]));
}

static void test_weights_multiply_before_the_sum(void **state) {
    const float w[] = {0.5f, 2, -1};
    const struct fb_ensemble e = {.rule = FB_ENSEMBLE_WEIGHTED, .count = 3, .weight = w};
    float out[N];

    (void)state;
    combine(out, &e);
    assert_true(out[0] == 0.5f * 0.1f + 2 * 0.2f + -1 * 0.3f);
    assert_true(out[1] == -4.5f && out[2] == 4.5f && out[3] == 1);
}

static void test_the_largest_of_each_element_is_taken(void **state) {
    const struct fb_ensemble e = {.rule = FB_ENSEMBLE_MAX, .count = 3};
    float out[N], x_first = NAN;

    (void)state;
    combine(out, &e);
    assert_true(out[0] == 0.3f && out[1] == -1 && out[2] == 5 && out[3] == 0);
    assert_true(isnan(out[4])); /* as torch.max */
    fb_combine(out, &x_first, 1, &e, 0);
    fb_combine(out, x[0], 1, &e, 1);
    assert_true(isnan(out[0]));
}

static void test_one_model_is_itself(void **state) {
    const struct fb_ensemble e = {.rule = FB_ENSEMBLE_MEAN, .count = 1};
    float out[N];

    (void)state;
    combine(out, &e);
    assert_memory_equal(out, x[0], sizeof out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_mean_is_added_in_order_and_divided_once),
        cmocka_unit_test(test_weights_multiply_before_the_sum),
        cmocka_unit_test(test_the_largest_of_each_element_is_taken),
        cmocka_unit_test(test_one_model_is_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
