#include "task/glue_data.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_the_tokenizer_is_a_string_or_a_mapping(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *map = fb_node_map(&a, (struct fb_place){0}, &err);

    (void)state;
    assert_string_equal(fb_glue_tokenizer_name(NULL, "gpt2", &err), "gpt2");
    assert_string_equal(
        fb_glue_tokenizer_name(fb_node_text(&a, "t", (struct fb_place){0}, &err), "gpt2", &err),
        "t");
    assert_null(fb_glue_tokenizer_name(map, "gpt2", &err));
    assert_string_equal(err.msg, "taskpool.tokenizer: expects a folder, a hub name or "
                                 "{pretrained_model_name_or_path: ...}");
    assert_int_equal(fb_node_set_text(&a, map, "pretrained_model_name_or_path", "m", &err), FB_OK);
    assert_string_equal(fb_glue_tokenizer_name(map, "gpt2", &err), "m");
    fb_arena_free(&a);
}

static void test_the_demo_tokenizer_opens(void **state) {
    struct fb_tokenizer *t;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_glue_tokenizer_open(&t, NULL, "embedded:demo/gpt2/tokenizer", &err), FB_OK);
    assert_true(fb_tokenizer_size(t) > 0);
    fb_tokenizer_close(t);
    assert_true(fb_glue_tokenizer_open(&t, NULL, "/nonexistent/tokenizer", &err) < 0);
    assert_null(t);
    assert_ptr_equal(strstr(err.msg, "taskpool.tokenizer '/nonexistent/tokenizer': "), err.msg);
}

static void test_data_is_looked_at_before_a_run(void **state) {
    struct fb_glue_item item = {"cola", fb_glue_find("cola"), "validation"};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_glue_data_check(&item, "embedded:demo/data", &err), FB_OK);
    item.split = "nosuch";
    assert_int_equal(fb_glue_data_check(&item, "embedded:demo/data", &err), FB_ENOTFOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tokenizer_is_a_string_or_a_mapping),
        cmocka_unit_test(test_the_demo_tokenizer_opens),
        cmocka_unit_test(test_data_is_looked_at_before_a_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
