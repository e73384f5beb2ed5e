#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config/json.h"
#include "model/json_keys.h"

#include <string.h>

struct numbers {
    int64_t a, b;
};

static const struct fb_json_int ints[] = {
    {"a", "other_a", offsetof(struct numbers, a), 5, 1, 9},
    {"b", NULL, offsetof(struct numbers, b), -1, 0, 3},
};

static const struct fb_node *parse(struct fb_arena *arena, const char *text) {
    struct fb_node *json = NULL;
    struct fb_err err = {0};

    assert_int_equal(fb_json_parse(&json, arena, text, strlen(text), "f", &err), FB_OK);
    return json;
}

static void test_numbers_have_aliases_defaults_and_limits(void **state) {
    struct fb_arena arena = {0};
    struct numbers n;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(
        fb_json_ints(&n, ints, 2, parse(&arena, "{\"other_a\": 7, \"b\": null}"), &err), FB_OK);
    assert_int_equal(n.a, 7);
    assert_int_equal(n.b, -1);
    assert_int_equal(fb_json_ints(&n, ints, 2, parse(&arena, "{\"b\": 4}"), &err), FB_EFORMAT);
    assert_string_equal(err.msg, "f: 'b' is 4, expected 0 to 3");
    assert_int_equal(fb_json_ints(&n, ints, 2, parse(&arena, "{\"a\": \"x\"}"), &err), FB_EFORMAT);
    assert_string_equal(err.msg, "f: 'a' is a string, expected a whole number");
    fb_arena_free(&arena);
}

static void test_flags_and_fractions_are_checked(void **state) {
    struct fb_arena arena = {0};
    const struct fb_node *json = parse(&arena, "{\"flag\": 1, \"x\": 1.5, \"y\": 1}");
    struct fb_err err = {0};
    double x;
    bool flag;

    (void)state;
    assert_int_equal(fb_json_flag(&flag, "flag", true, json, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "f: 'flag' is an integer, expected true or false");
    assert_int_equal(fb_json_flag(&flag, "none", true, json, &err), FB_OK);
    assert_true(flag);
    assert_int_equal(fb_json_fraction(&x, "x", 0.5, json, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "f: 'x' is 1.5, expected 0 to 1");
    assert_int_equal(fb_json_fraction(&x, "y", 0.5, json, &err), FB_OK);
    assert_true(x == 1.0);
    fb_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_have_aliases_defaults_and_limits),
        cmocka_unit_test(test_flags_and_fractions_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
