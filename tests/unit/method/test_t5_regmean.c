/* On the small models of tests/seed/t5, against the formula over what transformers gives each layer
 * (tools/golden/regmean_t5.py). */
#include "tiny_pool.h"

#include "scratch.h"

#include <math.h>
#include <omp.h>

#define T5 FB_SOURCE_DIR "/tests/seed/t5"
#define POOL                                                                                       \
    ", tokenizer: " T5 "/base, data_dir: " T5 "/data, train_datasets: {cola: {name: cola, split: " \
    "validation}, rte: {name: rte, split: validation}}}"

static const char pool[] = "{type: AutoModelForSeq2SeqLMPool, models: {_pretrained_: " T5
                           "/base, cola: " T5 "/expert_0, rte: " T5 "/expert_1}" POOL;
static const char adapters[] = "{type: PeftModelForSeq2SeqLMPool, models: {_pretrained_: " T5
                               "/base, cola: " T5 "/lora_0, rte: " T5 "/lora_1}" POOL;

/* Largest difference over the largest value. */
static double distance(const float *found, const float *want, int64_t n) {
    double worst = 0, most = 0;

    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)found[i] - (double)want[i]), v = fabs((double)want[i]);
        if (!(d <= worst)) worst = d;
        if (v > most) most = v;
    }
    return worst / most;
}

static void run(struct tiny *t, const char *method) {
    if (tiny_run(t, method)) fail_msg("%s", t->err.msg);
}

static void test_merged_weights_are_those_of_the_formula(void **state) {
    struct fb_ckpt *want;
    struct tiny t;
    int64_t layers = 0;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, pool);
    run(&t, "{name: t5_regmean, shuffle: false}");
    assert_int_equal(fb_ckpt_open(&want, FB_GOLDEN_DIR "/regmean/t5.safetensors", &t.err), FB_OK);
    for (int64_t i = 0; i < fb_ckpt_count(want); i++) {
        const struct fb_entry *e = fb_ckpt_at(want, i);
        double d;
        if (strchr(e->name, '/')) continue;
        layers++;
        d = distance(tiny_value(&t, e->name), e->data, e->numel);
        if (d > 1e-4) fail_msg("%s: %g", e->name, d);
    }
    assert_int_equal(layers, 36);
    fb_ckpt_close(want);
    tiny_end(&t);
}

/* The mean: embeddings, norms, the table of distances, the head. */
static void test_all_else_is_the_mean(void **state) {
    static const char *const keys[] = {
        "shared.weight", "lm_head.weight", "encoder.final_layer_norm.weight",
        "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"};
    struct fb_ckpt *expert[2];
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, pool);
    run(&t, "{name: t5_regmean, num_regmean_examples: 4, batch_size: 4}");
    assert_int_equal(fb_ckpt_open(&expert[0], T5 "/expert_0", &t.err), FB_OK);
    assert_int_equal(fb_ckpt_open(&expert[1], T5 "/expert_1", &t.err), FB_OK);
    for (int k = 0; k < 4; k++) {
        const struct fb_entry *a = fb_ckpt_find(expert[0], keys[k]);
        const struct fb_entry *b = fb_ckpt_find(expert[1], keys[k]);
        const float *found = tiny_value(&t, keys[k]);
        for (int64_t i = 0; i < a->numel; i++) {
            float x, y;
            memcpy(&x, (const char *)a->data + (size_t)i * sizeof x, sizeof x);
            memcpy(&y, (const char *)b->data + (size_t)i * sizeof y, sizeof y);
            assert_true(found[i] == (x + y) / 2);
        }
    }
    fb_ckpt_close(expert[0]);
    fb_ckpt_close(expert[1]);
    tiny_end(&t);
}

/* Layers that share their input have one matrix, under the name of the first of them. */
static void test_statistics_are_those_of_the_formula(void **state) {
    static const struct {
        const char *golden, *layer;
    } pairs[] = {
        {"cola/encoder.block.1.layer.0.SelfAttention.q", "encoder.block.1.layer.0.SelfAttention.q"},
        {"cola/decoder.block.1.layer.1.EncDecAttention.v",
         "decoder.block.0.layer.1.EncDecAttention.k"},
        {"cola/decoder.block.0.layer.2.DenseReluDense.wi_1",
         "decoder.block.0.layer.2.DenseReluDense.wi_0"},
        {"cola/decoder.block.1.layer.2.DenseReluDense.wo",
         "decoder.block.1.layer.2.DenseReluDense.wo"}};
    struct fb_ckpt *want, *found = NULL;
    char method[1024], **names;
    struct tiny t;
    size_t n;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, pool);
    scratch_make();
    snprintf(method, sizeof method, "{name: t5_regmean, shuffle: false, statistics_dir: %s}",
             scratch_path("kept"));
    run(&t, method);
    assert_int_equal(fb_ckpt_open(&want, FB_GOLDEN_DIR "/regmean/t5.safetensors", &t.err), FB_OK);
    assert_int_equal(fb_list_dir(scratch_path("kept"), &names, &n, &t.err), FB_OK);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", scratch_path("kept"), names[i]);
        if (strstr(names[i], "t5_regmean-cola-"))
            assert_int_equal(fb_ckpt_open(&found, path, &t.err), FB_OK);
    }
    assert_non_null(found);
    assert_null(fb_ckpt_find(found, "decoder.block.1.layer.1.EncDecAttention.v"));
    for (int i = 0; i < 4; i++) {
        const struct fb_entry *a = fb_ckpt_find(found, pairs[i].layer);
        const struct fb_entry *b = fb_ckpt_find(want, pairs[i].golden);
        double d = distance(a->data, b->data, b->numel);
        if (d > 1e-5) fail_msg("%s: %g", pairs[i].golden, d);
    }
    run(&t, method);
    fb_list_free(names, n);
    fb_ckpt_close(found);
    fb_ckpt_close(want);
    scratch_remove();
    tiny_end(&t);
}

static void test_bits_do_not_depend_on_threads(void **state) {
    static const char key[] = "decoder.block.1.layer.2.DenseReluDense.wo.weight";
    enum { NUMEL = 32 * 48 };
    float first[NUMEL];
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, adapters);
    for (int threads = 1; threads <= 4; threads *= 2) {
        omp_set_num_threads(threads);
        run(&t, "{name: t5_regmean, num_regmean_examples: 8}");
        if (threads == 1) memcpy(first, tiny_value(&t, key), sizeof first);
        assert_memory_equal(first, tiny_value(&t, key), sizeof first);
    }
    tiny_end(&t);
}

static void test_another_kind_of_pool_is_refused(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{type: HF_GPT2ForSequenceClassification, models: {_pretrained_: a, cola: b}}");
    assert_int_equal(tiny_run(&t, "{name: t5_regmean}"), FB_ECONFIG);
    assert_string_equal(t.err.msg,
                        "method t5_regmean: merges T5 models (AutoModelForSeq2SeqLMPool, "
                        "PeftModelForSeq2SeqLMPool), and the model pool is "
                        "HF_GPT2ForSequenceClassification");
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged_weights_are_those_of_the_formula),
        cmocka_unit_test(test_all_else_is_the_mean),
        cmocka_unit_test(test_statistics_are_those_of_the_formula),
        cmocka_unit_test(test_bits_do_not_depend_on_threads),
        cmocka_unit_test(test_another_kind_of_pool_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
