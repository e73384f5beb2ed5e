#include "config/apply.h"

#include "alloc_faults.h"
#include "config/given.h"

static const char tree[] = "{method: {name: ties, scaling_factor: 0.3, keys: [a, b]}, size: 3, "
                           "empty: null, ref: '${method}', open: '\?\?\?'}";

/* The tree after one override as JSON. */
static const char *after(const char *text, struct fb_arena *a) {
    struct fb_override o = given_override(a, text);
    struct fb_node *root = given(a, tree);
    struct fb_err err = {0};

    if (fb_apply_override(root, &o, a, &err)) fail_msg("%s: %s", text, err.msg);
    return json_of(a, root);
}

static void assert_refused(const char *text, const char *message) {
    struct fb_arena a = {0};
    struct fb_override o = given_override(&a, text);
    struct fb_err err = {0};

    assert_int_equal(fb_apply_override(given(&a, tree), &o, &a, &err), FB_ECONFIG);
    assert_string_equal(err.msg, message);
    fb_arena_free(&a);
}

static void test_a_value_is_changed_added_and_removed(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_non_null(strstr(after("method.scaling_factor=1", &a), "\"scaling_factor\": 1,"));
    assert_non_null(strstr(after("method.keys.1=c", &a), "[\"a\", \"c\"]"));
    assert_non_null(strstr(after("+method.extra.deep=1", &a), "\"extra\": {\"deep\": 1}"));
    assert_non_null(strstr(after("++size.inner=1", &a), "\"size\": {\"inner\": 1}"));
    assert_non_null(strstr(after("+empty=1", &a), "\"empty\": 1"));
    assert_non_null(strstr(after("+open=1", &a), "\"open\": 1"));
    assert_null(strstr(after("~method.name", &a), "ties"));
    assert_null(strstr(after("~size=3", &a), "size"));
    assert_null(strstr(after("~ref.name", &a), "ties"));
    fb_arena_free(&a);
}

static void test_mappings_are_merged_and_lists_replaced(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_non_null(strstr(after("method={name: x}", &a),
                           "{\"name\": \"x\", \"scaling_factor\": 0.3, \"keys\": [\"a\", \"b\"]}"));
    assert_non_null(strstr(after("method.keys=[z]", &a), "\"keys\": [\"z\"]"));
    assert_non_null(strstr(after("++method={k: 1}", &a), "\"keys\": [\"a\", \"b\"], \"k\": 1}"));
    fb_arena_free(&a);
}

static void test_an_unknown_key_gets_a_suggestion_and_the_remedy(void **state) {
    (void)state;
    assert_refused("method.scaling=1",
                   "could not override 'method.scaling': 'method' has no key 'scaling'; did you "
                   "mean 'scaling_factor'? (keys: name, scaling_factor, keys)\n"
                   "To append to the configuration use +method.scaling=1");
    assert_refused(
        "nothing=1",
        "could not override 'nothing': the configuration has no key 'nothing' (keys: "
        "method, size, empty, ref, open)\nTo append to the configuration use +nothing=1");
    assert_refused("method={nome: x}",
                   "could not override 'method': 'method' has no key 'nome'; did you mean 'name'? "
                   "(keys: name, scaling_factor, keys)\n"
                   "To append to the configuration use +method={nome: x}");
}

static void test_a_way_through_a_scalar_or_beyond_a_list_is_refused(void **state) {
    (void)state;
    assert_refused("size.inner=1",
                   "could not override 'size.inner': 'size' is integer and has no key 'inner'\n"
                   "To replace it by a mapping use +size.inner=1");
    assert_refused("method.keys.x=1", "override 'method.keys.x=1': 'method.keys' is a list; 'x' is "
                                      "not one of its indices 0 to 1");
    assert_refused("method.keys.2=1",
                   "override 'method.keys.2=1': index 2 is beyond the end of 'method.keys', which "
                   "has 2 items; write the whole list as method.keys=[...] to make it longer");
}

static void test_adding_what_is_there_is_refused(void **state) {
    (void)state;
    assert_refused("+size=4",
                   "could not append to the configuration: an item is already at 'size'\nEither "
                   "remove the +: 'size=4'\nOr add a second + to add or override 'size': "
                   "'++size=4'");
}

static void test_deleting_needs_a_value_that_agrees(void **state) {
    (void)state;
    assert_refused("~nothing", "could not delete 'nothing': it does not exist");
    assert_refused("~empty", "could not delete 'empty': it has no value");
    assert_refused("~size=4", "could not delete 'size': its value is 3 and not 4");
    assert_refused("~method.keys.0", "could not delete 'method.keys.0': items of lists cannot be "
                                     "deleted; write the whole list as key=[...]");
}

static void test_a_package_is_for_groups(void **state) {
    (void)state;
    assert_refused("size@x=1", "override 'size@x=1' looks like the choice of a config group, but "
                               "there is no group 'size'");
}

static int apply_all(void *arg) {
    static const char *const texts[] = {"method={nome: x}", "+method.extra.deep={a: 1}",
                                        "~method.name", "++size.inner=1"};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_override o;
    struct fb_node *root;
    int rc = fb_yaml_parse(&root, &a, tree, strlen(tree), NULL, &err);

    (void)arg;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !rc; i++) {
        rc = fb_override_parse(&o, texts[i], &a, &err);
        if (!rc) rc = fb_apply_override(root, &o, &a, &err);
        if (!i && rc == FB_ECONFIG) rc = FB_OK; /* the first is refused, whatever its words */
    }
    fb_arena_free(&a);
    return rc;
}

static void test_every_failed_allocation_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(apply_all, NULL, 1000) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_is_changed_added_and_removed),
        cmocka_unit_test(test_mappings_are_merged_and_lists_replaced),
        cmocka_unit_test(test_an_unknown_key_gets_a_suggestion_and_the_remedy),
        cmocka_unit_test(test_a_way_through_a_scalar_or_beyond_a_list_is_refused),
        cmocka_unit_test(test_adding_what_is_there_is_refused),
        cmocka_unit_test(test_deleting_needs_a_value_that_agrees),
        cmocka_unit_test(test_a_package_is_for_groups),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
