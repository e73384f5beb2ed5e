/* The values of sweeps are compared with Hydra in test_override.c; here are bounds and refusals. */
#include "config/override_value.h"

#include "config/given.h"

static void assert_refused(const char *text, const char *words) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_override o;
    char *end;

    if (fb_override_parse(&o, text, &a, &err) != FB_ECONFIG) fail_msg("accepted: %s", text);
    /* "override '<text>': <words> (column N)" and the line with its caret */
    assert_non_null(end = strstr(err.msg, " (column"));
    *end = '\0';
    assert_true(fb_starts_with(err.msg, "override '"));
    assert_string_equal(err.msg + strlen("override '") + strlen(text) + strlen("': "), words);
    fb_arena_free(&a);
}

static void test_arguments_are_bound_by_position_and_name(void **state) {
    (void)state;
    assert_refused("k=range(1,2,3,4)", "range(): 4 arguments; at most 3 are taken");
    assert_refused("k=range(1,start=2)", "range(): argument 'start' given twice");
    assert_refused("k=range(1,begin=2)", "range(): no argument is called 'begin'");
    assert_refused("k=range()", "range(): needs a start or stop");
    assert_refused("k=range(a)", "range(): argument 'start' must be a number");
    assert_refused("k=glob()", "glob(): needs a pattern");
    assert_refused("k=glob(1)", "glob(): patterns must be strings or lists of strings");
    assert_refused("k=int(x=1)", "int(): no argument is called 'x'");
    assert_refused("k=choice(a=1)", "choice(): no argument is called 'a'");
}

static void test_empty_and_mixed_sweeps_are_refused(void **state) {
    (void)state;
    assert_refused("k=choice()", "choice(): needs at least one value");
    assert_refused("k=sort()", "sort(): needs at least one value");
    assert_refused("k=float()", "float(): needs a value");
    assert_refused("k=choice(a,choice(b,c))",
                   "choice(): a sweep cannot stand among several values");
    assert_refused("k=sort(1,a)", "sort(): cannot compare integer with string");
    assert_refused("k=sort(glob(*))", "sort(): cannot sort a glob");
    assert_refused("k=sort(1,2,reverse=1)", "sort(): argument 'reverse' must be true or false");
    assert_refused("k=tag(t,a)", "tag(): the last argument must be a choice() or range()");
    assert_refused("k=tag(1,choice(a,b))", "tag(): tags must be strings");
}

static void test_what_samples_is_refused_with_a_remedy(void **state) {
    (void)state;
    assert_refused("k=interval(0,1)",
                   "interval(): not supported: it is for sweepers that sample; write the values "
                   "as a list or with choice() or range()");
    assert_refused("k=shuffle(a,b)",
                   "shuffle(): not supported: it is for sweepers that sample; write the values "
                   "as a list or with choice() or range()");
}

static void test_ranges_are_finite_and_bounded(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_int_equal(given_override(&a, "k=range(100000)").choices->count, 100000);
    assert_int_equal(given_override(&a, "k=range(0,1,0.00001)").choices->count, 100000);
    assert_refused("k=range(100001)", "a range of more than 100000 values");
    assert_refused("k=range(0,1.1,0.00001)", "a range of more than 100000 values");
    assert_refused("k=range(0,1,1e-300)", "a range of more than 100000 values");
    assert_refused("k=range(-1e308,1e308,1.0)", "a range of more than 100000 values");
    assert_refused("k=range(0,inf)", "the ends and the step of a range must be finite");
    assert_refused("k=range(0,1,0.0)", "a range with step 0 never ends");
    assert_int_equal(given_override(&a, "k=range(1,0,0.5)").choices->count, 0);
    assert_string_equal(
        json_of(&a, given_override(&a, "k=range(9223372036854775806,9223372036854775807)").choices),
        "[9223372036854775806]");
    fb_arena_free(&a);
}

/* Sorted backwards, equal values keep their order, as Python's sorted() has it. */
static void test_sorting_is_stable_in_both_directions(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_string_equal(json_of(&a, given_override(&a, "k=sort(2,1.0,true,1)").choices),
                        "[1.0, true, 1, 2]");
    assert_string_equal(
        json_of(&a, given_override(&a, "k=sort(1.0,true,2,1,reverse=true)").choices),
        "[2, 1.0, true, 1]");
    fb_arena_free(&a);
}

static void test_a_tag_changes_nothing(void **state) {
    struct fb_arena a = {0};
    struct fb_override o = given_override(&a, "k=tag(x,y,choice(a,b))");

    (void)state;
    assert_int_equal(o.sweep, FB_SWEEP_CHOICE);
    assert_string_equal(json_of(&a, o.choices), "[\"a\", \"b\"]");
    fb_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_are_bound_by_position_and_name),
        cmocka_unit_test(test_empty_and_mixed_sweeps_are_refused),
        cmocka_unit_test(test_what_samples_is_refused_with_a_remedy),
        cmocka_unit_test(test_ranges_are_finite_and_bounded),
        cmocka_unit_test(test_sorting_is_stable_in_both_directions),
        cmocka_unit_test(test_a_tag_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
