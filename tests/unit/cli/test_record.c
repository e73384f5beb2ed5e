#include "cli/record.h"

#include "config/json.h"
#include "tiny_pool.h"

#include <sys/stat.h>

static const float numbers[] = {1, 2, 3};

/* A pool of two models of which the run opened the first. */
static struct fb_record begin(struct tiny *t) {
    struct fb_record r = {.folder = ".", .seconds = 2.5, .merge_seconds = 0.5};
    const struct fb_ckpt *ckpt;

    tiny_begin(t);
    tiny_model(t, "base", "w", numbers, 3);
    tiny_model(t, "other", "w", numbers, 3);
    tiny_pool(t, "{type: AutoModelPool, models: [{name: _pretrained_, path: base.safetensors}, "
                 "{name: other, path: other.safetensors}]}");
    assert_int_equal(fb_pool_ckpt(t->merge.pool, 0, &ckpt, &t->err), FB_OK);
    r.pool = t->merge.pool;
    r.config = tiny_yaml(t, "{method: {name: dummy, scale: 0.30}, seed: null}");
    return r;
}

static const struct fb_node *load(struct tiny *t, const char *path) {
    struct fb_node *node;

    if (fb_json_load(&node, &t->arena, path, &t->err)) fail_msg("%s", t->err.msg);
    return node;
}

static void test_the_configuration_is_left_as_yaml(void **state) {
    struct tiny t;
    struct fb_record r = begin(&t);
    char text[256];
    FILE *f;

    (void)state;
    assert_int_equal(fb_record_write(&r, &t.arena, &t.err), FB_OK);
    assert_non_null(f = fopen("config.yaml", "r"));
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(text, "method:\n  name: dummy\n  scale: 0.3\nseed: null\n");
    tiny_end(&t);
}

static void test_only_inputs_that_were_opened_are_described(void **state) {
    struct tiny t;
    struct fb_record r = begin(&t);
    const struct fb_node *run, *file;
    struct stat st;

    (void)state;
    assert_int_equal(fb_record_write(&r, &t.arena, &t.err), FB_OK);
    run = load(&t, "run.json");
    assert_int_equal(fb_node_get(run, "inputs")->count, 1);
    file = fb_node_at(run, "inputs._pretrained_.0");
    assert_string_equal(fb_node_get(file, "path")->text, "base.safetensors");
    assert_int_equal(stat("base.safetensors", &st), 0);
    assert_int_equal(fb_node_get(file, "bytes")->value.integer, st.st_size);
    assert_int_equal(fb_node_get(file, "modified")->value.integer, st.st_mtime);
    tiny_end(&t);
}

static void test_version_threads_and_timings_are_there(void **state) {
    struct tiny t;
    struct fb_record r = begin(&t);
    const struct fb_node *run;

    (void)state;
    assert_int_equal(fb_record_write(&r, &t.arena, &t.err), FB_OK);
    run = load(&t, "run.json");
    assert_string_equal(fb_node_get(run, "fusion_bench")->text, FB_VERSION);
    assert_true(*fb_node_get(run, "compiler")->text);
    assert_true(fb_node_get(run, "threads")->value.integer >= 1);
    assert_true(fb_node_get(run, "seconds")->value.real == 2.5);
    assert_true(fb_node_get(run, "merge_seconds")->value.real == 0.5);
    tiny_end(&t);
}

static void test_a_folder_that_cannot_be_made_is_named(void **state) {
    struct tiny t;
    struct fb_record r = begin(&t);

    (void)state;
    r.folder = "base.safetensors/run";
    assert_int_equal(fb_record_write(&r, &t.arena, &t.err), FB_EIO);
    assert_true(fb_starts_with(t.err.msg, "run folder 'base.safetensors/run': "));
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_configuration_is_left_as_yaml),
        cmocka_unit_test(test_only_inputs_that_were_opened_are_described),
        cmocka_unit_test(test_version_threads_and_timings_are_there),
        cmocka_unit_test(test_a_folder_that_cannot_be_made_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
