#include "text/tokenizer_choice.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_it_is_a_string_or_a_mapping(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *map = fb_node_map(&a, (struct fb_place){0}, &err);
    struct fb_tokenizer_choice c = {NULL, "taskpool", "gpt2"};

    (void)state;
    assert_string_equal(fb_tokenizer_chosen(&c, &err), "gpt2");
    c.node = fb_node_text(&a, "t", (struct fb_place){0}, &err);
    assert_string_equal(fb_tokenizer_chosen(&c, &err), "t");
    c.node = map;
    assert_null(fb_tokenizer_chosen(&c, &err));
    assert_string_equal(err.msg, "taskpool.tokenizer: expects a folder, a hub name or "
                                 "{pretrained_model_name_or_path: ...}");
    assert_int_equal(fb_node_set_text(&a, map, "pretrained_model_name_or_path", "m", &err), FB_OK);
    assert_string_equal(fb_tokenizer_chosen(&c, &err), "m");
    fb_arena_free(&a);
}

static void test_the_demo_tokenizer_opens(void **state) {
    struct fb_tokenizer_choice c = {NULL, "modelpool", "embedded:demo/gpt2/tokenizer"};
    struct fb_tokenizer *t;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_tokenizer_open_chosen(&t, &c, &err), FB_OK);
    assert_true(fb_tokenizer_size(t) > 0);
    fb_tokenizer_close(t);
    c.fallback = "/nonexistent/tokenizer";
    assert_true(fb_tokenizer_open_chosen(&t, &c, &err) < 0);
    assert_null(t);
    assert_ptr_equal(strstr(err.msg, "modelpool.tokenizer '/nonexistent/tokenizer': "), err.msg);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_a_string_or_a_mapping),
        cmocka_unit_test(test_the_demo_tokenizer_opens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
