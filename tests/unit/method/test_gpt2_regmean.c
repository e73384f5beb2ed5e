#include "tiny_pool.h"

static void test_is_refused_by_name_before_anything_is_read(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    assert_int_equal(tiny_run(&t, "{_target_: fusion_bench.method.RegMeanAlgorithmForGPT2, "
                                  "reduce_non_diagonal_ratio: 0.5}"),
                     FB_EUNSUPPORTED);
    assert_string_equal(
        t.err.msg,
        "method gpt2_regmean: not available in this build: it needs the inputs of every layer");
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_refused_by_name_before_anything_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
