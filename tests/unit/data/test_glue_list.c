#include "config/yaml.h"
#include "data/glue_list.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct fb_arena arena;

/* Reads a task pool's configuration given as YAML. */
static int read(struct fb_glue_list *out, const char *yaml, struct fb_err *err) {
    struct fb_node *root;

    assert_int_equal(fb_yaml_parse(&root, &arena, yaml, strlen(yaml), "t.yaml", err), FB_OK);
    return fb_glue_list_read(out, fb_node_get(root, "tasks"), fb_node_get(root, "test_datasets"),
                             &arena, err);
}

static void test_both_layouts_mean_the_same(void **state) {
    const char *const yaml[] = {
        "tasks:\n- name: cola\n  dataset: {name: cola, split: validation}\n"
        "- name: mnli\n  dataset: {type: instantiate, name: mnli, split: validation_matched}\n",
        "test_datasets:\n  cola: {name: cola, split: validation}\n"
        "  mnli: {name: mnli, split: validation_matched}\n",
        "tasks: [cola, mnli]\n"};
    struct fb_err err = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fb_glue_list list;
        assert_int_equal(read(&list, yaml[i], &err), FB_OK);
        assert_int_equal(list.count, 2);
        assert_string_equal(list.item[0].name, "cola");
        assert_string_equal(list.item[0].split, "validation");
        assert_string_equal(list.item[1].task->name, "mnli");
        assert_string_equal(list.item[1].split, "validation_matched");
    }
}

static void test_the_entry_may_have_another_name_than_its_dataset(void **state) {
    struct fb_glue_list list;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(read(&list, "test_datasets: {mine: {name: rte, split: train}}", &err), FB_OK);
    assert_string_equal(list.item[0].name, "mine");
    assert_string_equal(list.item[0].task->name, "rte");
    assert_string_equal(list.item[0].split, "train");
}

static void refused(const char *yaml, const char *message) {
    struct fb_glue_list list;
    struct fb_err err = {0};

    assert_int_equal(read(&list, yaml, &err), FB_ECONFIG);
    assert_string_equal(err.msg, message);
}

static void test_what_is_wrong_is_named_with_its_place(void **state) {
    (void)state;
    refused("{}", "needs 'tasks' (a list) or 'test_datasets' (a mapping)");
    refused("tasks: cola", "t.yaml:1:8: 'tasks' is a list");
    refused("test_datasets: [cola]", "t.yaml:1:16: 'test_datasets' is a mapping");
    refused("tasks: []", "t.yaml:1:8: expects between 1 and 256 tasks");
    refused("tasks: [1]", "t.yaml:1:9: a task is a name or a mapping with 'name' and 'dataset'");
    refused("tasks: [{dataset: {name: cola}}]", "t.yaml:1:9: a task needs a string 'name'");
    refused("tasks: [cola, cola]", "t.yaml:1:15: this task is listed twice: 'cola'");
    refused("tasks: [qnly]",
            "t.yaml:1:9: no GLUE task 'qnly' (did you mean 'qnli'?) (there are cola, mnli, mrpc, "
            "qnli, qqp, rte, sst2, stsb)");
}

static void test_datasets_of_a_pool_may_have_either_layout(void **state) {
    static const char *const yaml[] = {
        "[{name: glue-cola, dataset: {name: cola, split: train}}, {name: mnli}]",
        "{glue-cola: {_target_: x.y, name: cola, split: train}, mnli: {name: mnli}}"};
    struct fb_glue_list list;
    struct fb_err err = {0};
    struct fb_node *node;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fb_yaml_parse(&node, &arena, yaml[i], strlen(yaml[i]), "p.yaml", &err), 0);
        assert_int_equal(fb_glue_list_read_datasets(&list, node, "train", &arena, &err), FB_OK);
        assert_int_equal(list.count, 2);
        assert_string_equal(fb_glue_list_find(&list, "glue-cola")->task->name, "cola");
        assert_string_equal(list.item[1].split, "train");
        assert_null(fb_glue_list_find(&list, "cola"));
        assert_int_equal(fb_glue_list_read_datasets(&list, node, NULL, &arena, &err), FB_OK);
        assert_string_equal(list.item[0].split, "train");
        assert_string_equal(list.item[1].split, "validation_matched");
    }
    assert_int_equal(fb_yaml_parse(&node, &arena, "a: cola", 7, "p.yaml", &err), FB_OK);
    node = fb_node_get(node, "a");
    assert_int_equal(fb_glue_list_read_datasets(&list, node, NULL, &arena, &err), FB_ECONFIG);
    assert_string_equal(err.msg, "p.yaml:1:4: datasets are a list or a mapping");
}

static int release(void **state) {
    (void)state;
    fb_arena_free(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_layouts_mean_the_same),
        cmocka_unit_test(test_the_entry_may_have_another_name_than_its_dataset),
        cmocka_unit_test(test_datasets_of_a_pool_may_have_either_layout),
        cmocka_unit_test(test_what_is_wrong_is_named_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
