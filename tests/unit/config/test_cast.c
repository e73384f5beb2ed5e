/* What Python's conversions make of hundreds of values is compared in test_override.c; here are
 * the items of containers, sweeps, and what is refused. */
#include "config/override_value.h"

#include "config/given.h"

#include <math.h>

static struct fb_node *cast(const char *yaml, enum fb_kind kind, struct fb_arena *a) {
    struct fb_value in = {.node = given_value(a, yaml)}, out;
    struct fb_err err = {0};

    if (fb_cast(&out, &in, kind, a, &err)) fail_msg("%s: %s", yaml, err.msg);
    assert_int_equal(out.sweep, FB_SWEEP_NONE);
    return out.node;
}

static void test_items_are_converted_one_by_one(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_string_equal(json_of(&a, cast("[1.9, '-12', true, [2]]", FB_INT, &a)),
                        "[1, -12, 1, [2]]");
    assert_string_equal(json_of(&a, cast("{a: 1, b: '1e-3', c: false}", FB_REAL, &a)),
                        "{\"a\": 1.0, \"b\": 0.001, \"c\": 0.0}");
    assert_string_equal(json_of(&a, cast("[1, 1.0, true, x]", FB_TEXT, &a)),
                        "[\"1\", \"1.0\", \"true\", \"x\"]");
    assert_string_equal(json_of(&a, cast("[0, 0.5, 'FALSE', null]", FB_BOOL, &a)),
                        "[false, true, false, false]");
    fb_arena_free(&a);
}

/* Python's int() and float() take white space around the digits and single underscores inside. */
static void test_texts_are_read_as_python_reads_them(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_string_equal(json_of(&a, cast("' 1_000 '", FB_INT, &a)), "1000");
    assert_string_equal(json_of(&a, cast("'123456789012345678901234567890'", FB_INT, &a)),
                        "123456789012345678901234567890");
    assert_true(isinf(cast("'-Infinity'", FB_REAL, &a)->value.real));
    assert_true(isnan(cast("'nan'", FB_REAL, &a)->value.real));
    fb_arena_free(&a);
}

static void assert_refused(const char *yaml, enum fb_kind kind, const char *message) {
    struct fb_arena a = {0};
    struct fb_value in = {.node = given_value(&a, yaml)}, out;
    struct fb_err err = {0};

    assert_int_equal(fb_cast(&out, &in, kind, &a, &err), FB_ECONFIG);
    assert_string_equal(err.msg, message);
    fb_arena_free(&a);
}

static void test_what_has_no_such_value_is_refused(void **state) {
    (void)state;
    assert_refused("abc", FB_INT, "cannot turn string abc into an integer");
    assert_refused("'1__0'", FB_INT, "cannot turn string 1__0 into an integer");
    assert_refused("'1_'", FB_INT, "cannot turn string 1_ into an integer");
    assert_refused("'1.5'", FB_INT, "cannot turn string 1.5 into an integer");
    assert_refused("null", FB_INT, "cannot turn null into an integer");
    assert_refused("[1, x]", FB_REAL, "cannot turn string x into a number");
    assert_refused("null", FB_TEXT, "cannot turn null into a string");
    assert_refused("yes!", FB_BOOL, "cannot turn string yes! into a boolean");
    assert_refused(".inf", FB_INT, "inf does not fit an integer of 64 bits");
}

static void test_sweeps_stay_sweeps(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_value choice = {.sweep = FB_SWEEP_CHOICE, .node = given_value(&a, "[1.5, 2.5]")};
    struct fb_value range = {.sweep = FB_SWEEP_RANGE,
                             .start = given_value(&a, "0"),
                             .stop = given_value(&a, "3"),
                             .step = given_value(&a, "1")};
    struct fb_value glob = {.sweep = FB_SWEEP_GLOB}, out;

    (void)state;
    assert_int_equal(fb_cast(&out, &choice, FB_INT, &a, &err), FB_OK);
    assert_int_equal(out.sweep, FB_SWEEP_CHOICE);
    assert_string_equal(json_of(&a, out.node), "[1, 2]");
    assert_int_equal(fb_cast(&out, &range, FB_REAL, &a, &err), FB_OK);
    assert_int_equal(out.stop->kind, FB_REAL);
    assert_int_equal(fb_cast(&out, &range, FB_TEXT, &a, &err), FB_ECONFIG);
    assert_string_equal(err.msg, "a range can only be turned into integers or numbers");
    assert_int_equal(fb_cast(&out, &glob, FB_INT, &a, &err), FB_ECONFIG);
    assert_string_equal(err.msg, "a glob cannot be converted");
    fb_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_are_converted_one_by_one),
        cmocka_unit_test(test_texts_are_read_as_python_reads_them),
        cmocka_unit_test(test_what_has_no_such_value_is_refused),
        cmocka_unit_test(test_sweeps_stay_sweeps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
