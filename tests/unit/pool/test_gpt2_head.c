#include "pool/gpt2_head.h"

#include "config/yaml.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct fb_arena arena;
static struct fb_pool *pool;

static int begin(void **state) {
    static const char yaml[] =
        "{type: HF_GPT2ForSequenceClassification, models: [{name: _pretrained_, path: "
        "'embedded:demo/gpt2/_pretrained_'}, {name: mnli, path: 'embedded:demo/gpt2/mnli'}]}";
    struct fb_err err = {0};
    struct fb_node *node;

    (void)state;
    if (fb_yaml_parse(&node, &arena, yaml, strlen(yaml), "t", &err) ||
        fb_pool_create(&pool, node, NULL, &err))
        fail_msg("%s", err.msg);
    return 0;
}

static int end(void **state) {
    (void)state;
    fb_pool_close(pool);
    fb_arena_free(&arena);
    return 0;
}

static void test_a_head_is_that_of_the_expert(void **state) {
    const struct fb_entry *stored;
    struct fb_gpt2_head head;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_gpt2_head_check(pool, "mnli", &err), FB_OK);
    assert_int_equal(fb_pool_tensor(pool, 1, "score.weight", &stored, &err), FB_OK);
    assert_int_equal(fb_gpt2_head_load(&head, pool, "mnli", stored->shape[1], &err), FB_OK);
    assert_int_equal(head.labels, 3);
    assert_int_equal(head.config.n_embd, stored->shape[1]);
    assert_int_equal(stored->dtype, FB_F32);
    assert_memory_equal(head.score.data, stored->data, stored->size);
    fb_gpt2_head_free(&head);
}

static void test_what_does_not_fit_is_named(void **state) {
    struct fb_gpt2_head head;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_gpt2_head_check(pool, "qnli", &err), FB_ECONFIG);
    assert_string_equal(err.msg, "the model pool has no model of that name, whose classification "
                                 "head would be used");
    memset(&err, 0, sizeof err);
    assert_int_equal(fb_gpt2_head_check(pool, "_pretrained_", &err), FB_EFORMAT);
    assert_string_equal(err.msg, "'embedded:demo/gpt2/_pretrained_' has no score.weight: it is not "
                                 "a sequence classifier");
    memset(&err, 0, sizeof err);
    assert_int_equal(fb_gpt2_head_load(&head, pool, "mnli", 7, &err), FB_EMISMATCH);
    assert_ptr_equal(strstr(err.msg, "score.weight has "), err.msg);
    assert_non_null(strstr(err.msg, " columns where the merged model has n_embd 7"));
    fb_gpt2_head_free(&head);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_head_is_that_of_the_expert),
        cmocka_unit_test(test_what_does_not_fit_is_named),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
