#include "golden_adamerging.h"

#define FEW                                                                                        \
    "max_steps: 2, optimizer: {_target_: torch.optim.Adam, lr: 0.01}, dataloader_kwargs: "         \
    "{batch_size: 2}"

static void set_up(struct tiny *t, int which) {
    struct fb_arena arena = {0};

    tiny_begin(t);
    open_pool(t, open_cases(&arena)->item[which]);
    fb_arena_free(&arena);
}

/* base + sum of weight * (expert - base) with the weights that were saved, bit for bit. */
static void test_learnt_weights_can_be_saved_and_loaded(void **state) {
    (void)state;
    for (int t5 = 0; t5 < 2; t5++) {
        const char *const name = t5 ? "layer_wise_flan_t5" : "adamerging/layer_wise_gpt2";
        const char *const key = t5 ? "shared.weight" : "h.0.mlp.c_fc.weight";
        struct tiny t;
        char text[300];
        float learnt[8], start;
        set_up(&t, t5 ? 3 : 0);
        snprintf(text, sizeof text,
                 "{name: %s, " FEW ", merging_weights_save_path: ./w.safetensors}", name);
        if (tiny_run(&t, text)) fail_msg("%s", t.err.msg);
        memcpy(learnt, tiny_value(&t, key), sizeof learnt);
        assert_int_equal(t.merge.model, fb_pool_base(t.merge.pool, &t.err));
        assert_false(t.merge.weights.item[0].trainable);
        snprintf(text, sizeof text, "{name: %s, merging_weights_load_path: w.safetensors}", name);
        if (tiny_run(&t, text)) fail_msg("%s", t.err.msg);
        assert_memory_equal(learnt, tiny_value(&t, key), sizeof learnt);
        snprintf(text, sizeof text, "{name: %s, max_steps: 0}", name);
        if (tiny_run(&t, text)) fail_msg("%s", t.err.msg);
        start = tiny_value(&t, key)[0];
        assert_true(start != learnt[0]);
        tiny_end(&t);
    }
}

static void compare(const struct fb_node *c, const struct fb_ckpt *merged, const struct tiny *t) {
    const char *name = fb_node_get(c, "name")->text;
    int64_t n = (int64_t)strlen(name), found = 0;

    for (int64_t i = 0; i < fb_ckpt_count(merged); i++) {
        const struct fb_entry *e = fb_ckpt_at(merged, i);
        if (strncmp(e->name, name, (size_t)n) || e->name[n] != '/') continue;
        if (memcmp(tiny_value(t, e->name + n + 1), e->data, e->size))
            fail_msg("%s: bits differ", e->name);
        found++;
    }
    assert_true(found >= 2);
}

static void test_the_reference_s_weights_make_its_model_bit_for_bit(void **state) {
    struct fb_arena arena = {0};
    struct fb_err err = {0};
    const struct fb_node *cases = open_cases(&arena);
    struct fb_ckpt *weights, *merged;

    (void)state;
    assert_int_equal(fb_ckpt_open(&weights, FB_GOLDEN_DIR "/adamerging/weights.safetensors", &err),
                     FB_OK);
    assert_int_equal(fb_ckpt_open(&merged, FB_GOLDEN_DIR "/adamerging/merged.safetensors", &err),
                     FB_OK);
    for (int64_t i = 0; i < cases->count; i++) {
        const struct fb_node *c = cases->item[i];
        struct fb_entry e = *fb_ckpt_find(weights, fb_node_get(c, "name")->text);
        bool clamp = fb_node_at(c, "method.clamp_weights") != NULL;
        struct tiny t;
        char text[200];
        tiny_begin(&t);
        open_pool(&t, c);
        e.name = "merging_weights";
        tiny_write(&t, "w", &e, 1);
        snprintf(text, sizeof text,
                 "{name: %s, clamp_weights: %s, merging_weights_load_path: w.safetensors}",
                 is_t5(c) ? "layer_wise_flan_t5" : "layer_wise_gpt2", clamp ? "true" : "false");
        if (tiny_run(&t, text)) fail_msg("%s", t.err.msg);
        compare(c, merged, &t);
        tiny_end(&t);
    }
    fb_ckpt_close(weights);
    fb_ckpt_close(merged);
    fb_arena_free(&arena);
}

/* A name without / or . in front goes to the run's folder, as in the reference. */
static void test_the_run_folder_takes_plain_names(void **state) {
    struct tiny t;

    (void)state;
    set_up(&t, 0);
    t.merge.run_folder = ".";
    t.merge.fast_dev_run = true;
    assert_int_equal(tiny_run(&t, "{name: layer_wise_gpt2, dataloader_kwargs: {batch_size: 2}, "
                                  "merging_weights_save_path: here.safetensors}"),
                     FB_OK);
    assert_return_code(access("here.safetensors", R_OK), 0);
    tiny_end(&t);
}

static void refused(struct tiny *t, const char *method, int code, const char *message) {
    assert_int_equal(tiny_run(t, method), code);
    assert_string_equal(t->err.msg, message);
}

static void test_wrong_options_are_named(void **state) {
    struct tiny t;

    (void)state;
    set_up(&t, 0);
    refused(&t, "{name: layer_wise_gpt2, variant: other}", FB_ECONFIG,
            "method layer_wise_gpt2: variant 'other': expects null or mgda");
    refused(&t, "{name: layer_wise_gpt2, optimizer: {_target_: torch.optim.SGD}}", FB_EUNSUPPORTED,
            "method layer_wise_gpt2: optimizer: _target_ 'torch.optim.SGD': expects "
            "torch.optim.Adam or torch.optim.AdamW");
    refused(&t, "{name: layer_wise_gpt2, optimizer: {betas: [0.9]}}", FB_ECONFIG,
            "method layer_wise_gpt2: optimizer: betas: expects 2 numbers, found 1");
    refused(&t, "{name: layer_wise_gpt2, merging_weights_save_path: w.pt}", FB_EUNSUPPORTED,
            "method layer_wise_gpt2: merging_weights_save_path 'w.pt': torch pickles are not "
            "written; name a .safetensors file");
    refused(&t, "{name: layer_wise_flan_t5}", FB_ECONFIG,
            "method layer_wise_flan_t5: needs a pool of T5ForConditionalGeneration models, found "
            "HF_GPT2ForSequenceClassification");
    refused(&t, "{name: layer_wise_gpt2, merging_weights_load_path: none.safetensors}",
            FB_ENOTFOUND,
            "method layer_wise_gpt2: merging_weights_load_path: safetensors "
            "'none.safetensors': cannot open: No such file or directory");
    tiny_end(&t);
}

static void test_a_pool_needs_a_base_and_experts(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{type: HF_GPT2ForSequenceClassification, models: {cola: "
                  "'embedded:demo/gpt2/cola'}}");
    assert_int_equal(tiny_run(&t, "{name: layer_wise_gpt2}"), FB_ENOTFOUND);
    tiny_pool(&t, "{type: HF_GPT2ForSequenceClassification, models: {_pretrained_: "
                  "'embedded:demo/gpt2/_pretrained_'}}");
    refused(&t, "{name: layer_wise_gpt2}", FB_EMISMATCH,
            "method layer_wise_gpt2: the model pool has no expert, only special models");
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learnt_weights_can_be_saved_and_loaded),
        cmocka_unit_test(test_the_reference_s_weights_make_its_model_bit_for_bit),
        cmocka_unit_test(test_the_run_folder_takes_plain_names),
        cmocka_unit_test(test_wrong_options_are_named),
        cmocka_unit_test(test_a_pool_needs_a_base_and_experts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
