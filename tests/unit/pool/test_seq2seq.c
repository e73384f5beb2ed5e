#include "tiny_pool.h"

#include <sys/stat.h>

extern const struct fb_pool_type fb_pool_seq2seq;

#define LORA FB_GOLDEN_DIR "/lora"

static void test_names_of_the_embedding_are_one_key(void **state) {
    (void)state;
    assert_string_equal(fb_pool_seq2seq.canonical("encoder.embed_tokens.weight"), "shared.weight");
    assert_string_equal(fb_pool_seq2seq.canonical("decoder.embed_tokens.weight"), "shared.weight");
    assert_string_equal(fb_pool_seq2seq.canonical("lm_head.weight"), "lm_head.weight");
}

/* A model of two names for the embedding, in a folder with the given config.json or as a file. */
static void write_model(struct tiny *t, const char *name, float second, const char *config) {
    const float shared[] = {1, 2}, other[] = {1, second}, head[] = {5, 6};
    struct fb_entry e[] = {tiny_tensor("decoder.block.10.layer.0.SelfAttention.q.weight", head, 2),
                           tiny_tensor("decoder.block.2.layer.0.SelfAttention.q.weight", head, 2),
                           tiny_tensor("encoder.embed_tokens.weight", other, 2),
                           tiny_tensor("lm_head.weight", head, 2),
                           tiny_tensor("shared.weight", shared, 2)};
    char path[64];

    if (config) {
        FILE *f;
        assert_return_code(mkdir(name, 0777), 0);
        snprintf(path, sizeof path, "%s/config.json", name);
        f = fopen(path, "w");
        assert_non_null(f);
        fputs(config, f);
        fclose(f);
        snprintf(path, sizeof path, "%s/model", name);
    } else {
        snprintf(path, sizeof path, "%s", name);
    }
    tiny_write(t, path, e, 5);
}

static void remove_model(const char *name) {
    char path[64];

    snprintf(path, sizeof path, "%s/config.json", name);
    assert_return_code(unlink(path), 0);
    snprintf(path, sizeof path, "%s/model.safetensors", name);
    assert_return_code(unlink(path), 0);
    assert_return_code(rmdir(name), 0);
}

static void test_copies_of_the_embedding_are_counted_and_read_once(void **state) {
    static const char *const order[] = {
        "shared.weight", "decoder.block.2.layer.0.SelfAttention.q.weight",
        "decoder.block.10.layer.0.SelfAttention.q.weight", "lm_head.weight"};
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    write_model(&t, "untied", 2, "{\"tie_word_embeddings\": false}");
    tiny_pool(&t, "{type: AutoModelForSeq2SeqLMPool, models: {a: untied}}");
    assert_int_equal(fb_pool_align(t.merge.pool, (const int[]){0}, 1, &t.err), FB_OK);
    assert_int_equal(fb_pool_keys(t.merge.pool), 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(fb_pool_key(t.merge.pool, i)->name, order[i]);
    assert_int_equal(fb_pool_key(t.merge.pool, 0)->copies, 3);
    assert_int_equal(fb_pool_key(t.merge.pool, 3)->copies, 1);
    remove_model("untied");
    tiny_end(&t);
}

static void test_a_tied_head_is_the_embedding(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    write_model(&t, "tied", 2, "{}");
    tiny_pool(&t, "{type: AutoModelForSeq2SeqLMPool, models: {a: tied}}");
    assert_int_equal(fb_pool_align(t.merge.pool, (const int[]){0}, 1, &t.err), FB_OK);
    assert_int_equal(fb_pool_keys(t.merge.pool), 3);
    assert_int_equal(fb_pool_key(t.merge.pool, 0)->copies, 4);
    remove_model("tied");
    tiny_end(&t);
}

static void test_copies_that_differ_are_refused(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    write_model(&t, "a", 3, NULL);
    tiny_pool(&t, "{type: AutoModelForSeq2SeqLMPool, models: {a: a.safetensors}}");
    assert_int_equal(fb_pool_align(t.merge.pool, (const int[]){0}, 1, &t.err), FB_EFORMAT);
    assert_string_equal(t.err.msg,
                        "model 'a': 'encoder.embed_tokens.weight' and 'shared.weight' differ, but "
                        "are one tensor in this architecture");
    tiny_end(&t);
}

/* ---- adapters ---- */

static void open_golden(struct fb_ckpt **ckpt, const char *name) {
    struct fb_err err = {0};
    char path[512];

    snprintf(path, sizeof path, LORA "/%s", name);
    if (fb_ckpt_open(ckpt, path, &err)) fail_msg("%s", err.msg);
}

/* Every tensor has the bits of `file` where it holds one, else those of the base. */
static void check_weights(const struct fb_weights *w, const char *kind, const char *file) {
    struct fb_ckpt *changed, *base;
    char path[64];
    int64_t found = 0;

    open_golden(&changed, file);
    snprintf(path, sizeof path, "%s/base", kind);
    open_golden(&base, path);
    for (int64_t i = 0; i < w->names.count; i++) {
        const struct fb_weight *x = &w->item[i];
        const struct fb_entry *e = fb_ckpt_find(changed, x->name);
        found += e != NULL;
        if (!e) e = fb_ckpt_find(base, x->name);
        snprintf(path, sizeof path, "transformer.%s", x->name);
        if (!e) e = fb_ckpt_find(base, path);
        assert_non_null(e);
        assert_int_equal(e->numel, x->numel);
        if (memcmp(e->data, x->data, e->size) != 0) fail_msg("%s: %s differs", file, x->name);
    }
    assert_int_equal(found, fb_ckpt_count(changed));
    fb_ckpt_close(changed);
    fb_ckpt_close(base);
}

static void check_adapter(const char *type, const char *kind, const char *name) {
    struct fb_weights w = {0};
    struct tiny t;
    char yaml[2048], file[64];

    tiny_begin(&t);
    snprintf(yaml, sizeof yaml,
             "{type: %s, models: {_pretrained_: " LORA "/%s/base, x: " LORA "/%s/%s}}", type, kind,
             kind, name);
    tiny_pool(&t, yaml);
    if (fb_pool_load(t.merge.pool, 1, &w, &t.err)) fail_msg("%s: %s", name, t.err.msg);
    snprintf(file, sizeof file, "%s/%s.safetensors", kind, name);
    check_weights(&w, kind, file);
    assert_false(w.item[0].trainable);
    assert_false(fb_pool_is_trainable(t.merge.pool, 1));
    assert_true(fb_pool_is_trainable(t.merge.pool, 0));
    fb_weights_free(&w);
    tiny_end(&t);
}

static void test_merged_adapters_have_the_bits_of_peft(void **state) {
    static const char *const t5[] = {"plain", "rslora", "patterns", "regex", "layers", "head"};
    static const char *const gpt2[] = {"plain", "suffix", "all", "bias"};

    (void)state;
    for (int i = 0; i < 6; i++)
        check_adapter("PeftModelForSeq2SeqLMPool", "t5", t5[i]);
    for (int i = 0; i < 4; i++)
        check_adapter("HF_GPT2ForSequenceClassification", "gpt2", gpt2[i]);
}

#define THREE                                                                                      \
    "_pretrained_: " LORA "/t5/base, plain: " LORA "/t5/plain, rslora: " LORA "/t5/rslora, "       \
    "patterns: " LORA "/t5/patterns"

static void test_methods_on_adapters_have_the_bits_of_the_reference(void **state) {
    static const struct {
        const char *method, *file;
        int64_t block, trainable;
    } cases[] = {
        {"{name: simple_average}", "t5/methods-average.safetensors", 0, 0},
        {"{name: simple_average}", "t5/methods-average.safetensors", 7, 0},
        {"{name: task_arithmetic, scaling_factor: 0.3}", "t5/methods-arithmetic.safetensors", 0, 1},
        {"{name: task_arithmetic, scaling_factor: 0.3}", "t5/methods-arithmetic.safetensors", 1, 1},
        {"{name: ties_merging, scaling_factor: 0.3, threshold: 20}", "t5/methods-ties.safetensors",
         0, 1},
        {"{name: ties_merging, scaling_factor: 0.3, threshold: 20}", "t5/methods-ties.safetensors",
         13, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t trainable, all;
        struct tiny t;
        tiny_begin(&t);
        t.merge.block = cases[i].block;
        tiny_pool(&t, "{type: PeftModelForSeq2SeqLMPool, models: {" THREE "}}");
        if (tiny_run(&t, cases[i].method)) fail_msg("%s", t.err.msg);
        check_weights(&t.merge.weights, "t5", cases[i].file);
        fb_merge_count(&t.merge, &trainable, &all);
        assert_int_equal(trainable, cases[i].trainable ? all : 0);
        tiny_end(&t);
    }
}

static void test_the_newer_form_names_its_base(void **state) {
    struct fb_weights w = {0};
    const struct fb_node *config;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t,
              "{_target_: fusion_bench.modelpool.Seq2SeqLMPool, models: {x: {_target_: "
              "fusion_bench.modelpool.seq2seq_lm.modelpool.load_lora_model, base_model_path: " LORA
              "/t5/base, peft_model_path: " LORA "/t5/plain}}}");
    assert_int_equal(fb_pool_load(t.merge.pool, 0, &w, &t.err), FB_OK);
    check_weights(&w, "t5", "t5/plain.safetensors");
    assert_int_equal(fb_pool_config(t.merge.pool, 0, &config, &t.err), FB_OK);
    assert_int_equal(fb_node_get(config, "d_model")->value.integer, 16);
    fb_weights_free(&w);
    tiny_end(&t);
}

static void test_a_head_of_an_adapter_is_found(void **state) {
    const struct fb_entry *head;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{type: HF_GPT2ForSequenceClassification, models: {_pretrained_: " LORA
                  "/gpt2/base, x: " LORA "/gpt2/plain}}");
    assert_int_equal(fb_pool_tensor(t.merge.pool, 1, "score.weight", &head, &t.err), FB_OK);
    assert_non_null(head);
    assert_string_equal(head->name, "base_model.model.score.weight");
    assert_int_equal(fb_pool_tensor(t.merge.pool, 0, "score.weight", &head, &t.err), FB_OK);
    assert_string_equal(head->name, "score.weight");
    tiny_end(&t);
}

static void expect_failure(const char *models, int code, const char *message) {
    struct fb_weights w = {0};
    struct tiny t;
    char yaml[2048];
    int rc;

    tiny_begin(&t);
    snprintf(yaml, sizeof yaml, "{type: PeftModelForSeq2SeqLMPool, models: %s}", models);
    rc = tiny_try_pool(&t, yaml);
    if (!rc) rc = fb_pool_load(t.merge.pool, fb_pool_find(t.merge.pool, "x"), &w, &t.err);
    assert_int_equal(rc, code);
    assert_non_null(strstr(t.err.msg, message));
    tiny_end(&t);
}

static void test_pools_of_adapters_that_cannot_be_are_refused(void **state) {
    (void)state;
    expect_failure(
        "{x: " LORA "/t5/plain}", FB_ENOTFOUND,
        "model 'x': is an adapter, and the model pool has no '_pretrained_' model for it");
    expect_failure("{_pretrained_: " LORA "/t5/base, x: " LORA "/t5/base}", FB_EFORMAT,
                   "model 'x': '" LORA
                   "/t5/base' is not an adapter: it has no adapter_config.json");
    expect_failure("{_pretrained_: " LORA "/t5/plain, x: " LORA "/t5/plain}", FB_EFORMAT,
                   "model 'x': model '_pretrained_': is an adapter, expected a whole model");
    expect_failure("{_pretrained_: " LORA "/t5/base, x: {path: y, merge_and_unload: false}}",
                   FB_EUNSUPPORTED,
                   "model 'x': merge_and_unload: false is not supported: "
                   "an adapter is merged into its base when it is read");
    expect_failure("{_pretrained_: " LORA "/t5/base, x: " LORA "/gpt2/plain}", FB_EMISMATCH,
                   "model 'x': adapter '" LORA "/gpt2/plain/adapter_model.safetensors': the base "
                   "has no module 'transformer.h.0.attn.c_attn', which the adapter changes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_the_embedding_are_one_key),
        cmocka_unit_test(test_copies_of_the_embedding_are_counted_and_read_once),
        cmocka_unit_test(test_a_tied_head_is_the_embedding),
        cmocka_unit_test(test_copies_that_differ_are_refused),
        cmocka_unit_test(test_merged_adapters_have_the_bits_of_peft),
        cmocka_unit_test(test_methods_on_adapters_have_the_bits_of_the_reference),
        cmocka_unit_test(test_the_newer_form_names_its_base),
        cmocka_unit_test(test_a_head_of_an_adapter_is_found),
        cmocka_unit_test(test_pools_of_adapters_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
