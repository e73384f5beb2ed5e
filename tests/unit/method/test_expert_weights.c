#include "method/expert_weights.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const double numbers[] = {1, -1};
static const struct fb_reals weights = {numbers, 2};

static void refused(double sum, int experts, const char *message) {
    struct fb_err err = {0};

    assert_int_equal(fb_expert_weights_check(&weights, sum, true, experts, &err), FB_ECONFIG);
    assert_string_equal(err.msg, message);
}

static void test_there_is_one_for_each_expert_and_a_sum_to_divide_by(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_expert_weights_check(&weights, 2, true, 2, &err), FB_OK);
    assert_int_equal(fb_expert_weights_check(&weights, 0, false, 2, &err), FB_OK);
    refused(2, 3, "option 'weights': 2 weights for 3 experts; there must be one for each");
    refused(0, 2,
            "option 'weights': they sum to 0 and cannot be normalized; change them or set "
            "normalize=false");
    refused((double)INFINITY, 2,
            "option 'weights': they sum to inf and cannot be normalized; change them or set "
            "normalize=false");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_is_one_for_each_expert_and_a_sum_to_divide_by),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
