#include "pool/pool.h"

#include "alloc_faults.h"
#include "tiny_pool.h"

static void refused(struct tiny *t, const char *yaml, int code, const char *message) {
    assert_int_equal(tiny_try_pool(t, yaml), code);
    assert_string_equal(t->err.msg, message);
    assert_null(t->merge.pool);
}

static void test_both_layouts_name_the_same_models(void **state) {
    const char *layouts[] = {
        "{type: HF_GPT2ForSequenceClassification, dataset_type: X, models: ["
        "{name: _pretrained_, path: gpt2}, {name: cola, path: org/gpt2_cola}]}",
        "{_target_: fusion_bench.modelpool.HuggingFaceGPT2ClassificationPool, tokenizer: {a: 1},"
        " models: {_pretrained_: gpt2, cola: {_target_: transformers.GPT2Model.from_pretrained,"
        " pretrained_model_name_or_path: org/gpt2_cola, torch_dtype: float32}}}",
        "{_target_: GPT2ForSequenceClassificationPool, models: ["
        "{name: _pretrained_, path: gpt2}, {name: cola, path: org/gpt2_cola}]}"};
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    for (int i = 0; i < 3; i++) {
        tiny_pool(&t, layouts[i]);
        assert_string_equal(fb_pool_kind(t.merge.pool)->name, "HF_GPT2ForSequenceClassification");
        assert_int_equal(fb_pool_models(t.merge.pool), 2);
        assert_int_equal(fb_pool_base(t.merge.pool, &t.err), 0);
        assert_int_equal(fb_pool_experts(t.merge.pool), 1);
        assert_int_equal(fb_pool_expert(t.merge.pool, 0), 1);
        assert_string_equal(fb_pool_model_name(t.merge.pool, 1), "cola");
        assert_string_equal(fb_pool_model_path(t.merge.pool, 1), "org/gpt2_cola");
        assert_int_equal(fb_pool_find(t.merge.pool, "mnli"), -1);
    }
    tiny_end(&t);
}

/* One underscore makes a name special in the old layout, two are needed in the new one. */
static void test_underscores_make_special_models(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{type: AutoModelPool, models: {_a: x, b_: x, _c_: x, d: x, _: x}}");
    assert_int_equal(fb_pool_experts(t.merge.pool), 1);
    tiny_pool(&t, "{_target_: AutoModelPool, models: {_a: x, b_: x, _c_: x, d: x, _: x}}");
    assert_int_equal(fb_pool_experts(t.merge.pool), 3);
    tiny_end(&t);
}

static void test_bad_configurations_are_refused_with_their_place(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    refused(&t, "{models: {a: x}}", FB_ECONFIG,
            "modelpool: test.yaml:1:1: needs a key 'type' or '_target_'");
    refused(&t, "{type: AutoModelPol, models: {a: x}}", FB_ECONFIG,
            "modelpool: test.yaml:1:1: no model pool type 'AutoModelPol' (did you mean "
            "'AutoModelPool'?) (there are HF_GPT2ForSequenceClassification, AutoModelPool, "
            "AutoModelForSeq2SeqLMPool, PeftModelForSeq2SeqLMPool)");
    refused(&t, "{type: AutoModelPool}", FB_ECONFIG,
            "modelpool: needs a key 'models' with a list or a mapping, found none");
    refused(&t, "{type: AutoModelPool, models: []}", FB_ECONFIG,
            "modelpool: has 0 models, must have 1 to 4096");
    refused(&t, "{type: AutoModelPool, model: {a: x}, models: {a: x}}", FB_ECONFIG,
            "modelpool: test.yaml:1:30: no option 'model' (did you mean 'models'?)");
    refused(&t, "{type: AutoModelPool, models: [{name: a, path: x}, {name: a, path: y}]}",
            FB_ECONFIG, "modelpool: test.yaml:1:52: two models are called 'a'");
    refused(
        &t, "{type: AutoModelPool, models: [{path: x}]}", FB_ECONFIG,
        "modelpool: test.yaml:1:32: each entry needs a key 'name' that is a string, found none");
    refused(&t, "{type: AutoModelPool, models: [{name: '', path: x}]}", FB_ECONFIG,
            "modelpool: test.yaml:1:32: a model has an empty name");
    refused(&t, "{type: AutoModelPool, models: [{name: \"a\\tb\", path: x}]}", FB_ECONFIG,
            "modelpool: test.yaml:1:32: a model name holds the control character 0x09");
    refused(&t, "{type: AutoModelPool, models: [{name: a}]}", FB_ECONFIG,
            "modelpool: test.yaml:1:32: model 'a': needs a key 'path' or "
            "'pretrained_model_name_or_path' that is not empty");
    refused(&t, "{type: AutoModelPool, models: {a: [x]}}", FB_ECONFIG,
            "modelpool: test.yaml:1:35: model 'a': expects a path or a mapping with a path, found "
            "list");
    refused(&t, "{type: AutoModelPool, models: {a: {path: x, torch_dtype: bfloat16}}}",
            FB_EUNSUPPORTED,
            "modelpool: test.yaml:1:35: model 'a': torch_dtype 'bfloat16': models are computed in "
            "float32 whatever is stored");
    tiny_end(&t);
}

static void test_blocks_are_borrowed_or_converted(void **state) {
    const uint16_t half[] = {0x3f80, 0x4000, 0x4040};
    struct fb_entry e = {.name = "w",
                         .dtype = FB_BF16,
                         .ndim = 1,
                         .shape = {3},
                         .numel = 3,
                         .data = half,
                         .size = sizeof half};
    float scratch[3];
    struct tiny t;
    const float *x;

    (void)state;
    tiny_begin(&t);
    tiny_write(&t, "a", &e, 1);
    tiny_model(&t, "b", "w", (const float[]){4, 5, 6}, 3);
    tiny_pool(&t, "{type: AutoModelPool, models: {a: a.safetensors, b: b.safetensors}}");
    assert_int_equal(fb_pool_align(t.merge.pool, (const int[]){0, 1}, 2, &t.err), FB_OK);
    assert_int_equal(fb_pool_keys(t.merge.pool), 1);
    assert_int_equal(fb_pool_key(t.merge.pool, 0)->dtype, FB_BF16);
    assert_int_equal(fb_pool_key(t.merge.pool, 0)->copies, 1);
    x = fb_pool_block(t.merge.pool, 0, 0, 1, 2, scratch, &t.err);
    assert_ptr_equal(x, scratch);
    assert_true(x[0] == 2 && x[1] == 3);
    x = fb_pool_block(t.merge.pool, 1, 0, 1, 2, scratch, &t.err);
    assert_ptr_not_equal(x, scratch);
    assert_true(x[0] == 5 && x[1] == 6);
    fb_pool_forget(t.merge.pool, 1, 0, 0, 3);
    assert_true(x[0] == 5);
    assert_null(fb_pool_block(t.merge.pool, 1, 0, 2, 2, scratch, &t.err));
    assert_string_equal(t.err.msg, "block 2 + 2 of 'w', which has 3 values");
    tiny_end(&t);
}

static void test_a_folder_gives_its_config(void **state) {
    const struct fb_node *config;
    const char *folder;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "model", "w", (const float[]){1}, 1);
    assert_int_equal(fb_file_replace("config.json", "{\"n_embd\": 4}", 13, &t.err), FB_OK);
    tiny_pool(&t, "{type: AutoModelPool, models: {a: ., b: ./model.safetensors}}");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fb_pool_config(t.merge.pool, i, &config, &t.err), FB_OK);
        assert_int_equal(fb_node_get(config, "n_embd")->value.integer, 4);
        assert_int_equal(fb_pool_folder(t.merge.pool, i, &folder, &t.err), FB_OK);
        assert_string_equal(folder, ".");
    }
    tiny_end(&t);
}

static void test_a_missing_model_is_named(void **state) {
    const struct fb_ckpt *ckpt;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{type: AutoModelPool, models: {a: ./nowhere}}");
    assert_int_equal(fb_pool_ckpt(t.merge.pool, 0, &ckpt, &t.err), FB_ENOTFOUND);
    assert_memory_equal(t.err.msg, "model 'a': ", 11);
    assert_null(ckpt);
    tiny_end(&t);
}

struct opening {
    const struct fb_node *config;
};

static int open_and_load(void *arg) {
    const struct opening *o = arg;
    struct fb_err err = {0};
    struct fb_weights w = {0};
    struct fb_pool *pool;
    int rc = fb_pool_create(&pool, o->config, NULL, &err);

    if (!rc) rc = fb_pool_align(pool, (const int[]){0, 1}, 2, &err);
    if (!rc) rc = fb_pool_load(pool, 1, &w, &err);
    fb_weights_free(&w);
    fb_pool_close(pool);
    return rc;
}

static void test_every_failed_allocation_is_reported(void **state) {
    struct opening o;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "a", "w", (const float[]){1, 2}, 2);
    tiny_model(&t, "b", "w", (const float[]){3, 4}, 2);
    o.config = tiny_yaml(
        &t, "{type: AutoModelPool, models: [{name: a, path: ./a.safetensors}, {name: b, path: "
            "./b.safetensors}]}");
    assert_true(for_each_allocation_failure(open_and_load, &o, 1000) > 20);
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_layouts_name_the_same_models),
        cmocka_unit_test(test_underscores_make_special_models),
        cmocka_unit_test(test_bad_configurations_are_refused_with_their_place),
        cmocka_unit_test(test_blocks_are_borrowed_or_converted),
        cmocka_unit_test(test_a_folder_gives_its_config),
        cmocka_unit_test(test_a_missing_model_is_named),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
