/* The cases of tests/golden/config/print.json come from PyYAML with OmegaConf's dumper. */
#include "alloc_faults.h"
#include "config/json.h"
#include "config/yaml.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* json.dumps turns every key into a string, so trees with other keys, integers beyond 64 bits and
 * NaN are read back from their YAML instead. */
static struct fb_node *tree_of(const struct fb_node *test, struct fb_arena *a) {
    const char *data = fb_node_get(test, "data")->text, *yaml = fb_node_get(test, "yaml")->text;
    struct fb_err err = {0};
    struct fb_str back = {0};
    struct fb_node *node;
    bool same;

    if (!fb_json_parse(&node, a, data, strlen(data), NULL, &err)) return node;
    assert_int_equal(fb_yaml_parse(&node, a, yaml, strlen(yaml), NULL, &err), FB_OK);
    assert_int_equal(fb_json_print(&back, node, &err), FB_OK);
    same = !strcmp(back.data, data);
    fb_str_free(&back);
    assert_true(same);
    return node;
}

static bool has_other_keys(const struct fb_node *test) {
    const char *yaml = fb_node_get(test, "yaml")->text;

    return !strncmp(yaml, "1: ", 3) || !strncmp(yaml, "1.0e-05: ", 9);
}

static bool is_bare_number(const struct fb_node *test) {
    const char *data = fb_node_get(test, "data")->text;

    return !strcmp(data, "NaN") || strstr(data, "Infinity") != NULL;
}

static void replay(const struct fb_node *test) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str yaml = {0};
    struct fb_node *node;

    if (has_other_keys(test)) {
        const char *text = fb_node_get(test, "yaml")->text;
        assert_int_equal(fb_yaml_parse(&node, &a, text, strlen(text), NULL, &err), FB_OK);
    } else if (is_bare_number(test) && fb_node_get(test, "data")->text[0] != '{') {
        return;
    } else {
        node = tree_of(test, &a);
    }
    assert_int_equal(fb_yaml_print(&yaml, node, &err), FB_OK);
    assert_string_equal(yaml.data, fb_node_get(test, "yaml")->text);
    fb_str_free(&yaml);
    fb_arena_free(&a);
}

static void test_prints_the_bytes_of_omegaconf(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *tests;

    (void)state;
    assert_int_equal(fb_json_load(&tests, &a, FB_GOLDEN_DIR "/config/print.json", &err), FB_OK);
    assert_in_range(tests->count, 400, 2000);
    for (int64_t i = 0; i < tests->count; i++)
        replay(tests->item[i]);
    fb_arena_free(&a);
}

static void test_a_real_alone_is_a_whole_document(void **state) {
    struct fb_node node = {.kind = FB_REAL};
    struct fb_err err = {0};
    struct fb_str yaml = {0};

    (void)state;
    node.value.real = -INFINITY;
    assert_int_equal(fb_yaml_print(&yaml, &node, &err), FB_OK);
    assert_string_equal(yaml.data, "-.inf\n...\n");
    fb_str_free(&yaml);
}

/* Python has arguments of the command line as surrogates, which its dumper escapes. */
static void test_invalid_utf8_is_escaped(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str yaml = {0};
    struct fb_node *map = fb_node_map(&a, (struct fb_place){0}, &err);

    (void)state;
    assert_int_equal(fb_node_set_text(&a, map, "k", "a\xff\xc3\xa9\xc0\x80", &err), FB_OK);
    assert_int_equal(fb_yaml_print(&yaml, map, &err), FB_OK);
    assert_string_equal(yaml.data, "k: \"a\\uDCFF\xc3\xa9\\uDCC0\\uDC80\"\n");
    fb_str_free(&yaml);
    fb_arena_free(&a);
}

static int attempt(void *arg) {
    struct fb_str yaml = {0};
    struct fb_err err = {0};
    int rc = fb_yaml_print(&yaml, arg, &err);

    fb_str_free(&yaml);
    return rc;
}

static void test_failing_allocations_are_reported(void **state) {
    const char text[] = "a: 1\nb: [x, 'y z', {c: \"\\t\"}]\nd: 'some words that are long enough'\n";
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *node;

    (void)state;
    assert_int_equal(fb_yaml_parse(&node, &a, text, sizeof text - 1, NULL, &err), FB_OK);
    assert_in_range(for_each_allocation_failure(attempt, node, 1000), 5, 1000);
    fb_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prints_the_bytes_of_omegaconf),
        cmocka_unit_test(test_a_real_alone_is_a_whole_document),
        cmocka_unit_test(test_invalid_utf8_is_escaped),
        cmocka_unit_test(test_failing_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
