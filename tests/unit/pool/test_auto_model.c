#include "tiny_pool.h"

static void test_every_tensor_is_a_key_in_the_order_of_names(void **state) {
    const float v[2] = {0};
    struct fb_entry e[] = {tiny_tensor("score.weight", v, 2), tiny_tensor("a", v, 1)};
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_write(&t, "a", e, 2);
    tiny_pool(&t, "{_target_: fusion_bench.modelpool.AutoModelPool, models: {a: a.safetensors}}");
    assert_int_equal(fb_pool_align(t.merge.pool, (const int[]){0}, 1, &t.err), FB_OK);
    assert_int_equal(fb_pool_keys(t.merge.pool), 2);
    assert_string_equal(fb_pool_key(t.merge.pool, 0)->name, "a");
    assert_string_equal(fb_pool_key(t.merge.pool, 1)->name, "score.weight");
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_tensor_is_a_key_in_the_order_of_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
