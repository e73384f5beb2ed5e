#include "tiny_pool.h"

#include "base/file.h"
#include "scratch.h"

static void test_integers_are_refused_by_name(void **state) {
    const int64_t ids[] = {0, 1};
    struct fb_entry e = {.name = "position_ids",
                         .dtype = FB_I64,
                         .ndim = 1,
                         .shape = {2},
                         .numel = 2,
                         .data = ids,
                         .size = sizeof ids};
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_write(&t, "a", &e, 1);
    tiny_pool(&t, "{type: AutoModelPool, models: {a: a.safetensors}}");
    assert_int_equal(tiny_run(&t, "{name: simple_average}"), FB_EUNSUPPORTED);
    assert_string_equal(t.err.msg, "method simple_average: model 'a': tensor 'position_ids' holds "
                                   "I64; only float tensors can be merged");
    tiny_end(&t);
}

static void test_two_names_of_one_key_are_refused(void **state) {
    const float v[1] = {0};
    struct fb_entry e[] = {tiny_tensor("transformer.wte.weight", v, 1),
                           tiny_tensor("wte.weight", v, 1)};
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_write(&t, "a", e, 2);
    tiny_pool(&t, "{type: HF_GPT2ForSequenceClassification, models: {a: a.safetensors}}");
    assert_int_equal(tiny_run(&t, "{name: simple_average}"), FB_EFORMAT);
    assert_string_equal(t.err.msg, "method simple_average: model 'a': 'transformer.wte.weight' and "
                                   "'wte.weight' are the same key of the state dict");
    tiny_end(&t);
}

static void test_a_checkpoint_of_another_architecture_is_refused(void **state) {
    const float v[1] = {0};
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "a", "encoder.weight", v, 1);
    tiny_pool(&t, "{type: HF_GPT2ForSequenceClassification, models: {a: ./a.safetensors}}");
    assert_int_equal(tiny_run(&t, "{name: simple_average}"), FB_EFORMAT);
    assert_string_equal(t.err.msg, "method simple_average: model 'a': './a.safetensors' has 1 "
                                   "tensors, none of which is a key of "
                                   "HF_GPT2ForSequenceClassification");
    tiny_end(&t);
}

static void copy_golden(const char *from, const char *to) {
    struct fb_err err = {0};
    char path[600];

    snprintf(path, sizeof path, "%s/lora/gpt2/%s", FB_GOLDEN_DIR, from);
    assert_int_equal(fb_file_copy(path, scratch_path(to), &err), FB_OK);
}

/* The configuration of an adapter is its base's, unless it has one of its own. */
static void test_an_adapter_may_name_its_classes(void **state) {
    const struct fb_node *config;
    struct fb_arena arena = {0};
    struct fb_pool *pool = NULL;
    struct fb_err err = {0};
    struct fb_node *node;
    char yaml[2000];

    (void)state;
    scratch_make();
    copy_golden("base/config.json", "base/config.json");
    copy_golden("plain/adapter_config.json", "plain/adapter_config.json");
    copy_golden("plain/adapter_model.safetensors", "plain/adapter_model.safetensors");
    copy_golden("plain/adapter_config.json", "named/adapter_config.json");
    copy_golden("plain/adapter_model.safetensors", "named/adapter_model.safetensors");
    scratch_write("named/config.json", "{\"id2label\": {}}");
    snprintf(
        yaml, sizeof yaml,
        "{type: HF_GPT2ForSequenceClassification, models: {_pretrained_: %s, plain: %s, named: "
        "%s}}",
        scratch_path("base"), scratch_path("plain"), scratch_path("named"));
    assert_int_equal(fb_yaml_parse(&node, &arena, yaml, strlen(yaml), "t.yaml", &err), FB_OK);
    assert_int_equal(fb_pool_create(&pool, node, NULL, &err), FB_OK);
    assert_int_equal(fb_pool_config(pool, fb_pool_find(pool, "plain"), &config, &err), FB_OK);
    assert_non_null(fb_node_get(config, "n_layer"));
    assert_int_equal(fb_pool_config(pool, fb_pool_find(pool, "named"), &config, &err), FB_OK);
    assert_null(fb_node_get(config, "n_layer"));
    assert_non_null(fb_node_get(config, "id2label"));
    fb_pool_close(pool);
    fb_arena_free(&arena);
    scratch_remove();
}

/* Square matrices fit either way round; what the model is decides. */
static void test_gpt2_adapters_are_merged_the_right_way_round_in_any_pool(void **state) {
    static const char pool[] = "{type: AutoModelPool, models: {_pretrained_: " FB_GOLDEN_DIR
                               "/lora/gpt2/base, a: " FB_GOLDEN_DIR "/lora/gpt2/suffix}}";
    struct fb_ckpt *golden;
    const struct fb_entry *want;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    assert_int_equal(fb_ckpt_open(&golden, FB_GOLDEN_DIR "/lora/gpt2/suffix.safetensors", &t.err),
                     FB_OK);
    want = fb_ckpt_find(golden, "h.1.attn.c_proj.weight");
    tiny_pool(&t, pool);
    if (tiny_run(&t, "{name: simple_average}")) fail_msg("%s", t.err.msg);
    assert_memory_equal(tiny_value(&t, "transformer.h.1.attn.c_proj.weight"), want->data,
                        want->size);
    fb_ckpt_close(golden);
    tiny_end(&t);
}

/* PEFT would give the model a second matrix, which is not a key where the embedding is the head. */
static void test_an_own_head_of_a_tied_model_is_refused(void **state) {
    static const char pool[] =
        "{type: PeftModelForSeq2SeqLMPool, models: {_pretrained_: " FB_GOLDEN_DIR
        "/convert/tied, a: " FB_GOLDEN_DIR "/convert/head-of-tied}}";
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, pool);
    assert_int_equal(tiny_run(&t, "{name: simple_average}"), FB_EUNSUPPORTED);
    assert_string_equal(t.err.msg, "method simple_average: model 'a': the adapter has its own "
                                   "'lm_head.weight', which this model shares with its embedding "
                                   "(tie_word_embeddings)");
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_refused_by_name),
        cmocka_unit_test(test_two_names_of_one_key_are_refused),
        cmocka_unit_test(test_a_checkpoint_of_another_architecture_is_refused),
        cmocka_unit_test(test_an_adapter_may_name_its_classes),
        cmocka_unit_test(test_an_own_head_of_a_tied_model_is_refused),
        cmocka_unit_test(test_gpt2_adapters_are_merged_the_right_way_round_in_any_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
