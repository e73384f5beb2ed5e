#include "config/alias.h"

#include "config/given.h"

static const char list[] =
    "{report_save_path: r.json, modelpool: {models: [{name: _pretrained_, path: p}, {name: mnli, "
    "path: q}]}}";
static const char map[] =
    "{save_report: s.json, modelpool: {models: {base: /b, mnli: {pretrained_model_name_or_path: "
    "/m}}}}";

/* The key of an override after the rules were applied to it. */
static const char *key_after(const char *yaml, const char *text, struct fb_arena *a) {
    struct fb_override o = given_override(a, text);
    struct fb_err err = {0};

    if (fb_alias_apply(&o, given(a, yaml), a, &err)) fail_msg("%s", err.msg);
    return o.key;
}

static void test_the_report_has_two_names(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_string_equal(key_after(list, "save_report=x", &a), "report_save_path");
    assert_string_equal(key_after(map, "report_save_path=x", &a), "save_report");
    fb_arena_free(&a);
}

static void test_a_key_that_exists_keeps_its_name(void **state) {
    struct fb_arena a = {0};
    const char *both = "{save_report: a, report_save_path: b}";

    (void)state;
    assert_string_equal(key_after(both, "save_report=x", &a), "save_report");
    assert_string_equal(key_after(both, "report_save_path=x", &a), "report_save_path");
    fb_arena_free(&a);
}

static void test_models_of_a_list_are_found_by_name(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_string_equal(
        key_after(list, "modelpool.models.mnli.pretrained_model_name_or_path=/x", &a),
        "modelpool.models.1.path");
    assert_string_equal(
        key_after(list, "modelpool.models.mnl.pretrained_model_name_or_path=/x", &a),
        "modelpool.models.mnl.pretrained_model_name_or_path");
    fb_arena_free(&a);
}

/* A model of a mapping may be a path, or a mapping that holds one. */
static void test_models_of_a_mapping_are_found_by_number(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_string_equal(key_after(map, "modelpool.models.0.path=/x", &a), "modelpool.models.base");
    assert_string_equal(key_after(map, "modelpool.models.1.path=/x", &a),
                        "modelpool.models.mnli.pretrained_model_name_or_path");
    assert_string_equal(key_after(map, "modelpool.models.2.path=/x", &a),
                        "modelpool.models.2.path");
    assert_string_equal(key_after(map, "modelpool.models.10000000000000000000000001.path=/x", &a),
                        "modelpool.models.10000000000000000000000001.path");
    fb_arena_free(&a);
}

static void test_only_changes_are_rewritten(void **state) {
    struct fb_arena a = {0};

    (void)state;
    assert_string_equal(key_after(list, "+save_report=x", &a), "save_report");
    assert_string_equal(key_after(list, "~save_report", &a), "save_report");
    assert_string_equal(key_after("{}", "save_report=x", &a), "save_report");
    assert_string_equal(key_after("{}", "modelpool.models.0.path=x", &a),
                        "modelpool.models.0.path");
    fb_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_report_has_two_names),
        cmocka_unit_test(test_a_key_that_exists_keeps_its_name),
        cmocka_unit_test(test_models_of_a_list_are_found_by_name),
        cmocka_unit_test(test_models_of_a_mapping_are_found_by_number),
        cmocka_unit_test(test_only_changes_are_rewritten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
