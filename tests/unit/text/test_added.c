#include "text/added.h"

#include "alloc_faults.h"
#include "golden.h"

/* Segments joined by '|', tokens in brackets. */
static void assert_cut(const struct fb_added *a, const char *text, const char *expected) {
    struct fb_err err = {0};
    struct fb_segments s = {0};
    struct fb_str out = {0};

    assert_int_equal(fb_added_cut(a, &s, text, strlen(text), &err), FB_OK);
    for (size_t i = 0; i < s.count; i++) {
        const char *form = s.item[i].token >= 0 ? "[%.*s]" : "%.*s|";
        if (!s.item[i].size) continue;
        if (form[0] == '[')
            assert_int_equal(
                fb_str_printf(&out, &err, "[%.*s]", (int)s.item[i].size, s.item[i].text), FB_OK);
        else
            assert_int_equal(
                fb_str_printf(&out, &err, "%.*s|", (int)s.item[i].size, s.item[i].text), FB_OK);
    }
    assert_string_equal(fb_str_text(&out), expected);
    fb_str_free(&out);
    fb_segments_free(&s);
}

static void add(struct fb_added *a, const char *content, struct fb_added_token token) {
    struct fb_err err = {0};

    token.cuts = true;
    assert_int_equal(fb_added_add(a, content, strlen(content), token, &err), FB_OK);
}

static struct fb_added with(int n, const char *const *contents) {
    struct fb_added a = {0};

    for (int i = 0; i < n; i++)
        add(&a, contents[i], (struct fb_added_token){.id = i});
    return a;
}

static void test_tokens_are_cut_out_of_the_text(void **state) {
    struct fb_added a = with(2, (const char *const[]){"<x>", "日本"});

    (void)state;
    assert_cut(&a, "a <x> b", "a |[<x>] b|");
    assert_cut(&a, "<x><x>", "[<x>][<x>]");
    assert_cut(&a, "<x", "<x|");
    assert_cut(&a, "", "");
    assert_cut(&a, "é日本<x>日", "é|[日本][<x>]日|");
    fb_added_free(&a);
}

static void test_longest_token_wins(void **state) {
    struct fb_added a = with(3, (const char *const[]){"<x>", "<x><y>", "<x><"});

    (void)state;
    assert_cut(&a, "<x><y>", "[<x><y>]");
    assert_cut(&a, "<x><z", "[<x><]z|");
    assert_cut(&a, "<x>", "[<x>]");
    fb_added_free(&a);
}

static void test_earlier_token_wins_over_one_inside_it(void **state) {
    struct fb_added a = with(2, (const char *const[]){"abcd", "bc"});

    (void)state;
    assert_cut(&a, "abcd", "[abcd]");
    assert_cut(&a, "abce", "a|[bc]e|");
    fb_added_free(&a);
}

/* The reference's lookahead goes on from a partial match that has just failed, one character
 * further: "ab", not c, then "d" makes "abcd" one segment, which is no token. */
static void test_failed_partial_match_swallows_a_token_inside_it(void **state) {
    struct fb_added a = with(2, (const char *const[]){"abd", "b"});

    (void)state;
    assert_cut(&a, "abcd", "abcd|");
    assert_cut(&a, "abce", "a|[b]ce|");
    fb_added_free(&a);
}

static void test_strip_flags_eat_blanks(void **state) {
    struct fb_added a = {0};

    (void)state;
    add(&a, "<l>", (struct fb_added_token){.lstrip = true});
    add(&a, "<r>", (struct fb_added_token){.rstrip = true});
    assert_cut(&a, "a \t\xc2\xa0<l> b", "a|[<l>] b|");
    assert_cut(&a, "a <r>\xe3\x80\x80\x1c b", "a |[<r>]b|");
    assert_cut(&a, "  <l>", "[<l>]");
    fb_added_free(&a);
}

static void test_single_word_needs_spaces_around(void **state) {
    struct fb_added a = {0};

    (void)state;
    add(&a, "new", (struct fb_added_token){.single_word = true});
    assert_cut(&a, "a new b", "a |[new] b|");
    assert_cut(&a, "anew b", "anew| b|");
    assert_cut(&a, "a newb", "a |newb|");
    assert_cut(&a, "new", "[new]");
    fb_added_free(&a);
}

static void test_token_that_does_not_cut_is_only_a_whole_segment(void **state) {
    struct fb_err err = {0};
    struct fb_added a = with(1, (const char *const[]){"<x>"});

    (void)state;
    assert_int_equal(fb_added_add(&a, "ab", 2, (struct fb_added_token){.id = 9}, &err), FB_OK);
    assert_cut(&a, "cab<x>ab", "cab|[<x>][ab]");
    fb_added_free(&a);
}

static void test_quick_test_knows_the_first_bytes(void **state) {
    struct fb_added a = with(1, (const char *const[]){"<x>"});

    (void)state;
    assert_true(fb_added_may_occur(&a, "a<", 2));
    assert_false(fb_added_may_occur(&a, "ax>", 3));
    add(&a, "é", (struct fb_added_token){0});
    assert_true(fb_added_may_occur(&a, "a\xc3\xa9", 3));
    assert_false(fb_added_may_occur(&a, "abc", 3));
    fb_added_free(&a);
}

static void test_too_long_a_token_is_refused(void **state) {
    struct fb_err err = {0};
    struct fb_added a = {0};
    char text[FB_ADDED_BYTES_MAX + 1];

    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(fb_added_add(&a, text, sizeof text, (struct fb_added_token){0}, &err),
                     FB_EFORMAT);
    assert_string_equal(err.msg, "an added token of 4097 bytes, limit 4096");
    assert_int_equal(fb_added_add(&a, text, sizeof text - 1, (struct fb_added_token){0}, &err),
                     FB_OK);
    fb_added_free(&a);
}

static int add_and_cut(void *arg) {
    struct fb_err err = {0};
    struct fb_added a = {0};
    struct fb_segments s = {0};
    struct fb_added_token token = {.cuts = true, .single_word = true};
    int rc = fb_added_add(&a, "<x>", 3, token, &err);

    if (!rc) rc = fb_added_add(&a, "word", 4, token, &err);
    if (!rc) rc = fb_added_cut(&a, &s, arg, strlen(arg), &err);
    fb_added_free(&a);
    fb_segments_free(&s);
    return rc;
}

static void test_memory_failure_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(add_and_cut, "a <x>awordb <x> word", 30) >= 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_are_cut_out_of_the_text),
        cmocka_unit_test(test_longest_token_wins),
        cmocka_unit_test(test_earlier_token_wins_over_one_inside_it),
        cmocka_unit_test(test_failed_partial_match_swallows_a_token_inside_it),
        cmocka_unit_test(test_strip_flags_eat_blanks),
        cmocka_unit_test(test_single_word_needs_spaces_around),
        cmocka_unit_test(test_token_that_does_not_cut_is_only_a_whole_segment),
        cmocka_unit_test(test_quick_test_knows_the_first_bytes),
        cmocka_unit_test(test_too_long_a_token_is_refused),
        cmocka_unit_test(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
