#include "config/compose.h"

#include "alloc_faults.h"
#include "base/file.h"
#include "config/yaml.h"

#include <stdio.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TREES FB_GOLDEN_DIR "/compose/trees/"

static int compose(struct fb_composed *c, const char *tree, const char *name,
                   const char *const *overrides, struct fb_arena *a, struct fb_err *err) {
    struct fb_compose_request request = {.config_path = tree, .config_name = name};

    request.overrides = overrides;
    while (overrides && overrides[request.override_count])
        request.override_count++;
    return fb_compose(c, &request, a, err);
}

static void test_the_shipped_configuration_composes_with_every_option(void **state) {
    static const char *const groups[] = {"method", "modelpool", "taskpool", "fabric/loggers"};
    struct fb_composed c, one;
    struct fb_compose_request request = {.config_path = "embedded:config"};
    char text[256];
    const char *overrides[] = {text, "modelpool=gpt-2_glue", NULL};

    (void)state;
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        struct fb_arena a = {0};
        struct fb_err err = {0};
        char **names;
        size_t count;
        assert_int_equal(fb_compose_sources(&c, &request, &a, &err), FB_OK);
        assert_int_equal(fb_sources_options(&c.sources, groups[g], false, &names, &count, &err),
                         FB_OK);
        assert_true(count > 1);
        for (size_t i = 0; i < count; i++) {
            const char *last = g == 1 ? NULL : "modelpool=gpt-2_glue";
            overrides[1] = last;
            snprintf(text, sizeof text, "%s=%s", groups[g], names[i]);
            if (compose(&one, "embedded:config", NULL, overrides, &a, &err))
                fail_msg("%s: %s", text, err.msg);
        }
        fb_list_free(names, count);
        fb_arena_free(&a);
    }
}

static const char *value_of(const char *key, const char *const *overrides, struct fb_arena *a) {
    struct fb_err err = {0};
    struct fb_composed c;
    struct fb_node *node;

    if (compose(&c, "embedded:config", NULL, overrides, a, &err)) fail_msg("%s", err.msg);
    node = fb_node_at(c.job, key);
    assert_non_null(node);
    return node->text;
}

static void test_models_are_found_under_the_names_of_both_layouts(void **state) {
    struct fb_arena a = {0};
    const char *list[] = {"modelpool=gpt-2_glue",
                          "modelpool.models._pretrained_.pretrained_model_name_or_path=/m", NULL};
    const char *map[] = {"modelpool=Seq2SeqLMPool/flan-t5-base_individual",
                         "modelpool.models.0.path=/m", NULL};

    (void)state;
    assert_string_equal(value_of("modelpool.models.0.path", list, &a), "/m");
    assert_string_equal(
        value_of("modelpool.models._pretrained_.pretrained_model_name_or_path", map, &a), "/m");
    fb_arena_free(&a);
}

static void test_a_group_of_another_name_is_the_same_method(void **state) {
    struct fb_arena a = {0};
    const char *plain[] = {"method=weighted_average", "modelpool=gpt-2_glue", NULL};
    const char *fisher[] = {"method=gpt2_fisher_merging", "modelpool=gpt-2_glue", NULL};

    (void)state;
    assert_string_equal(value_of("method._target_", plain, &a),
                        "fusion_bench.method.WeightedAverageAlgorithm");
    assert_string_equal(value_of("method._target_", fisher, &a),
                        "fusion_bench.method.FisherMergingAlgorithmForGPT2");
    fb_arena_free(&a);
}

/* A folder ./config of some other project must not hide what is shipped. */
static void test_a_local_folder_without_the_root_config_ranks_last(void **state) {
    char dir[] = "/tmp/fb_compose_XXXXXX", before[4096];
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_composed c;
    const char *overrides[] = {"method=mine", "modelpool=gpt-2_glue", NULL};
    const char *shipped[] = {"method=dummy", "modelpool=gpt-2_glue", NULL};

    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(fb_file_replace("config/method/mine.yaml", "_target_: mine\n", 15, &err),
                     FB_OK);
    assert_int_equal(fb_file_replace("config/method/dummy.yaml", "bad: 1\n", 7, &err), FB_OK);
    assert_int_equal(compose(&c, NULL, NULL, overrides, &a, &err), FB_OK);
    assert_string_equal(fb_node_at(c.job, "method._target_")->text, "mine");
    assert_int_equal(compose(&c, NULL, NULL, shipped, &a, &err), FB_OK);
    assert_null(fb_node_at(c.job, "method.bad"));
    /* With the root config it comes first, and the shipped groups are still found. */
    assert_int_equal(fb_file_replace("config/fabric_model_fusion.yaml",
                                     "defaults:\n  - method: dummy\n  - taskpool: dummy\n", 48,
                                     &err),
                     FB_OK);
    assert_int_equal(compose(&c, NULL, NULL, NULL, &a, &err), FB_OK);
    assert_non_null(fb_node_at(c.job, "method.bad"));
    assert_non_null(fb_node_at(c.job, "taskpool._target_"));
    unlink("config/fabric_model_fusion.yaml");
    unlink("config/method/mine.yaml");
    unlink("config/method/dummy.yaml");
    rmdir("config/method");
    rmdir("config");
    assert_int_equal(chdir(before), 0);
    rmdir(dir);
    fb_arena_free(&a);
}

static void test_a_config_dir_ranks_below_the_main_one(void **state) {
    const char *const dirs[] = {TREES "nested"};
    struct fb_compose_request request = {.config_path = TREES "basic",
                                         .config_name = "config",
                                         .config_dirs = dirs,
                                         .config_dir_count = 1};
    const char *const overrides[] = {"+b=one", "+top/a=y"};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_composed c;

    (void)state;
    request.overrides = overrides;
    request.override_count = 2;
    assert_int_equal(fb_compose(&c, &request, &a, &err), FB_OK);
    assert_string_equal(fb_node_at(c.job, "name")->text, "basic");
    assert_string_equal(fb_node_at(c.job, "b.name")->text, "one");
    assert_string_equal(fb_node_at(c.job, "top.a.k")->text, "top-a-y");
    fb_arena_free(&a);
}

static void test_missing_folders_are_named(void **state) {
    const char *const dirs[] = {"/nowhere/b"};
    struct fb_compose_request path = {.config_path = "/nowhere/a"};
    struct fb_compose_request dir = {.config_dirs = dirs, .config_dir_count = 1};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_composed c;

    (void)state;
    assert_int_equal(fb_compose(&c, &path, &a, &err), FB_ENOTFOUND);
    assert_string_equal(err.msg, "--config-path: there is no folder '/nowhere/a'");
    assert_int_equal(fb_compose(&c, &dir, &a, &err), FB_ENOTFOUND);
    assert_string_equal(err.msg, "--config-dir: there is no folder '/nowhere/b'");
    fb_arena_free(&a);
}

static void test_the_search_path_can_be_extended(void **state) {
    const char *overrides[] = {"hydra.searchpath=[file://" TREES "nested]", "+b=two", NULL};
    const char *wrong[] = {"hydra.searchpath=5", NULL};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_composed c;

    (void)state;
    assert_int_equal(compose(&c, TREES "basic", "config", overrides, &a, &err), FB_OK);
    assert_string_equal(fb_node_at(c.job, "b.name")->text, "two");
    assert_int_equal(compose(&c, TREES "basic", "config", wrong, &a, &err), FB_ECONFIG);
    assert_string_equal(err.msg, "hydra.searchpath must be a list of strings");
    fb_arena_free(&a);
}

static int compose_all(void *arg) {
    static const char *const overrides[] = {
        "c=[q,p]", "e=rel", "+b@fourth.x=two", "own={}", "~own", "first.v=[1,{a: 2}]", NULL};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_composed c;

    (void)arg;
    (void)!compose(&c, TREES "nested", "config", overrides, &a, &err);
    fb_arena_free(&a);
    return err.code;
}

static int refuse_all(void *arg) {
    static const char *const unknown[] = {"nope=1", NULL};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_composed c;
    int rc = compose(&c, TREES "basic", "config", unknown, &a, &err);

    (void)arg;
    fb_arena_free(&a);
    /* The refusal itself is the success here. */
    return rc == FB_ECONFIG ? FB_OK : rc;
}

static void test_every_failed_allocation_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(compose_all, NULL, 20000) > 0);
    assert_true(for_each_allocation_failure(refuse_all, NULL, 20000) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_shipped_configuration_composes_with_every_option),
        cmocka_unit_test(test_models_are_found_under_the_names_of_both_layouts),
        cmocka_unit_test(test_a_group_of_another_name_is_the_same_method),
        cmocka_unit_test(test_a_local_folder_without_the_root_config_ranks_last),
        cmocka_unit_test(test_a_config_dir_ranks_below_the_main_one),
        cmocka_unit_test(test_missing_folders_are_named),
        cmocka_unit_test(test_the_search_path_can_be_extended),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
