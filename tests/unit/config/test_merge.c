#include "config/merge.h"

#include "config/given.h"

static const char *merged(struct fb_arena *a, const char *under, const char *over, bool strict) {
    struct fb_node *root = given(a, under);
    struct fb_err err = {0};

    if (fb_merge(root, given(a, over), strict, a, &err)) fail_msg("%s", err.msg);
    return json_of(a, root);
}

static void test_the_upper_tree_wins_and_the_order_stays(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_string_equal(merged(&a, "{a: 1, m: {x: 1, y: 2}, l: [1, 2]}",
                               "{new: 5, m: {y: 3, z: 4}, l: [9], a: null}", false),
                        "{\"a\": null, \"m\": {\"x\": 1, \"y\": 3, \"z\": 4}, \"l\": [9], "
                        "\"new\": 5}");
    assert_string_equal(merged(&a, "[1, 2]", "[3]", false), "[3]");
    fb_arena_free(&a);
}

static void test_a_missing_value_keeps_what_is_below(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_string_equal(merged(&a, "{a: 1}", "{a: '\?\?\?', b: '\?\?\?'}", false),
                        "{\"a\": 1, \"b\": \"\?\?\?\"}");
    fb_arena_free(&a);
}

/* "{b: ${a}}" under "{b: {y: 3}}" becomes a copy of a with y changed; a itself stays. */
static void test_an_interpolated_mapping_is_copied_before_it_is_changed(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_string_equal(merged(&a, "{a: {x: 1, y: 2}, b: '${a}'}", "{b: {y: 3}}", false),
                        "{\"a\": {\"x\": 1, \"y\": 2}, \"b\": {\"x\": 1, \"y\": 3}}");
    assert_string_equal(merged(&a, "{m: {a: {x: 1}, b: '${.a}'}}", "{m: {b: {y: 3}}}", false),
                        "{\"m\": {\"a\": {\"x\": 1}, \"b\": {\"x\": 1, \"y\": 3}}}");
    assert_string_equal(merged(&a, "{a: 1, b: '${a}'}", "{b: {y: 3}}", false),
                        "{\"a\": 1, \"b\": {\"y\": 3}}");
    fb_arena_free(&a);
}

static void test_targets_are_whole_references_to_containers(void **state) {
    struct fb_arena a = {0};
    struct fb_node *root = given(&a, "{m: {x: 1}, s: 1, in: {up: '${..m}', far: '${....m}'}, "
                                     "whole: '${m}', part: 'a${m}', two: '${m}${m}', call: "
                                     "'${oc.env:HOME}', scalar: '${s}', none: '${n}'}");

    (void)state;
    assert_ptr_equal(fb_merge_target(fb_node_at(root, "whole")), fb_node_at(root, "m"));
    assert_ptr_equal(fb_merge_target(fb_node_at(root, "in.up")), fb_node_at(root, "m"));
    assert_null(fb_merge_target(fb_node_at(root, "in.far")));
    assert_null(fb_merge_target(fb_node_at(root, "part")));
    assert_null(fb_merge_target(fb_node_at(root, "two")));
    assert_null(fb_merge_target(fb_node_at(root, "call")));
    assert_null(fb_merge_target(fb_node_at(root, "scalar")));
    assert_null(fb_merge_target(fb_node_at(root, "none")));
    fb_arena_free(&a);
}

static void test_a_list_and_a_mapping_do_not_merge(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(
        fb_merge(given(&a, "{m: {l: [1]}}"), given(&a, "{m: {l: {x: 1}}}"), false, &a, &err),
        FB_ECONFIG);
    assert_string_equal(err.msg, "test.yaml:1:9: cannot merge mapping onto list 'm.l'");
    fb_arena_free(&a);
}

static void test_a_strict_merge_adds_no_key(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};

    (void)state;
    assert_string_equal(merged(&a, "{m: {x: 1}}", "{m: {x: 2}}", true), "{\"m\": {\"x\": 2}}");
    assert_int_equal(fb_merge(given(&a, "{m: {x: 1}}"), given(&a, "{m: {y: 2}}"), true, &a, &err),
                     FB_ENOTFOUND);
    assert_string_equal(err.msg, "m.y");
    fb_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_upper_tree_wins_and_the_order_stays),
        cmocka_unit_test(test_a_missing_value_keeps_what_is_below),
        cmocka_unit_test(test_an_interpolated_mapping_is_copied_before_it_is_changed),
        cmocka_unit_test(test_targets_are_whole_references_to_containers),
        cmocka_unit_test(test_a_list_and_a_mapping_do_not_merge),
        cmocka_unit_test(test_a_strict_merge_adds_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
