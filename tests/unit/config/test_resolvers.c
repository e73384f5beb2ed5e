/* The oc.* resolvers are compared with OmegaConf in test_interp.c; here are Hydra's. */
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

    assert_int_equal(fb_yaml_parse(&node, a, text, strlen(text), NULL, &err), FB_OK);
    return node;
}

/* `text` resolved in {a: 1, v: text}, as JSON, or the message. */
static void assert_gives(const char *text, const char *expected) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a};
    struct fb_str json = {0};
    struct fb_node *root = yaml(&a, "a: 1\n"), *hydra, *value;

    hydra = yaml(&a, "hydra:\n  job:\n    config_name: root\n    n: \?\?\?\n"
                     "  run: {dir: 'out/${h}'}\nh: 5\n");
    in.hydra = fb_node_get(hydra, "hydra");
    in.now.tv_sec = 1700000000; /* 2023-11-14 22:13:20 UTC */
    in.now.tv_nsec = 42000;
    assert_int_equal(fb_node_set_text(&a, root, "v", text, &err), FB_OK);
    if ((value = fb_interp_resolved(&in, fb_node_get(root, "v"), &err))) {
        assert_int_equal(fb_json_print(&json, value, &err), FB_OK);
        assert_string_equal(json.data, expected);
    } else {
        assert_string_equal(err.msg, expected);
    }
    fb_str_free(&json);
    fb_arena_free(&a);
}

static void test_now_is_strftime(void **state) {
    (void)state;
    setenv("TZ", "UTC", 1);
    assert_gives("${now:%Y-%m-%d_%H-%M-%S}", "\"2023-11-14_22-13-20\"");
    assert_gives("x/${now:%f}%", "\"x/000042%\"");
    assert_gives("${now:%z%Z}", "\"\"");
    assert_gives("${now:5}", "v: now: the pattern must be a string, found integer");
}

/* The values of Hydra's own configuration are resolved in its own tree. */
static void test_hydra_looks_in_its_own_tree(void **state) {
    (void)state;
    assert_gives("${hydra:job.config_name}", "\"root\"");
    assert_gives("${hydra:run.dir}", "\"out/5\"");
    assert_gives("${hydra:run}", "{\"dir\": \"out/5\"}");
    assert_gives("${hydra:nosuch}", "null");
    assert_gives("${hydra:job.n}", "null");
}

static void test_without_hydra_its_resolver_fails(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_interp in = {.arena = &a};
    struct fb_node *root = yaml(&a, "a: ${hydra:job.name}\n");

    (void)state;
    assert_int_equal(fb_interp_resolve_all(&in, root, &err), FB_ECONFIG);
    assert_string_equal(err.msg, "a: hydra: there is no Hydra configuration here");
    fb_arena_free(&a);
}

static void test_messages(void **state) {
    (void)state;
    assert_gives(
        "${nosuch:1}",
        "v: Unsupported interpolation type nosuch (there are oc.env, oc.decode, oc.select, "
        "oc.create, oc.deprecated, oc.dict.keys, oc.dict.values, now, hydra)");
    assert_gives("${oc.env:a,b,c}", "v: oc.env expects 1 or 2 arguments, found 3");
    assert_gives("${now:}", "v: now expects 1 argument, found 0");
    assert_gives("${oc.env:FB_TEST_UNSET}",
                 "v: oc.env: Environment variable 'FB_TEST_UNSET' not found");
    assert_gives("${oc.env:5}",
                 "v: oc.env: the name of an environment variable must be a string, found integer");
    assert_gives("${oc.decode:'[1'}", "v: oc.decode: '[1': expected ',' or ']' at character 3");
    assert_gives("${oc.create:5}",
                 "v: oc.create: expects a list, a mapping or YAML text, found integer");
    assert_gives("${oc.dict.keys:a}", "v: oc.dict.keys: 'a' must be a mapping, found integer");
    assert_gives("${oc.deprecated:b}",
                 "v: oc.deprecated: In oc.deprecated resolver: Key not found: 'b'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_now_is_strftime),
        cmocka_unit_test(test_hydra_looks_in_its_own_tree),
        cmocka_unit_test(test_without_hydra_its_resolver_fails),
        cmocka_unit_test(test_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
