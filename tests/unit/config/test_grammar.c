/* Shapes of the syntax tree and messages; what the trees evaluate to is compared with OmegaConf in
 * test_interp.c. */
#include "config/grammar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_refused(const char *text, const char *message) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_expr *e;

    assert_int_equal(fb_grammar_text(&e, &a, text, &err), FB_ECONFIG);
    assert_string_equal(err.msg, message);
    assert_null(e);
    fb_arena_free(&a);
}

static void test_a_string_that_is_one_interpolation_is_not_joined(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_expr *e;

    (void)state;
    assert_int_equal(fb_grammar_text(&e, &a, "${a.b}", &err), FB_OK);
    assert_int_equal(e->kind, FB_EXPR_SELECT);
    assert_int_equal(e->count, 3);
    assert_string_equal(e->child[1]->value->text, ".");
    assert_int_equal(fb_grammar_text(&e, &a, "${a} ", &err), FB_OK);
    assert_int_equal(e->kind, FB_EXPR_JOIN);
    fb_arena_free(&a);
}

static void test_a_call_separates_name_and_arguments(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_expr *e;

    (void)state;
    assert_int_equal(fb_grammar_text(&e, &a, "${oc.env: A , [1, x], {k: v}, 'q'}", &err), FB_OK);
    assert_int_equal(e->kind, FB_EXPR_CALL);
    assert_int_equal(e->names, 3);
    assert_int_equal(e->count, 7);
    assert_string_equal(e->child[3]->value->text, "A");
    assert_int_equal(e->child[4]->kind, FB_EXPR_LIST);
    assert_int_equal(e->child[4]->child[0]->value->kind, FB_INT);
    assert_int_equal(e->child[5]->kind, FB_EXPR_MAP);
    assert_int_equal(e->child[6]->kind, FB_EXPR_JOIN);
    fb_arena_free(&a);
}

static void test_words_are_typed_as_on_the_command_line(void **state) {
    static const struct {
        const char *word;
        enum fb_kind kind;
    } words[] = {{"null", FB_NULL},  {"NULL", FB_NULL}, {"True", FB_BOOL}, {"1_000", FB_INT},
                 {"+1", FB_INT},     {"1__0", FB_TEXT}, {"007", FB_TEXT},  {"0x1F", FB_TEXT},
                 {"1e-3", FB_REAL},  {".5", FB_REAL},   {"1.", FB_REAL},   {"-inf", FB_REAL},
                 {"NaN", FB_REAL},   {"1e", FB_TEXT},   {".", FB_TEXT},    {"yes", FB_TEXT},
                 {"1_0.5", FB_REAL}, {"00.5", FB_TEXT}, {"", FB_TEXT},     {"+-1", FB_TEXT}};
    struct fb_arena a = {0};
    struct fb_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(fb_grammar_word(&a, words[i].word, &err)->kind, words[i].kind);
    assert_true(fb_grammar_word(&a, "-inf", &err)->value.real < 0);
    fb_arena_free(&a);
}

static void test_messages_point_at_the_character(void **state) {
    (void)state;
    assert_refused("${a", "'${a': expected '}' at character 4");
    assert_refused("${a b}", "'${a b}': expected '}' at character 4");
    assert_refused("x ${}", "'x ${}': a key is missing at character 5");
    assert_refused("${a.}", "'${a.}': a key is missing at character 5");
    assert_refused("${a[b}", "'${a[b}': expected ']' at character 6");
    assert_refused("${f:'x}", "'${f:'x}': the quote is not closed at character 8");
    assert_refused("${f:[1}", "'${f:[1}': expected ',' or ']' at character 7");
    assert_refused("${f:a=b}", "'${f:a=b}': expected ',' or '}' at character 6");
    assert_refused("${f:(}", "'${f:(}': a value is missing at character 5");
    assert_refused("${f:{a}}", "'${f:{a}}': expected ':' at character 7");
    assert_refused("${f:{a:1 x'}}", "'${f:{a:1 x'}}': expected ',' or '}' at character 11");
}

static void test_depth_is_bounded(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_expr *e;
    char text[512];

    (void)state;
    for (int i = 0; i < 150; i++)
        memcpy(text + 2 * i, "${", 3);
    assert_int_equal(fb_grammar_text(&e, &a, text, &err), FB_ECONFIG);
    assert_non_null(strstr(err.msg, "nested deeper than 100 levels"));
    memset(text, '[', 150);
    text[150] = '\0';
    assert_int_equal(fb_grammar_element(&e, &a, text, &err), FB_ECONFIG);
    assert_non_null(strstr(err.msg, "nested deeper than 100 levels"));
    fb_arena_free(&a);
}

static void test_an_element_must_be_the_whole_text(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_expr *e;

    (void)state;
    assert_int_equal(fb_grammar_element(&e, &a, "1,2", &err), FB_ECONFIG);
    assert_string_equal(err.msg, "'1,2': the value should end at character 2");
    assert_null(e);
    fb_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_string_that_is_one_interpolation_is_not_joined),
        cmocka_unit_test(test_a_call_separates_name_and_arguments),
        cmocka_unit_test(test_words_are_typed_as_on_the_command_line),
        cmocka_unit_test(test_messages_point_at_the_character),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_an_element_must_be_the_whole_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
