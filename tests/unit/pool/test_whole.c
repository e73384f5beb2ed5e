/* Bases and adapters of tests/golden/convert (tools/golden/convert.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "base/file.h"
#include "pool/whole.h"
#include "scratch.h"

#include <stdlib.h>
#include <string.h>

#define GOLDEN FB_GOLDEN_DIR "/convert/"

static struct fb_whole open_on(const char *name, const char *base) {
    struct fb_whole w;
    struct fb_err err = {0};

    if (fb_whole_open(&w, name, base, NULL, &err)) fail_msg("%s", err.msg);
    return w;
}

static int64_t find(const struct fb_whole *w, const char *name) {
    for (int64_t i = 0; i < w->count; i++)
        if (!strcmp(w->tensor[i].entry.name, name)) return i;
    return -1;
}

/* Every tensor in blocks of three elements against the reference's, bit for bit. */
static void check_values(const struct fb_whole *w, const char *golden) {
    struct fb_ckpt *want;
    struct fb_err err = {0};

    if (fb_ckpt_open(&want, golden, &err)) fail_msg("%s", err.msg);
    assert_int_equal(w->count, fb_ckpt_count(want));
    for (int64_t i = 0; i < w->count; i++) {
        const struct fb_entry *got = &w->tensor[i].entry, *e = fb_ckpt_find(want, got->name);
        if (!e) fail_msg("'%s' is too much", got->name);
        assert_int_equal(got->dtype, e->dtype);
        if (w->tensor[i].change < 0) {
            assert_memory_equal(got->data, e->data, e->size);
            continue;
        }
        for (int64_t at = 0; at < e->numel; at += 3) {
            int64_t n = e->numel - at < 3 ? e->numel - at : 3;
            float values[3];
            fb_whole_block(w, i, at, n, values);
            assert_memory_equal(values, (const float *)e->data + at, (size_t)n * sizeof *values);
        }
    }
    fb_ckpt_close(want);
}

static void test_adapters_give_what_peft_makes_of_them(void **state) {
    static const char *const cases[][2] = {{"bin-and-safetensors-differ", "gpt2"},
                                           {"bin-only", "gpt2"},
                                           {"flag-wrong", "gpt2"},
                                           {"all-zero-B", "gpt2"},
                                           {"target-absent-in-base", "gpt2"},
                                           {"suffix-targets", "gpt2"},
                                           {"classifier", "gpt2"},
                                           {"classifier-of-body", "body"},
                                           {"names-of-body", "body"},
                                           {"embedding-of-t5", "t5"},
                                           {"head-of-t5", "t5"},
                                           {"embedding-of-tied", "tied"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char adapter[512], base[512], golden[512];
        struct fb_whole w;
        snprintf(adapter, sizeof adapter, GOLDEN "%s", cases[i][0]);
        snprintf(base, sizeof base, GOLDEN "%s", cases[i][1]);
        snprintf(golden, sizeof golden, GOLDEN "%s.safetensors", cases[i][0]);
        w = open_on(adapter, base);
        check_values(&w, golden);
        fb_whole_close(&w);
    }
}

static void test_a_whole_model_is_passed_on_as_it_is(void **state) {
    struct fb_whole w = open_on(GOLDEN "gpt2", NULL);

    (void)state;
    assert_null(w.lora);
    assert_int_equal(w.tensor[find(&w, "transformer.h.0.attn.bias")].entry.dtype, FB_BOOL8);
    assert_string_equal(w.kind->name, "HF_GPT2ForSequenceClassification");
    check_values(&w, GOLDEN "gpt2/model.safetensors");
    fb_whole_close(&w);
}

static void test_architectures_are_recognized_by_configuration_or_names(void **state) {
    struct fb_whole w = open_on(GOLDEN "copies-differ.safetensors", NULL);

    (void)state;
    assert_null(w.config);
    assert_string_equal(w.kind->name, "AutoModelForSeq2SeqLMPool");
    fb_whole_close(&w);
    w = open_on(GOLDEN "types.safetensors", NULL);
    assert_null(w.kind);
    fb_whole_close(&w);
    w = open_on(GOLDEN "body/model.safetensors", NULL);
    assert_string_equal(w.kind->name, "HF_GPT2ForSequenceClassification");
    fb_whole_close(&w);
}

/* A model of another kind with the same names has plain matrices. */
static void test_only_gpt2_has_matrices_the_other_way_round(void **state) {
    const char *folder = scratch_make();
    struct fb_whole w, plain;
    struct fb_err err = {0};
    float a[16], b[16];
    char path[512];

    (void)state;
    scratch_write("config.json", "{\"model_type\": \"gpt_bigcode\"}");
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    assert_int_equal(fb_file_copy(GOLDEN "gpt2/model.safetensors", path, &err), FB_OK);
    w = open_on(GOLDEN "suffix-targets", folder);
    plain = open_on(GOLDEN "suffix-targets", GOLDEN "gpt2");
    assert_null(w.kind);
    fb_whole_block(&w, find(&w, "transformer.h.0.attn.c_proj.weight"), 0, 16, a);
    fb_whole_block(&plain, find(&plain, "transformer.h.0.attn.c_proj.weight"), 0, 16, b);
    assert_memory_not_equal(a, b, sizeof a);
    fb_whole_close(&w);
    fb_whole_close(&plain);
    scratch_remove();
}

static void test_a_broken_configuration_is_named(void **state) {
    const char *folder = scratch_make();
    struct fb_err err = {0};
    struct fb_whole w;
    char want[512];

    (void)state;
    snprintf(want, sizeof want, "%s/model.safetensors", folder);
    assert_int_equal(fb_file_copy(GOLDEN "types.safetensors", want, &err), FB_OK);
    scratch_write("config.json", "[]");
    assert_int_equal(fb_whole_open(&w, folder, NULL, NULL, &err), FB_EFORMAT);
    snprintf(want, sizeof want, "'%s/config.json': expected a mapping, found a list", folder);
    assert_string_equal(err.msg, want);
    fb_whole_close(&w);
    scratch_remove();
}

static int attempt(void *adapter) {
    struct fb_whole w;
    struct fb_err err = {0};
    int rc = fb_whole_open(&w, adapter, GOLDEN "body", NULL, &err);

    fb_whole_close(&w);
    return rc;
}

static void test_running_out_of_memory_is_reported(void **state) {
    char adapter[] = GOLDEN "classifier-of-body";

    (void)state;
    assert_true(for_each_allocation_failure(attempt, adapter, 2000) > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adapters_give_what_peft_makes_of_them),
        cmocka_unit_test(test_a_whole_model_is_passed_on_as_it_is),
        cmocka_unit_test(test_architectures_are_recognized_by_configuration_or_names),
        cmocka_unit_test(test_only_gpt2_has_matrices_the_other_way_round),
        cmocka_unit_test(test_a_broken_configuration_is_named),
        cmocka_unit_test(test_running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
