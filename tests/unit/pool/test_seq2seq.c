#include "tiny_pool.h"

static void test_is_refused_before_anything_is_opened(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    assert_int_equal(
        tiny_try_pool(&t, "{_target_: fusion_bench.modelpool.Seq2SeqLMPool, models: {a: x}}"),
        FB_EUNSUPPORTED);
    assert_string_equal(t.err.msg, "modelpool: AutoModelForSeq2SeqLMPool: Flan-T5 pools are not "
                                   "available in this build");
    assert_int_equal(tiny_try_pool(&t, "{type: PeftModelForSeq2SeqLMPool, models: {a: x}}"),
                     FB_EUNSUPPORTED);
    assert_string_equal(t.err.msg, "modelpool: PeftModelForSeq2SeqLMPool: Flan-T5 pools are not "
                                   "available in this build");
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_is_refused_before_anything_is_opened)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
