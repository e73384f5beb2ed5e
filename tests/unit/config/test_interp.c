/* The cases of tests/golden/config/interp.json come from the real OmegaConf. */
#include "alloc_faults.h"
#include "config/interp.h"
#include "config/json.h"
#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fb_node *yaml(struct fb_arena *a, const char *text) {
    struct fb_err err = {0};
    struct fb_node *node;

    if (fb_yaml_parse(&node, a, text, strlen(text), "x.yaml", &err)) print_message("%s\n", err.msg);
    assert_non_null(node);
    return node;
}

/* `key` of the resolved `text` as JSON, or the message. */
static void assert_resolves(const char *text, const char *key, const char *expected) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a};
    struct fb_str json = {0};
    struct fb_node *root = yaml(&a, text);

    if (fb_interp_resolve_all(&in, root, &err)) {
        assert_string_equal(err.msg, expected);
    } else {
        assert_int_equal(fb_json_print(&json, fb_node_at(root, key), &err), FB_OK);
        assert_string_equal(json.data, expected);
    }
    fb_str_free(&json);
    fb_arena_free(&a);
}

static void check_golden(const struct fb_node *test, const struct fb_node *got,
                         const struct fb_err *got_err) {
    const struct fb_node *data = fb_node_get(test, "data"), *message = fb_node_get(test, "message");
    struct fb_str json = {0};
    struct fb_err err = {0};

    if (!data != !got) {
        print_message("'%s': %s\n", fb_node_get(test, "in")->text, got ? "accepted" : got_err->msg);
        assert_true(!data == !got);
    }
    if (message && !strstr(got_err->msg, message->text))
        assert_string_equal(got_err->msg, message->text);
    if (!got) return;
    assert_int_equal(fb_json_print(&json, got, &err), FB_OK);
    assert_string_equal(json.data, data->text);
    fb_str_free(&json);
}

static void replay(const char *base, const struct fb_node *test) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a};
    struct fb_node *root = yaml(&a, base), *v, *got = NULL;

    v = fb_node_text(&a, fb_node_get(test, "in")->text, (struct fb_place){0}, &err);
    assert_int_equal(fb_node_set(&a, root, "v", v, &err), FB_OK);
    got = fb_interp_resolved(&in, v, &err);
    check_golden(test, got, &err);
    assert_null(in.busy);
    fb_arena_free(&a);
}

static void test_resolves_what_omegaconf_resolves(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *tests;

    (void)state;
    setenv("FB_TEST_SET", "va lue", 1);
    unsetenv("FB_TEST_UNSET");
    assert_int_equal(fb_json_load(&tests, &a, FB_GOLDEN_DIR "/config/interp.json", &err), FB_OK);
    assert_in_range(tests->count, 200, 2000);
    for (int64_t i = 1; i < tests->count; i++)
        replay(fb_node_get(tests->item[0], "base")->text, tests->item[i]);
    fb_arena_free(&a);
}

static void test_errors_name_place_and_path_of_the_innermost_string(void **state) {
    (void)state;
    assert_resolves("a: 1\nb:\n  c: [x, '${nope}']\n", "",
                    "x.yaml:3:10: b.c.1: Interpolation key 'nope' not found");
    assert_resolves("a: ${b}\nb: ${c}\n", "", "x.yaml:2:4: b: Interpolation key 'c' not found");
    assert_resolves("a: ${b}\nb: ${a}\n", "", "x.yaml:1:4: a: Recursive interpolation detected");
    assert_resolves("a: {b: '${a}'}\n", "",
                    "x.yaml:1:8: a.b: Interpolation to parent node detected");
    assert_resolves("a: ${b}\nb: \?\?\?\n", "", "x.yaml:1:4: a: Missing mandatory value: b");
    assert_resolves(
        "a: ${b.c}\nb: 5\n", "",
        "x.yaml:1:4: a: Error trying to access b.c: 'c' is looked up in a integer, which "
        "is not a container");
    assert_resolves("a: ${b.c}\nb: [5]\n", "", "x.yaml:1:4: a: Index 'c' is not an integer");
    assert_resolves("a: ${..b}\n", "", "x.yaml:1:4: a: Error resolving key '..b'");
    assert_resolves("a: ${b.${c}}\nc: 5\n", "",
                    "x.yaml:1:4: a: an interpolation inside a key must give a string, found "
                    "integer");
}

/* x.y is z, whose w is x again: OmegaConf recurses until Python gives up. */
static void test_containers_that_hold_each_other_are_refused(void **state) {
    (void)state;
    assert_resolves("x:\n  y: ${z}\nz:\n  w: ${x}\n", "",
                    "x.yaml:4:6: z.w: Recursive interpolation detected");
}

static void test_a_container_keeps_its_own_relative_keys(void **state) {
    (void)state;
    assert_resolves("a: ${b}\nb: {c: '${.d}', d: 4}\n", "a", "{\"c\": 4, \"d\": 4}");
    assert_resolves("p: {q: {r: '${...s}'}, s: 0}\ns: 1\n", "p.q.r", "1");
    assert_resolves("m: {models: [{n: '${....base}'}], base: x}\nbase: y\n", "m.models.0.n",
                    "\"y\"");
}

static void test_an_escaped_interpolation_stays_text_when_it_is_referred_to(void **state) {
    (void)state;
    assert_resolves("a: ${b}\nb: \\${c}\n", "a", "\"${c}\"");
    assert_resolves("a: ${b}x\nb: \\${c}\n", "a", "\"${c}x\"");
}

static void test_resolving_twice_changes_nothing(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a};
    struct fb_node *root = yaml(&a, "a: \\${b}\n");

    (void)state;
    assert_int_equal(fb_interp_resolve_all(&in, root, &err), FB_OK);
    assert_int_equal(fb_interp_resolve_all(&in, root, &err), FB_OK);
    assert_string_equal(fb_node_get(root, "a")->text, "${b}");
    assert_ptr_equal(fb_node_get(root, "a")->parent, root);
    fb_arena_free(&a);
}

static void test_a_failure_changes_nothing(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a};
    struct fb_node *root = yaml(&a, "a: ${b}\nb: 1\nc: ${d}\n");

    (void)state;
    assert_int_equal(fb_interp_resolve_all(&in, root, &err), FB_ECONFIG);
    assert_string_equal(fb_node_get(root, "a")->text, "${b}");
    fb_arena_free(&a);
}

static void test_missing_values_can_be_kept(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a, .keep_missing = true};
    struct fb_node *root = yaml(&a, "a: ${b}\nb: \?\?\?\nc: x${a}\nd: ${c}\n");
    struct fb_str json = {0};

    (void)state;
    assert_int_equal(fb_interp_resolve_all(&in, root, &err), FB_OK);
    assert_int_equal(fb_json_print(&json, root, &err), FB_OK);
    assert_string_equal(
        json.data, "{\"a\": \"\?\?\?\", \"b\": \"\?\?\?\", \"c\": \"\?\?\?\", \"d\": \"\?\?\?\"}");
    fb_str_free(&json);
    fb_arena_free(&a);
}

static void test_one_value_is_given_where_it_stands(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a};
    struct fb_node *root = yaml(&a, "a: ${b.c}\nb: {c: [1]}\nd: 5\n"), *value;

    (void)state;
    assert_int_equal(fb_interp_value(&in, fb_node_get(root, "a"), &value, &err), FB_OK);
    assert_ptr_equal(value, fb_node_at(root, "b.c"));
    assert_int_equal(fb_interp_value(&in, fb_node_get(root, "d"), &value, &err), FB_OK);
    assert_ptr_equal(value, fb_node_get(root, "d"));
    assert_int_equal(fb_interp_select(&in, root, "b.c[0]", &value, &err), FB_OK);
    assert_int_equal(value->value.integer, 1);
    assert_int_equal(fb_interp_select(&in, root, "b.x", &value, &err), FB_OK);
    assert_null(value);
    fb_arena_free(&a);
}

/* Forty doublings: 2^40 evaluations if nobody counted. */
static void test_work_is_bounded(void **state) {
    struct fb_arena a = {0};
    struct fb_str text = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a};

    (void)state;
    assert_int_equal(fb_str_puts(&text, "a0: x\n", &err), FB_OK);
    for (int i = 1; i < 40; i++)
        assert_int_equal(fb_str_printf(&text, &err, "a%d: ['${a%d}', '${a%d}']\n", i, i - 1, i - 1),
                         FB_OK);
    assert_int_equal(fb_interp_resolve_all(&in, yaml(&a, text.data), &err), FB_ECONFIG);
    assert_non_null(strstr(err.msg, "resolving interpolations takes more than 300000 steps"));
    fb_str_free(&text);
    fb_arena_free(&a);
}

static void test_chains_are_bounded(void **state) {
    struct fb_arena a = {0};
    struct fb_str text = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a};

    (void)state;
    for (int i = 0; i < 300; i++)
        assert_int_equal(fb_str_printf(&text, &err, "a%d: ${a%d}\n", i, i + 1), FB_OK);
    assert_int_equal(fb_interp_resolve_all(&in, yaml(&a, text.data), &err), FB_ECONFIG);
    assert_string_equal(err.msg, "x.yaml:200:7: a199: interpolations nest deeper than 200 levels");
    fb_str_free(&text);
    fb_arena_free(&a);
}

static int attempt(void *arg) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a};
    struct fb_node *root = NULL;
    int rc = fb_yaml_parse(&root, &a, arg, strlen(arg), NULL, &err);

    if (!rc) rc = fb_interp_resolve_all(&in, root, &err);
    fb_arena_free(&a);
    return rc;
}

static void test_failing_allocations_are_reported(void **state) {
    struct fb_str text = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_str_puts(&text, "b: {c: 1}\nd: x\n", &err), FB_OK);
    for (int i = 0; i < 60; i++)
        assert_int_equal(
            fb_str_printf(&text, &err, "k%d: 'a${b}${oc.decode:\"[1, {x: ${d}}]\"}'\n", i), FB_OK);
    assert_in_range(for_each_allocation_failure(attempt, text.data, 5000), 20, 5000);
    fb_str_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolves_what_omegaconf_resolves),
        cmocka_unit_test(test_errors_name_place_and_path_of_the_innermost_string),
        cmocka_unit_test(test_containers_that_hold_each_other_are_refused),
        cmocka_unit_test(test_a_container_keeps_its_own_relative_keys),
        cmocka_unit_test(test_an_escaped_interpolation_stays_text_when_it_is_referred_to),
        cmocka_unit_test(test_resolving_twice_changes_nothing),
        cmocka_unit_test(test_a_failure_changes_nothing),
        cmocka_unit_test(test_missing_values_can_be_kept),
        cmocka_unit_test(test_one_value_is_given_where_it_stands),
        cmocka_unit_test(test_work_is_bounded),
        cmocka_unit_test(test_chains_are_bounded),
        cmocka_unit_test(test_failing_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
