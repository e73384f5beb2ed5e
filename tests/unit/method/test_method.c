#include "golden_merge.h"
#include "tiny_pool.h"

static void test_finds_by_name_class_and_target_path(void **state) {
    const char *const names[] = {"ties_merging", "TiesMergingAlgorithm",
                                 "fusion_bench.method.TiesMergingAlgorithm"};
    struct fb_err err = {0};

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_string_equal(fb_method_find(names[i], &err)->name, "ties_merging");
}

static void test_an_unknown_name_lists_what_there_is(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_null(fb_method_find("ties_mergin", &err));
    assert_int_equal(err.code, FB_ECONFIG);
    assert_string_equal(err.msg,
                        "no method 'ties_mergin' (did you mean 'ties_merging'?) (there are dummy, "
                        "simple_average, weighted_average, task_arithmetic, ties_merging, "
                        "gpt2_fisher_merging, t5_fisher_merging, gpt2_regmean, t5_regmean, "
                        "simple_ensemble, weighted_ensemble, max_model_predictor, layer_wise_gpt2, "
                        "layer_wise_flan_t5)");
}

static void test_a_configuration_must_name_its_method(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    assert_int_equal(tiny_run(&t, "{scaling_factor: 1}"), FB_ECONFIG);
    assert_string_equal(t.err.msg,
                        "method: needs a key '_target_' or 'name' that is a string, found none");
    assert_int_equal(tiny_run(&t, "{name: [dummy]}"), FB_ECONFIG);
    assert_string_equal(t.err.msg,
                        "method: needs a key '_target_' or 'name' that is a string, found list");
    tiny_end(&t);
}

/* GPT-2 of the goldens: 2 blocks of width 4, 11 tokens, 8 positions. Per block 4 layer-norm
 * vectors (16), c_attn 4 x 12 + 12, c_proj 4 x 4 + 4, c_fc 4 x 16 + 16, c_proj 16 x 4 + 4: 244.
 * With wte 44, wpe 32 and ln_f 8: 572. */
static void test_parameters_are_counted_in_memory_and_streamed(void **state) {
    const struct fb_node *pools;
    struct fb_merge merge = {0};
    const struct fb_method *m;
    int64_t trainable, all;
    struct golden g;

    (void)state;
    golden_open(&g);
    pools = fb_node_get(g.file, "modelpools");
    merge.arena = &g.arena;
    assert_int_equal(fb_pool_create(&merge.pool, fb_node_get(pools, "gpt2"), NULL, &g.err), FB_OK);
    m = fb_method_find("simple_average", &g.err);
    assert_int_equal(fb_method_run(m, NULL, &merge, &g.err), FB_OK);
    fb_merge_count(&merge, &trainable, &all);
    assert_int_equal(all, 572);
    assert_int_equal(trainable, 572);
    fb_merge_free(&merge);
    merge.weights = (struct fb_weights){0};
    merge.streamed = true;
    fb_merge_count(&merge, &trainable, &all);
    assert_int_equal(all, 572);
    assert_int_equal(trainable, 572);
    fb_pool_close(merge.pool);
    golden_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_by_name_class_and_target_path),
        cmocka_unit_test(test_an_unknown_name_lists_what_there_is),
        cmocka_unit_test(test_a_configuration_must_name_its_method),
        cmocka_unit_test(test_parameters_are_counted_in_memory_and_streamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
