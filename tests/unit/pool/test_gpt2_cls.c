#include "tiny_pool.h"

extern const struct fb_pool_type fb_pool_gpt2_cls;

static const char *canonical(const char *name) {
    return fb_pool_gpt2_cls.canonical(name);
}

static void test_the_prefix_is_stripped(void **state) {
    (void)state;
    assert_string_equal(canonical("transformer.wte.weight"), "wte.weight");
    assert_string_equal(canonical("h.11.mlp.c_proj.bias"), "h.11.mlp.c_proj.bias");
    assert_string_equal(canonical("transformer.h.0.attn.c_attn.weight"), "h.0.attn.c_attn.weight");
}

static void test_heads_buffers_and_strangers_are_no_keys(void **state) {
    const char *const names[] = {"score.weight",           "lm_head.weight",
                                 "h.0.attn.bias",          "transformer.h.3.attn.masked_bias",
                                 "h.00.ln_1.weight",       "h..ln_1.weight",
                                 "h.0ln_1.weight",         "h.1234567.ln_1.weight",
                                 "transformer.wte",        "h.0.ln_1.weight.extra",
                                 "wte.weight.transformer", ""};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_null(canonical(names[i]));
}

/* Block 10 comes after block 2, ln_f after all, weights before biases. */
static void test_keys_come_in_the_order_of_the_state_dict(void **state) {
    const char *const order[] = {"wte.weight",
                                 "wpe.weight",
                                 "h.2.ln_1.weight",
                                 "h.2.ln_1.bias",
                                 "h.2.attn.c_attn.weight",
                                 "h.2.mlp.c_proj.bias",
                                 "h.10.ln_1.weight",
                                 "ln_f.weight",
                                 "ln_f.bias"};
    enum { N = sizeof order / sizeof *order };
    const float v[1] = {0};
    struct fb_entry e[N];
    struct tiny t;

    (void)state;
    for (int i = 0; i < N; i++)
        e[i] = tiny_tensor(order[(i * 4) % N], v, 1);
    tiny_begin(&t);
    tiny_write(&t, "a", e, N);
    tiny_pool(&t, "{type: HF_GPT2ForSequenceClassification, models: {a: a.safetensors}}");
    assert_int_equal(fb_pool_align(t.merge.pool, (const int[]){0}, 1, &t.err), FB_OK);
    assert_int_equal(fb_pool_keys(t.merge.pool), N);
    for (int i = 0; i < N; i++)
        assert_string_equal(fb_pool_key(t.merge.pool, i)->name, order[i]);
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_prefix_is_stripped),
        cmocka_unit_test(test_heads_buffers_and_strangers_are_no_keys),
        cmocka_unit_test(test_keys_come_in_the_order_of_the_state_dict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
