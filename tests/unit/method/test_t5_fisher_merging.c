/* On the small models of tests/seed/t5, against torch's gradients and FusionBench's own merge
 * (tools/golden/fisher_t5.py). */
#include "kernel/threads.h"
#include "tiny_pool.h"

#include "scratch.h"

#include <math.h>

#define T5 FB_SOURCE_DIR "/tests/seed/t5"
#define POOL                                                                                       \
    ", tokenizer: " T5 "/base, data_dir: " T5 "/data, train_datasets: {cola: {name: cola, split: " \
    "validation}, rte: {name: rte, split: validation}}}"
#define METHOD "{name: t5_fisher_merging, shuffle: false, num_fisher_examples: 9, batch_size: 3"

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
    assert_true(most > 0);
    return worst / most;
}

static void run(struct tiny *t, const char *method) {
    if (tiny_run(t, method)) fail_msg("%s", t->err.msg);
}

/* The file of an expert's Fisher weights. */
static struct fb_ckpt *open_kept(const char *expert) {
    struct fb_ckpt *kept = NULL;
    struct fb_err err = {0};
    char **names, begin[64];
    size_t n;

    snprintf(begin, sizeof begin, "t5_fisher_merging-%s-", expert);
    assert_int_equal(fb_list_dir(scratch_path("kept"), &names, &n, &err), FB_OK);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", scratch_path("kept"), names[i]);
        if (strncmp(names[i], begin, strlen(begin)) != 0) continue;
        assert_int_equal(fb_ckpt_open(&kept, path, &err), FB_OK);
    }
    assert_non_null(kept);
    fb_list_free(names, n);
    return kept;
}

static void test_weights_are_those_of_torch(void **state) {
    struct fb_ckpt *want, *kept[2];
    double worst[2] = {0, 0};
    int64_t merged = 0;
    char method[1024];
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    scratch_make();
    tiny_pool(&t, pool);
    snprintf(method, sizeof method, METHOD ", statistics_dir: %s}", scratch_path("kept"));
    run(&t, method);
    assert_int_equal(fb_ckpt_open(&want, FB_GOLDEN_DIR "/fisher/t5.safetensors", &t.err), FB_OK);
    kept[0] = open_kept("cola");
    kept[1] = open_kept("rte");
    for (int64_t i = 0; i < fb_ckpt_count(want); i++) {
        const struct fb_entry *e = fb_ckpt_at(want, i);
        const char *slash = strchr(e->name, '/');
        const float *found = slash ? fb_ckpt_find(kept[e->name[0] == 'r'], slash + 1)->data
                                   : tiny_value(&t, e->name);
        double d = distance(found, e->data, e->numel);
        if (d > worst[!slash]) worst[!slash] = d;
        if (d > (slash ? 1e-5 : 1e-4)) fail_msg("%s: %g", e->name, d);
        merged += !slash;
    }
    assert_int_equal(merged, t.merge.weights.names.count);
    print_message("largest differences: Fisher %.2g, merged %.2g\n", worst[0], worst[1]);
    for (int i = 0; i < 2; i++)
        fb_ckpt_close(kept[i]);
    fb_ckpt_close(want);
    scratch_remove();
    tiny_end(&t);
}

static void test_the_bits_do_not_depend_on_threads(void **state) {
    static const char key[] = "decoder.block.1.layer.2.DenseReluDense.wo.weight";
    enum { NUMEL = 32 * 48 };
    float first[NUMEL];
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, adapters);
    for (int threads = 1; threads <= 4; threads *= 2) {
        fb_threads_set(threads);
        run(&t, METHOD "}");
        if (threads == 1) memcpy(first, tiny_value(&t, key), sizeof first);
        assert_memory_equal(tiny_value(&t, key), first, sizeof first);
    }
    tiny_end(&t);
}

static void test_other_models_are_refused(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{type: HF_GPT2ForSequenceClassification, models: {cola: a}}");
    assert_int_equal(tiny_run(&t, METHOD "}"), FB_ECONFIG);
    assert_string_equal(t.err.msg, "method t5_fisher_merging: merges T5 models "
                                   "(AutoModelForSeq2SeqLMPool, PeftModelForSeq2SeqLMPool), and "
                                   "the model pool is HF_GPT2ForSequenceClassification");
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_are_those_of_torch),
        cmocka_unit_test(test_the_bits_do_not_depend_on_threads),
        cmocka_unit_test(test_other_models_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
