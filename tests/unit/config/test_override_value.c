/* Values are compared with Hydra in test_override.c; here are the refusals and the readers of
 * numbers. */
#include "config/override_value.h"

#include "config/given.h"

#include <math.h>
#include <stdio.h>

static void assert_refused(const char *line, const char *words, size_t column) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_value v;
    char expected[512];

    assert_int_equal(fb_value_parse(&v, line, 2, &a, &err), FB_ECONFIG);
    snprintf(expected, sizeof expected, "override '%s': %s (column %zu)\n    %s\n    %*s", line,
             words, column, line, (int)column, "^");
    assert_string_equal(err.msg, expected);
    fb_arena_free(&a);
}

static void test_unfinished_values_say_what_is_expected(void **state) {
    (void)state;
    assert_refused("k=[1", "the value ends where ',' or ']' is expected", 5);
    assert_refused("k={a:1", "the value ends where ',' or '}' is expected", 7);
    assert_refused("k={a 1}", "found '}' where ':' is expected", 7);
    assert_refused("k=[1]2", "found '2' where the end of the value is expected", 6);
    assert_refused("k=choice(a", "the value ends where ',' or ')' is expected", 11);
    assert_refused("k=a,,b", "found ',' where a value is expected", 5);
}

static void test_special_characters_are_to_be_quoted(void **state) {
    (void)state;
    assert_refused("k=a=b", "'=' in a value must be quoted or written \\=", 4);
    assert_refused("k=(a)", "parentheses in a value must be quoted or escaped with a backslash", 3);
    assert_refused("k=a'b'",
                   "a quoted string must be the whole value; expected the end of the "
                   "value",
                   4);
    assert_refused("k={'a':1}", "the key of a mapping cannot be quoted; escape special characters",
                   4);
    assert_refused("k={null:1}", "null cannot be the key of a mapping", 4);
}

static void test_sweeps_stand_alone(void **state) {
    (void)state;
    assert_refused("k=[choice(a,b)]", "a sweep cannot stand inside a list or mapping", 4);
    assert_refused("k=choice(a,b),c",
                   "found ',' where the end of the value after a sweep is "
                   "expected",
                   14);
    assert_refused("k=int(a=1,2)", "a positional argument after a named one", 11);
    assert_refused("k=range(0,1,0)", "a range with step 0 never ends", 3);
}

static void test_failures_of_functions_name_the_function(void **state) {
    (void)state;
    assert_refused("k=int(abc)", "int(): cannot turn string abc into an integer", 3);
    assert_refused("k=[1,foo(2)]",
                   "foo(): unknown function (known: bool, choice, float, glob, int, range, sort, "
                   "str, tag); quote the value to use it as text",
                   6);
}

static void test_integers_of_any_size_keep_their_digits(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_place nowhere = {0};
    struct fb_node *big = fb_value_int(&a, "-9_223372036854775809,", 21, nowhere, &err);

    (void)state;
    assert_int_equal(fb_value_int(&a, "+1_000", 6, nowhere, &err)->value.integer, 1000);
    assert_true(fb_value_int(&a, "-9223372036854775808", 20, nowhere, &err)->value.integer ==
                INT64_MIN);
    assert_string_equal(big->text, "-9223372036854775809");
    assert_true(big->value.integer == INT64_MIN);
    fb_arena_free(&a);
}

static void test_reals_are_read_in_all_their_forms(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_place nowhere = {0};

    (void)state;
    assert_true(fb_value_real(&a, "1_0.5e-1", 8, nowhere, &err)->value.real == 1.05);
    assert_true(fb_value_real(&a, "-.5", 3, nowhere, &err)->value.real == -0.5);
    assert_true(fb_value_real(&a, "+1.", 3, nowhere, &err)->value.real == 1);
    assert_true(fb_value_real(&a, "-Inf", 4, nowhere, &err)->value.real == -HUGE_VAL);
    assert_true(isnan(fb_value_real(&a, "-nan", 4, nowhere, &err)->value.real));
    assert_true(fb_value_real(&a, "1e400", 5, nowhere, &err)->value.real == HUGE_VAL);
    fb_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unfinished_values_say_what_is_expected),
        cmocka_unit_test(test_special_characters_are_to_be_quoted),
        cmocka_unit_test(test_sweeps_stand_alone),
        cmocka_unit_test(test_failures_of_functions_name_the_function),
        cmocka_unit_test(test_integers_of_any_size_keep_their_digits),
        cmocka_unit_test(test_reals_are_read_in_all_their_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
