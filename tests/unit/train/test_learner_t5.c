#include "golden_train.h"

static void test_the_first_steps_are_those_of_torch(void **state) {
    static const char *const names[] = {"t5_full", "t5_tied", "t5_lora"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        golden_assert_steps(names[i]);
}

static void test_what_t5_does_not_learn_is_refused(void **state) {
    struct fb_arena arena = {0};
    struct fb_learner l;
    struct fb_err err = {0};
    struct fb_node *json = config_of(&arena, "{\"model_type\": \"t5\"}");

    (void)state;
    assert_int_equal(fb_learner_configure(&l, FB_CLASSIFICATION, json, 2, &err), FB_EUNSUPPORTED);
    assert_string_equal(err.msg,
                        "T5 learns text-to-text; classes and running text need a GPT-2 model");
    fb_learner_free(&l);
    fb_arena_free(&arena);
}

/* The start token of the decoder: its own, else the padding. */
static void test_the_decoder_begins_with_the_padding_where_nothing_else_is_said(void **state) {
    struct fb_arena arena = {0};
    struct fb_learner l;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(
        fb_learner_configure(&l, FB_TEXT_TO_TEXT,
                             config_of(&arena, "{\"model_type\": \"t5\", \"pad_token_id\": 3}"), 0,
                             &err),
        FB_OK);
    assert_int_equal(l.start, 3);
    fb_learner_free(&l);
    assert_int_equal(
        fb_learner_configure(
            &l, FB_TEXT_TO_TEXT,
            config_of(&arena, "{\"model_type\": \"t5\", \"decoder_start_token_id\": 5}"), 0, &err),
        FB_OK);
    assert_int_equal(l.start, 5);
    fb_learner_free(&l);
    fb_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_steps_are_those_of_torch),
        cmocka_unit_test(test_what_t5_does_not_learn_is_refused),
        cmocka_unit_test(test_the_decoder_begins_with_the_padding_where_nothing_else_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
