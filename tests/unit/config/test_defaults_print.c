#include "config/defaults.h"

#include "alloc_faults.h"
#include "config/given.h"

static struct fb_default root = {
    .path = "config", .primary = true, .parent_group = "", .parent_package = ""};
static struct fb_default db = {
    .is_group = true, .path = "db", .value = "mysql", .parent_group = "", .parent_package = ""};
static struct fb_default none = {
    .is_group = true, .path = "log", .package = "out", .parent_group = "", .parent_package = ""};
static struct fb_default self = {.path = "_self_", .parent_group = "", .parent_package = ""};

static struct fb_step steps[] = {
    {.config = "db/mysql", .package = "db", .parent = "config"},
    {.config = "config", .package = "", .parent = "<root>", .is_self = true},
};

static int print(struct fb_str *out, struct fb_err *err) {
    struct fb_tree leaf[] = {{.entry = &db}, {.entry = &none}, {.entry = &self}};
    struct fb_tree *leaves[] = {leaf, leaf + 1, leaf + 2};
    struct fb_tree config = {.entry = &root, .child = leaves, .count = 3}, *top = &config;
    struct fb_tree tree = {.child = &top, .count = 1};
    struct fb_defaults d = {.tree = &tree, .step = steps, .count = 2};
    struct fb_arena a = {0};
    int rc = fb_defaults_print_tree(out, &d, &a, err);

    if (!rc) rc = fb_defaults_print_list(out, &d, err);
    fb_arena_free(&a);
    return rc;
}

static void test_the_tree_is_indented_and_the_list_is_a_table(void **state) {
    struct fb_str text = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(print(&text, &err), FB_OK);
    assert_string_equal(fb_str_text(&text), "<root>:\n"
                                            "  config:\n"
                                            "    db: mysql\n"
                                            "    log@out: null\n"
                                            "    _self_\n"
                                            "| Config path | Package | _self_ | Parent | \n"
                                            "--------------------------------------------\n"
                                            "| db/mysql    | db      | False  | config |\n"
                                            "| config      |         | True   | <root> |\n"
                                            "--------------------------------------------\n");
    fb_str_free(&text);
}

static int print_once(void *arg) {
    struct fb_str text = {0};
    struct fb_err err = {0};
    int rc = print(&text, &err);

    (void)arg;
    fb_str_free(&text);
    return rc;
}

static void test_every_failed_allocation_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(print_once, NULL, 100) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tree_is_indented_and_the_list_is_a_table),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
