#include "train/base_model.h"

#include "alloc_faults.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_a_classifier_brings_its_head(void **state) {
    struct fb_arena arena = {0};
    struct fb_base_model b;
    struct fb_learner l;
    struct fb_err err = {0};
    int64_t added;

    (void)state;
    for (int expert = 0; expert < 2; expert++) {
        const char *name = expert ? "embedded:demo/gpt2/cola" : "embedded:demo/gpt2/_pretrained_";
        assert_int_equal(fb_base_model_open(&b, name, NULL, &arena, &err), FB_OK);
        assert_true(fb_base_model_is(&b, "gpt2"));
        assert_false(fb_base_model_is(&b, "t5"));
        assert_int_equal(fb_learner_configure(&l, FB_CLASSIFICATION, b.config, 2, &err), FB_OK);
        assert_int_equal(fb_base_model_load(&b, &l, NULL, &err), FB_OK);
        assert_int_equal(fb_learner_create(&l, 42, &added, &err), FB_OK);
        assert_int_equal(added, expert ? 0 : 1);
        for (int64_t i = 0; i < l.weights.names.count; i++)
            assert_non_null(l.weights.item[i].owned);
        fb_learner_free(&l);
        fb_base_model_close(&b);
    }
    fb_arena_free(&arena);
}

static void test_a_configuration_has_no_weights(void **state) {
    struct fb_arena arena = {0};
    struct fb_base_model b;
    struct fb_learner l;
    struct fb_err err = {0};
    int64_t added;

    (void)state;
    scratch_make();
    assert_int_equal(
        fb_base_model_open(&b, NULL,
                           scratch_write("config.json",
                                         "{\"model_type\": \"t5\", \"d_model\": 8, \"d_kv\": 4, "
                                         "\"d_ff\": 8, \"num_layers\": 1, \"num_heads\": 2, "
                                         "\"vocab_size\": 20, \"pad_token_id\": 0}"),
                           &arena, &err),
        FB_OK);
    assert_true(fb_base_model_is(&b, "t5"));
    assert_int_equal(fb_learner_configure(&l, FB_TEXT_TO_TEXT, b.config, 0, &err), FB_OK);
    assert_int_equal(fb_base_model_load(&b, &l, NULL, &err), FB_OK);
    assert_int_equal(l.weights.names.count, 0);
    assert_int_equal(fb_learner_create(&l, 42, &added, &err), FB_OK);
    assert_int_equal(added, l.weights.names.count);
    fb_learner_free(&l);
    fb_base_model_close(&b);
    fb_arena_free(&arena);
    scratch_remove();
}

static void test_what_is_no_model_is_named(void **state) {
    struct fb_arena arena = {0};
    struct fb_base_model b;
    struct fb_err err = {0};
    const char *folder = scratch_make();
    char want[600];

    (void)state;
    assert_int_equal(fb_base_model_open(&b, folder, NULL, &arena, &err), FB_ENOTFOUND);
    snprintf(want, sizeof want,
             "'%s' has no config.json: training begins with the folder of a whole model", folder);
    assert_string_equal(err.msg, want);
    fb_base_model_close(&b);
    assert_int_equal(fb_base_model_open(&b, NULL, scratch_write("c.json", "[1]"), &arena, &err),
                     FB_EFORMAT);
    snprintf(want, sizeof want, "%s: expected a mapping, found a list", scratch_path("c.json"));
    assert_string_equal(err.msg, want);
    fb_base_model_close(&b);
    fb_arena_free(&arena);
    scratch_remove();
}

static int load(void *arg) {
    struct fb_arena arena = {0};
    struct fb_base_model b;
    struct fb_learner l = {0};
    struct fb_err err = {0};
    int rc = fb_base_model_open(&b, "embedded:demo/gpt2/sst2", NULL, &arena, &err);

    (void)arg;
    if (!rc) rc = fb_learner_configure(&l, FB_CLASSIFICATION, b.config, 2, &err);
    if (!rc) rc = fb_base_model_load(&b, &l, NULL, &err);
    fb_learner_free(&l);
    fb_base_model_close(&b);
    fb_arena_free(&arena);
    return rc;
}

static void test_running_out_of_memory_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(load, NULL, 3000) > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_classifier_brings_its_head),
        cmocka_unit_test(test_a_configuration_has_no_weights),
        cmocka_unit_test(test_what_is_no_model_is_named),
        cmocka_unit_test(test_running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
