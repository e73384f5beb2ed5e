#include "config/default.h"

#include "config/given.h"

/* The only entry of a defaults list, in a file of `group` whose content goes to `package`. */
static struct fb_default *entry(const char *yaml, const char *group, const char *package,
                                struct fb_arena *a) {
    struct fb_err err = {0};
    struct fb_default *list;
    int64_t count;

    if (fb_defaults_read(&list, &count, given(a, yaml), a, &err) ||
        fb_default_set_parent(list, group, package, a, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(count, 1);
    return list;
}

static void check(const char *yaml, const char *config, const char *package, const char *key) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_default *d = entry(yaml, "outer", "outer", &a);

    assert_string_equal(fb_default_config(d, &a, &err), config);
    assert_string_equal(fb_default_package(d, &a, &err), package);
    assert_string_equal(fb_default_key(d, &a, &err), key);
    fb_arena_free(&a);
}

static void test_names_are_relative_to_the_file_that_holds_the_list(void **state) {
    (void)state;
    check("[db: mysql]", "outer/db/mysql", "outer.db", "outer/db");
    check("[/db: mysql]", "db/mysql", "outer.db", "db@outer.db");
    check("[db/sub: x]", "outer/db/sub/x", "outer.db.sub", "outer/db/sub");
    check("[db@backup: mysql]", "outer/db/mysql", "outer.backup", "outer/db@outer.backup");
    check("[/db@_global_: mysql]", "db/mysql", "", "db@_global_");
    check("[/db@_here_: mysql]", "db/mysql", "outer", "db@outer");
    check("[db@_group_.x: mysql]", "outer/db/mysql", "outer.db.x", "outer/db@outer.db.x");
}

static void test_a_config_without_a_group_has_a_path(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_default *plain = entry("[other]", "outer", "outer", &a);
    struct fb_default *global = entry("['/g/other@x']", "outer", "", &a);

    (void)state;
    assert_string_equal(fb_default_config(plain, &a, &err), "outer/other");
    assert_string_equal(fb_default_package(plain, &a, &err), "outer");
    assert_string_equal(fb_default_config(global, &a, &err), "g/other");
    assert_string_equal(fb_default_group(global, &a, &err), "g");
    assert_string_equal(fb_default_package(global, &a, &err), "x");
    fb_arena_free(&a);
}

static void test_the_package_line_of_the_file_comes_after_the_at_sign(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_default *d = entry("[db: mysql]", "", "", &a);
    struct fb_default *at = entry("[db@x: mysql]", "", "", &a);

    (void)state;
    assert_int_equal(fb_default_set_header(d, "a.b", &a, &err), FB_OK);
    assert_int_equal(fb_default_set_header(at, "a.b", &a, &err), FB_OK);
    assert_string_equal(fb_default_package(d, &a, &err), "a.b");
    assert_string_equal(fb_default_key(d, &a, &err), "db");
    assert_string_equal(fb_default_package(at, &a, &err), "x");
    assert_int_equal(fb_default_set_header(d, "_global_", &a, &err), FB_OK);
    assert_string_equal(fb_default_package(d, &a, &err), "");
    fb_arena_free(&a);
}

static void test_words_before_the_group_and_kinds_of_options(void **state) {
    struct fb_arena a = {0};
    struct fb_default *both = entry("[optional override db: x]", "", "", &a);

    (void)state;
    assert_true(both->optional && both->is_override);
    assert_string_equal(both->path, "db");
    assert_int_equal(entry("[db: [a, b]]", "", "", &a)->options->count, 2);
    assert_null(entry("[db: null]", "", "", &a)->value);
    assert_true(fb_default_is_missing(entry("[db: '\?\?\?']", "", "", &a)));
    assert_true(fb_default_is_interpolation(entry("[db: '${x}']", "", "", &a)));
    assert_true(fb_default_is_self(entry("[_self_]", "", "", &a)));
    fb_arena_free(&a);
}

static void assert_refused(const char *yaml, const char *message) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_default *list;
    int64_t count;

    assert_int_equal(fb_defaults_read(&list, &count, given(&a, yaml), &a, &err), FB_ECONFIG);
    assert_string_equal(err.msg, message);
    fb_arena_free(&a);
}

static void test_entries_of_another_form_are_refused_with_their_place(void **state) {
    (void)state;
    assert_refused("[1]",
                   "test.yaml:1:2: defaults list: an entry is a config name or 'group: option'");
    assert_refused("- {a: 1, b: 2}", "test.yaml:1:3: defaults list: an entry holds one 'group: "
                                     "option'; begin each with '-'");
    assert_refused("- {}", "test.yaml:1:3: defaults list: an entry without a group");
    assert_refused("- {'@x': a}", "test.yaml:1:3: defaults list: an entry without a group");
    assert_refused("- db: 5", "test.yaml:1:7: defaults list: an option must be a string, a list "
                              "of strings or null; quote it");
    assert_refused("- db: [a, 5]", "test.yaml:1:11: defaults list: the items of an option list "
                                   "must be strings");
    assert_refused("- _self_@x", "test.yaml:1:3: defaults list: _self_ takes no package");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_relative_to_the_file_that_holds_the_list),
        cmocka_unit_test(test_a_config_without_a_group_has_a_path),
        cmocka_unit_test(test_the_package_line_of_the_file_comes_after_the_at_sign),
        cmocka_unit_test(test_words_before_the_group_and_kinds_of_options),
        cmocka_unit_test(test_entries_of_another_form_are_refused_with_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
