#include "isa_grad_cases.h"

static void test_kernels_agree_with_double_precision(void **state) {
    (void)state;
    run_isa_cases(&fb_isa_avx512);
}

static void test_derivatives_agree_with_double_precision(void **state) {
    (void)state;
    run_isa_grad_cases(&fb_isa_avx512);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_agree_with_double_precision),
        cmocka_unit_test(test_derivatives_agree_with_double_precision),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
