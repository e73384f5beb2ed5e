#include "golden_train.h"

static void test_the_first_steps_are_those_of_torch(void **state) {
    static const char *const names[] = {"gpt2_full", "gpt2_lora", "gpt2_accumulated",
                                        "gpt2_language"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        golden_assert_steps(names[i]);
}

static void test_what_gpt2_does_not_learn_is_refused(void **state) {
    struct fb_arena arena = {0};
    struct fb_learner l;
    struct fb_err err = {0};
    struct fb_node *json = config_of(&arena, "{\"model_type\": \"gpt2\"}");

    (void)state;
    assert_int_equal(fb_learner_configure(&l, FB_TEXT_TO_TEXT, json, 0, &err), FB_EUNSUPPORTED);
    assert_string_equal(err.msg,
                        "GPT-2 learns classes or running text; text-to-text needs a T5 model");
    fb_learner_free(&l);
    json = config_of(&arena, "{\"initializer_range\": 7}");
    assert_int_equal(fb_learner_configure(&l, FB_CLASSIFICATION, json, 2, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "config.json: 'initializer_range' is 7, expected 0 to 1");
    fb_learner_free(&l);
    fb_arena_free(&arena);
}

static void test_a_head_of_another_width_is_refused(void **state) {
    const int64_t shape[] = {3, 8};
    struct fb_arena arena = {0};
    struct fb_learner l;
    struct fb_err err = {0};
    struct fb_node *json =
        config_of(&arena, "{\"n_layer\": 1, \"n_head\": 1, \"n_embd\": 8, \"vocab_size\": 10}");
    int64_t added;

    (void)state;
    assert_int_equal(fb_learner_configure(&l, FB_CLASSIFICATION, json, 2, &err), FB_OK);
    assert_non_null(fb_weights_add(&l.weights, "score.weight", 2, shape, &err));
    assert_int_equal(fb_learner_create(&l, 1, &added, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "the model's score.weight is [3, 8], the task needs [2, 8]");
    fb_learner_free(&l);
    fb_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_steps_are_those_of_torch),
        cmocka_unit_test(test_what_gpt2_does_not_learn_is_refused),
        cmocka_unit_test(test_a_head_of_another_width_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
