/* The cases of tests/golden/config/parse.json come from the real OmegaConf; the others are about
 * bounds, places and messages, which are ours. */
#include "alloc_faults.h"
#include "config/json.h"
#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int parse(struct fb_node **out, struct fb_arena *a, const char *text, struct fb_err *err) {
    return fb_yaml_parse(out, a, text, strlen(text), "x.yaml", err);
}

static void assert_refused(const char *text, const char *message) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *node;

    assert_int_not_equal(parse(&node, &a, text, &err), FB_OK);
    assert_string_equal(err.msg, message);
    assert_null(node);
    fb_arena_free(&a);
}

static void replay(const struct fb_node *test, int64_t number) {
    const char *text = fb_node_get(test, "in")->text;
    const struct fb_node *data = fb_node_get(test, "data");
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str json = {0}, yaml = {0};
    struct fb_node *node;
    int rc = parse(&node, &a, text, &err);

    if (!data != !!rc) {
        print_message("case %jd: '%s': %s\n", (intmax_t)number, text, rc ? err.msg : "accepted");
        assert_true(!data == !!rc);
    }
    if (!rc) {
        assert_int_equal(fb_json_print(&json, node, &err), FB_OK);
        assert_string_equal(json.data, data->text);
        assert_int_equal(fb_yaml_print(&yaml, node, &err), FB_OK);
        assert_string_equal(yaml.data, fb_node_get(test, "yaml")->text);
    }
    fb_str_free(&json);
    fb_str_free(&yaml);
    fb_arena_free(&a);
}

static void test_reads_what_omegaconf_reads_and_refuses_what_it_refuses(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *tests;

    (void)state;
    assert_int_equal(fb_json_load(&tests, &a, FB_GOLDEN_DIR "/config/parse.json", &err), FB_OK);
    assert_in_range(tests->count, 400, 2000);
    for (int64_t i = 0; i < tests->count; i++)
        replay(tests->item[i], i);
    fb_arena_free(&a);
}

static void test_nodes_know_their_place(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *node, *value;

    (void)state;
    assert_int_equal(parse(&node, &a, "a: 1\nb:\n  - x\n  - 'y'\n", &err), FB_OK);
    value = fb_node_at(node, "b.1");
    assert_string_equal(value->place.file, "x.yaml");
    assert_int_equal(value->place.line, 4);
    assert_int_equal(value->place.column, 5);
    assert_true(value->quoted);
    assert_false(fb_node_at(node, "b.0")->quoted);
    assert_ptr_equal(value->parent, fb_node_get(node, "b"));
    fb_arena_free(&a);
}

static void test_messages_name_file_line_and_column(void **state) {
    (void)state;
    assert_refused("a: 1\nb: 2\na: 3\n", "x.yaml:3:1: found duplicate key 'a'");
    assert_refused("a: &x 1\nb: &x 2\n", "x.yaml:2:4: found duplicate anchor 'x'");
    assert_refused("a: *x\n", "x.yaml:1:4: found undefined alias 'x'");
    assert_refused("a: &x [*x]\n", "x.yaml:1:4: contains itself through an alias");
    assert_refused("a: &x\n  <<: *x\n", "x.yaml:1:4: contains itself through an alias");
    assert_refused("a: 1\n--- \nb: 1\n",
                   "x.yaml:2:1: a second document begins, only one is allowed");
    assert_refused("? [a]\n: 1\n", "x.yaml:1:3: a key must be a scalar, found a list");
    assert_refused("? {a: 1}\n: 1\n", "x.yaml:1:3: a key must be a scalar, found a mapping");
    assert_refused("~: 1\n", "x.yaml:1:1: a key must not be null");
    assert_refused("a:\n  <<: 5\n", "x.yaml:2:7: '<<' expects a mapping or a list of mappings");
    assert_refused("a: =\n", "x.yaml:1:4: '=' has no value; write it in quotes for the string");
    assert_refused("a: !foo x\n", "x.yaml:1:4: tag '!foo' is not supported");
    assert_refused("a: !!set {b}\n", "x.yaml:1:4: tag 'tag:yaml.org,2002:set' is not supported");
    assert_refused("a: [1, b?]\n", "x.yaml:1:8: 'b?' inside [] or {} needs quotes");
    assert_refused("a: \"\\0\"\n", "x.yaml:1:4: string with a zero byte");
    assert_refused("a: 0b_\n", "x.yaml:1:4: integer '0b_' has no digits");
    assert_refused("a: !!int x\n", "x.yaml:1:4: 'x' is not an integer");
    assert_refused("a: !!bool 1\n", "x.yaml:1:4: '1' is not a boolean");
    assert_refused("a: !!float x\n", "x.yaml:1:4: 'x' is not a number");
    assert_refused("12\n", "x.yaml:1:1: expects a mapping or a list, found integer");
    assert_refused("a: 1\nb: ${c\n", "x.yaml:2:4: '${c': expected '}' at character 4");
    assert_refused("a: [1\n", "x.yaml:2:1: did not find expected ',' or ']' (while parsing a flow "
                              "sequence that begins at 1:4)");
    assert_refused("a: 1\nb: \xff\n", "x.yaml:2:4: invalid leading UTF-8 octet");
}

static void test_depth_is_bounded(void **state) {
    char text[1024];

    (void)state;
    memset(text, '[', 500);
    text[500] = '\0';
    assert_refused(text, "x.yaml:1:201: nested deeper than 200 levels");
    memset(text, '[', 200);
    memset(text + 200, ']', 200);
    text[400] = '\0';
    {
        struct fb_arena a = {0};
        struct fb_err err = {0};
        struct fb_node *node;
        assert_int_equal(parse(&node, &a, text, &err), FB_OK);
        fb_arena_free(&a);
    }
}

/* Nine levels of nine aliases each: 9^9 nodes if it were expanded. */
static void test_alias_bombs_are_refused(void **state) {
    struct fb_str text = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_str_puts(&text, "a0: &a0 [x, x]\n", &err), FB_OK);
    for (int i = 1; i < 9; i++) {
        assert_int_equal(fb_str_printf(&text, &err, "a%d: &a%d [", i, i), FB_OK);
        for (int j = 0; j < 9; j++)
            assert_int_equal(fb_str_printf(&text, &err, "*a%d, ", i - 1), FB_OK);
        assert_int_equal(fb_str_puts(&text, "]\n", &err), FB_OK);
    }
    assert_refused(text.data, "x.yaml:1:13: more than 500000 nodes, counting what aliases repeat");
    fb_str_free(&text);
}

/* Each level merges the one before twice. */
static void test_merge_bombs_are_refused(void **state) {
    struct fb_arena a = {0};
    struct fb_str text = {0};
    struct fb_err err = {0};
    struct fb_node *node;

    (void)state;
    assert_int_equal(fb_str_puts(&text, "a0: &a0 {x: 1}\n", &err), FB_OK);
    for (int i = 1; i < 40; i++)
        assert_int_equal(
            fb_str_printf(&text, &err, "a%d: &a%d\n  <<: [*a%d, *a%d]\n", i, i, i - 1, i - 1),
            FB_OK);
    assert_int_equal(parse(&node, &a, text.data, &err), FB_EFORMAT);
    assert_non_null(strstr(err.msg, "more than 500000 nodes"));
    fb_str_free(&text);
    fb_arena_free(&a);
}

/* Without an index this takes minutes, which the time limit of the test would not allow. */
static void test_large_mappings_are_read_in_linear_time(void **state) {
    struct fb_arena a = {0};
    struct fb_str text = {0};
    struct fb_err err = {0};
    struct fb_node *node;

    (void)state;
    for (int i = 0; i < 120000; i++)
        assert_int_equal(fb_str_printf(&text, &err, "k%d: %d\n", i, i), FB_OK);
    assert_int_equal(parse(&node, &a, text.data, &err), FB_OK);
    assert_int_equal(node->count, 120000);
    assert_int_equal(fb_node_get(node, "k77777")->value.integer, 77777);
    fb_str_free(&text);
    fb_arena_free(&a);
}

static void test_load_gives_the_leading_comments(void **state) {
    const char text[] = "# @package _global_\n\n  # second\na: 1 # third\n";
    char path[] = "/tmp/fb_test_yaml_XXXXXX";
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *node;
    const char *head = NULL;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    assert_int_equal(fb_yaml_load(&node, &head, &a, path, &err), FB_OK);
    assert_string_equal(head, "# @package _global_\n\n  # second\n");
    assert_string_equal(node->place.file, path);
    remove(path);
    assert_int_equal(fb_yaml_load(&node, NULL, &a, path, &err), FB_ENOTFOUND);
    assert_null(node);
    fb_arena_free(&a);
}

static int attempt(void *arg) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *node;
    int rc = parse(&node, &a, arg, &err);

    fb_arena_free(&a);
    return rc;
}

static void test_failing_allocations_are_reported(void **state) {
    struct fb_str text = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_str_puts(&text, "a: &x {b: 1}\nc: {<<: *x, d: '${a}'}\n", &err), FB_OK);
    for (int i = 0; i < 200; i++)
        assert_int_equal(fb_str_printf(&text, &err, "key%d: [1, x, 1e-3]\n", i), FB_OK);
    assert_in_range(for_each_allocation_failure(attempt, text.data, 5000), 100, 5000);
    fb_str_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_omegaconf_reads_and_refuses_what_it_refuses),
        cmocka_unit_test(test_nodes_know_their_place),
        cmocka_unit_test(test_messages_name_file_line_and_column),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_alias_bombs_are_refused),
        cmocka_unit_test(test_merge_bombs_are_refused),
        cmocka_unit_test(test_large_mappings_are_read_in_linear_time),
        cmocka_unit_test(test_load_gives_the_leading_comments),
        cmocka_unit_test(test_failing_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
