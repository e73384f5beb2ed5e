#include "golden_merge.h"
#include "tiny_pool.h"

static void test_returns_the_base_without_copying_it(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "base", "w", (const float[]){1, 2}, 2);
    tiny_pool(&t, "{type: AutoModelPool, models: {a: nowhere, _pretrained_: base.safetensors}}");
    if (tiny_run(&t, "{name: dummy}")) fail_msg("%s", t.err.msg);
    assert_true(tiny_value(&t, "w")[1] == 2.0f);
    assert_null(t.merge.weights.item[0].owned);
    assert_int_equal(t.merge.model, 1);
    tiny_end(&t);
}

static void test_without_a_base_it_takes_the_first_expert(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "a", "w", (const float[]){3}, 1);
    tiny_pool(&t, "{type: AutoModelPool, models: {a: a.safetensors, b: nowhere}}");
    if (tiny_run(&t, "{_target_: fusion_bench.method.DummyAlgorithm}")) fail_msg("%s", t.err.msg);
    assert_true(tiny_value(&t, "w")[0] == 3.0f);
    tiny_end(&t);
}

static void test_streams_the_base_to_a_file(void **state) {
    struct fb_ckpt *file;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "base", "w", (const float[]){1, 2}, 2);
    tiny_pool(&t, "{type: AutoModelPool, models: {_pretrained_: base.safetensors}}");
    t.merge.stream_path = "out.safetensors";
    t.merge.stream_dtype = FB_BF16;
    if (tiny_run(&t, "{name: dummy}")) fail_msg("%s", t.err.msg);
    assert_true(t.merge.streamed);
    assert_int_equal(fb_ckpt_open(&file, "out.safetensors", &t.err), FB_OK);
    assert_int_equal(fb_ckpt_find(file, "w")->dtype, FB_BF16);
    assert_memory_equal(fb_ckpt_find(file, "w")->data, ((const uint16_t[]){0x3f80, 0x4000}), 4);
    fb_ckpt_close(file);
    tiny_end(&t);
}

static void test_equals_the_reference_bit_for_bit(void **state) {
    (void)state;
    assert_int_equal(golden_run_all("DummyAlgorithm", 0, NULL), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_returns_the_base_without_copying_it),
        cmocka_unit_test(test_without_a_base_it_takes_the_first_expert),
        cmocka_unit_test(test_streams_the_base_to_a_file),
        cmocka_unit_test(test_equals_the_reference_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
