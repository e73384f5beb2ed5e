#include "config/hydra.h"

#include "config/given.h"

#include <unistd.h>

static struct fb_node *composed(struct fb_arena *a, const char *const *overrides, int64_t count,
                                int64_t job_num) {
    struct fb_compose_request request = {.config_path = FB_GOLDEN_DIR "/compose/trees/basic",
                                         .config_name = "config",
                                         .overrides = overrides,
                                         .override_count = count,
                                         .job_num = job_num};
    struct fb_err err = {0};
    struct fb_composed c;

    if (fb_compose(&c, &request, a, &err)) fail_msg("%s", err.msg);
    return fb_node_get(c.all, "hydra");
}

static const char *json_at(struct fb_arena *a, const struct fb_node *hydra, const char *path) {
    return json_of(a, fb_node_at(hydra, path));
}

static void test_overrides_are_noted_as_they_were_given(void **state) {
    static const char *const overrides[] = {"name=b", "hydra.job.chdir=false", "db=postgres"};
    struct fb_arena a = {0};
    struct fb_node *hydra = composed(&a, overrides, 3, 0);

    (void)state;
    assert_string_equal(json_at(&a, hydra, "overrides.task"), "[\"name=b\", \"db=postgres\"]");
    assert_string_equal(json_at(&a, hydra, "overrides.hydra"), "[\"hydra.job.chdir=false\"]");
    fb_arena_free(&a);
}

static void test_the_job_knows_its_name_and_number(void **state) {
    struct fb_arena a = {0};
    struct fb_node *alone = composed(&a, NULL, 0, 0), *third = composed(&a, NULL, 0, 3);

    (void)state;
    assert_string_equal(json_at(&a, alone, "job.name"), "\"fusion_bench\"");
    assert_string_equal(json_at(&a, alone, "job.config_name"), "\"config\"");
    assert_string_equal(json_at(&a, alone, "job.num"), "\"\?\?\?\"");
    assert_string_equal(json_at(&a, third, "job.num"), "2");
    assert_string_equal(json_at(&a, third, "job.id"), "\"job_id_for_2\"");
    fb_arena_free(&a);
}

/* Sorted, Hydra's own left out, keys to be excluded left out. */
static void test_the_name_of_the_folder_is_made_of_the_overrides(void **state) {
    static const char *const plain[] = {"name=b", "count=1", "hydra.job.chdir=false"};
    static const char *const other[] = {"name=b",
                                        "count=1",
                                        "debug=true",
                                        "hydra.job.config.override_dirname.kv_sep=':'",
                                        "hydra.job.config.override_dirname.item_sep=' '",
                                        "hydra.job.config.override_dirname.exclude_keys=[debug]"};
    struct fb_arena a = {0};

    (void)state;
    assert_string_equal(json_at(&a, composed(&a, plain, 3, 0), "job.override_dirname"),
                        "\"count=1,name=b\"");
    assert_string_equal(json_at(&a, composed(&a, other, 6, 0), "job.override_dirname"),
                        "\"count:1 name:b\"");
    fb_arena_free(&a);
}

static void test_the_runtime_knows_choices_and_sources(void **state) {
    static const char *const overrides[] = {"db=postgres"};
    struct fb_arena a = {0};
    struct fb_node *hydra = composed(&a, overrides, 1, 0), *sources;
    char cwd[4096];

    (void)state;
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_string_equal(fb_node_at(hydra, "runtime.cwd")->text, cwd);
    assert_string_equal(json_at(&a, hydra, "runtime.version"), "\"1.3.2\"");
    assert_string_equal(json_at(&a, hydra, "runtime.choices.db"), "\"postgres\"");
    assert_string_equal(json_at(&a, hydra, "runtime.choices.server"), "\"apache\"");
    sources = fb_node_at(hydra, "runtime.config_sources");
    assert_int_equal(sources->count, 3);
    assert_string_equal(json_of(&a, sources->item[0]), "{\"path\": \"hydra.conf\", \"schema\": "
                                                       "\"pkg\", \"provider\": \"hydra\"}");
    assert_string_equal(fb_node_get(sources->item[1], "path")->text,
                        FB_GOLDEN_DIR "/compose/trees/basic");
    fb_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overrides_are_noted_as_they_were_given),
        cmocka_unit_test(test_the_job_knows_its_name_and_number),
        cmocka_unit_test(test_the_name_of_the_folder_is_made_of_the_overrides),
        cmocka_unit_test(test_the_runtime_knows_choices_and_sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
