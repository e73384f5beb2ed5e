#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct fb_place nowhere;

static struct fb_node *sample(struct fb_arena *a, struct fb_err *err) {
    struct fb_node *report = fb_node_map(a, nowhere, err), *cola = fb_node_map(a, nowhere, err);

    assert_int_equal(fb_node_set_real(a, cola, "accuracy", 0.3087248206138611, err), FB_OK);
    assert_int_equal(fb_node_set_int(a, cola, "n", 1043, err), FB_OK);
    assert_int_equal(fb_node_set_text(a, report, "name", "it's", err), FB_OK);
    assert_int_equal(fb_node_set(a, report, "cola", cola, err), FB_OK);
    assert_int_equal(fb_node_set(a, report, "none", fb_node_null(a, nowhere, err), err), FB_OK);
    return report;
}

static void check(int (*print)(struct fb_str *, const struct fb_node *, struct fb_err *),
                  const struct fb_node *node, const char *expected) {
    struct fb_str out = {0};
    struct fb_err err = {0};

    assert_int_equal(print(&out, node, &err), FB_OK);
    assert_string_equal(fb_str_text(&out), expected);
    fb_str_free(&out);
}

static void test_repr_is_that_of_a_python_dict(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};

    (void)state;
    check(fb_report_print_repr, sample(&a, &err),
          "{'name': \"it's\", 'cola': {'accuracy': 0.3087248206138611, 'n': 1043}, 'none': None}");
    check(fb_report_print_repr, fb_node_text(&a, "a'\"\\\n\t\r\x01", nowhere, &err),
          "'a\\'\"\\\\\\n\\t\\r\\x01'");
    check(fb_report_print_repr, fb_node_bool(&a, true, nowhere, &err), "True");
    fb_arena_free(&a);
}

static void test_tree_is_indented_by_two_spaces(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};

    (void)state;
    check(fb_report_print_tree, sample(&a, &err),
          "name: it's\ncola:\n  accuracy: 0.3087248206138611\n  n: 1043\nnone: None\n");
    fb_arena_free(&a);
}

static void test_table_aligns_numbers_right_and_words_left(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *rows = fb_node_list(&a, nowhere, &err);

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fb_node *row = fb_node_map(&a, nowhere, &err);
        assert_int_equal(fb_node_set_text(&a, row, "task", i ? "average" : "cola", &err), FB_OK);
        assert_int_equal(fb_node_set_int(&a, row, "total", i ? 7 : 1043, &err), FB_OK);
        assert_int_equal(fb_node_set_real(&a, row, "accuracy", 0.25, &err), FB_OK);
        assert_int_equal(fb_node_push(&a, rows, row, &err), FB_OK);
    }
    check(fb_report_print_table, rows,
          "task     total  accuracy\n"
          "cola      1043    0.2500\n"
          "average      7    0.2500\n");
    fb_arena_free(&a);
}

static void test_saved_report_is_one_line_of_json(void **state) {
    char folder[] = "/tmp/fb_report_XXXXXX", path[64], text[256] = "";
    struct fb_arena a = {0};
    struct fb_err err = {0};
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/r.json", folder);
    assert_int_equal(fb_report_save(path, sample(&a, &err), &err), FB_OK);
    assert_non_null(f = fopen(path, "r"));
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_string_equal(text, "{\"name\": \"it's\", \"cola\": {\"accuracy\": 0.3087248206138611, "
                              "\"n\": 1043}, \"none\": null}");
    unlink(path);
    rmdir(folder);
    fb_arena_free(&a);
}

static void test_a_folder_that_cannot_be_made_is_named(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_report_save("/dev/null/x/r.json", sample(&a, &err), &err), FB_EIO);
    assert_string_equal(err.msg, "report '/dev/null/x/r.json': cannot make the folder "
                                 "'/dev/null/x': Not a directory");
    fb_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repr_is_that_of_a_python_dict),
        cmocka_unit_test(test_tree_is_indented_by_two_spaces),
        cmocka_unit_test(test_table_aligns_numbers_right_and_words_left),
        cmocka_unit_test(test_saved_report_is_one_line_of_json),
        cmocka_unit_test(test_a_folder_that_cannot_be_made_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
