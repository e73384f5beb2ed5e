#include "config/source.h"

#include "alloc_faults.h"
#include "base/file.h"
#include "config/given.h"
#include "scratch.h"

#include <stdio.h>

/* Two folders of which the first wins, and Hydra's mounted one. */
static void two_folders(struct fb_sources *s, struct fb_arena *a) {
    struct fb_err err = {0};

    fb_sources_init(s, a);
    if (fb_sources_add(s, "hydra", "embedded:config/hydra", "hydra", &err) ||
        fb_sources_add(s, "main", scratch_path("one/"), "", &err) ||
        fb_sources_add(s, "more", scratch_path("two"), "", &err))
        fail_msg("%s", err.msg);
}

static int write_files(void **state) {
    (void)state;
    scratch_make();
    scratch_write("one/g/a.yaml", "v: 1\n");
    scratch_write("two/g/a.yaml", "v: 2\n");
    scratch_write("two/g/b.yaml", "# @package x.y\ndefaults: [a]\nv: 3\n");
    scratch_write("two/g/sub/deep.yaml", "[1, 2]\n");
    scratch_write("two/g/notes.txt", "no option\n");
    scratch_write("two/bad/list.yaml", "defaults: {a: b}\n");
    scratch_write("two/bad/words.yaml", "# @package a b\n");
    scratch_write("two/bad/none.yaml", "# @package\n");
    scratch_write("two/bad/form.yaml", "a: [\n");
    scratch_write("two/bad/late.yaml", "# a remark\n# @package x\nv: 1\n");
    return 0;
}

static int remove_files(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

static void test_the_first_folder_that_has_a_file_wins(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_sources s;
    const struct fb_config *c, *again;

    (void)state;
    two_folders(&s, &a);
    assert_int_equal(fb_sources_load(&s, &c, "g/a", &err), FB_OK);
    assert_string_equal(json_of(&a, c->node), "{\"v\": 1}");
    assert_int_equal(fb_sources_load(&s, &again, "g/a", &err), FB_OK);
    assert_ptr_equal(c, again);
    assert_int_equal(fb_sources_load(&s, &c, "g/nothing", &err), FB_OK);
    assert_null(c);
    assert_true(fb_sources_have_config(&s, "g/b.yaml"));
    assert_true(fb_sources_have_config(&s, "hydra/launcher/basic"));
    assert_false(fb_sources_have_config(&s, "launcher/basic"));
    assert_true(fb_sources_have_group(&s, "g/sub"));
    assert_false(fb_sources_have_group(&s, "g/a"));
    fb_arena_free(&a);
}

static void test_the_package_line_and_the_defaults_are_taken_out(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_sources s;
    const struct fb_config *c;

    (void)state;
    two_folders(&s, &a);
    assert_int_equal(fb_sources_load(&s, &c, "g/b", &err), FB_OK);
    assert_string_equal(c->package, "x.y");
    assert_string_equal(json_of(&a, c->node), "{\"v\": 3}");
    assert_string_equal(json_of(&a, c->defaults), "[\"a\"]");
    assert_int_equal(fb_sources_load(&s, &c, "bad/late", &err), FB_OK);
    assert_null(c->package); /* it must be the first comment */
    fb_arena_free(&a);
}

static void assert_refused(const char *name, const char *message) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_sources s;
    const struct fb_config *c;
    char expected[2048];

    two_folders(&s, &a);
    assert_true(fb_sources_load(&s, &c, name, &err) < 0);
    snprintf(expected, sizeof expected, message, scratch_path("two/bad"));
    assert_string_equal(err.msg, expected);
    fb_arena_free(&a);
}

static void test_files_of_another_form_are_refused_by_name(void **state) {
    (void)state;
    assert_refused("bad/list", "'%s/list.yaml': 'defaults' must be a list, found mapping");
    assert_refused("bad/words", "'%s/words.yaml': '# @package' is followed by more than one word");
    assert_refused("bad/none", "'%s/none.yaml': '# @package' is not followed by a package");
}

static void test_options_of_all_folders_are_listed_once(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_sources s;
    char **names;
    size_t count;

    (void)state;
    two_folders(&s, &a);
    assert_string_equal(fb_sources_option_text(&s, "g", ", ", &err), "a, b");
    assert_string_equal(fb_sources_option_text(&s, "nothing", ", ", &err), "");
    assert_int_equal(fb_sources_options(&s, "", true, &names, &count, &err), FB_OK);
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "bad");
    assert_string_equal(names[2], "hydra");
    fb_list_free(names, count);
    fb_arena_free(&a);
}

static void test_the_nearest_option_may_lie_in_a_sub_group(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_sources s;
    const char *near;

    (void)state;
    two_folders(&s, &a);
    assert_int_equal(fb_sources_nearest(&s, &near, "g", "dep", &err), FB_OK);
    assert_string_equal(near, "sub/deep");
    assert_int_equal(fb_sources_nearest(&s, &near, "g", "other/deep", &err), FB_OK);
    assert_string_equal(near, "sub/deep");
    assert_int_equal(fb_sources_nearest(&s, &near, "g", "xyz", &err), FB_OK);
    assert_null(near);
    fb_arena_free(&a);
}

static void test_the_search_path_is_printed_and_bounded(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str text = {0};
    struct fb_sources s;

    (void)state;
    fb_sources_init(&s, &a);
    assert_int_equal(fb_sources_add(&s, "main", "embedded:config/", "", &err), FB_OK);
    assert_int_equal(fb_sources_add(&s, "command-line", "/nowhere", "", &err), FB_OK);
    assert_int_equal(fb_sources_print(&text, &s, "  ", &err), FB_OK);
    assert_string_equal(fb_str_text(&text), "  main: embedded:config\n"
                                            "  command-line: /nowhere (not there)\n");
    while (s.count < FB_SOURCES_MOST)
        assert_int_equal(fb_sources_add(&s, "more", "x", "", &err), FB_OK);
    assert_int_equal(fb_sources_add(&s, "more", "x", "", &err), FB_ECONFIG);
    assert_string_equal(err.msg, "more than 32 folders in the configuration search path");
    fb_str_free(&text);
    fb_arena_free(&a);
}

static int load_and_list(void *arg) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_sources s;
    const struct fb_config *c;
    const char *near;
    int rc;

    fb_sources_init(&s, &a);
    rc = fb_sources_add(&s, "more", arg, "", &err);
    if (!rc) rc = fb_sources_load(&s, &c, "g/b", &err);
    if (!rc) rc = fb_sources_nearest(&s, &near, "g", "dep", &err);
    if (!rc && !fb_sources_option_text(&s, "g", ", ", &err)) rc = err.code;
    fb_arena_free(&a);
    return rc;
}

static void test_every_failed_allocation_is_reported(void **state) {
    char folder[1024];

    (void)state;
    snprintf(folder, sizeof folder, "%s", scratch_path("two"));
    assert_true(for_each_allocation_failure(load_and_list, folder, 1000) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_folder_that_has_a_file_wins),
        cmocka_unit_test(test_the_package_line_and_the_defaults_are_taken_out),
        cmocka_unit_test(test_files_of_another_form_are_refused_by_name),
        cmocka_unit_test(test_options_of_all_folders_are_listed_once),
        cmocka_unit_test(test_the_nearest_option_may_lie_in_a_sub_group),
        cmocka_unit_test(test_the_search_path_is_printed_and_bounded),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, write_files, remove_files);
}
