#include "config/opts.h"

#include "alloc_faults.h"
#include "config/json.h"
#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct opts {
    bool flag;
    int64_t steps;
    double scaling_factor;
    const char *name;
    const char *mode;
    struct fb_reals weights;
    struct fb_texts layers;
    const struct fb_node *extra;
};

static const struct fb_opt table[] = {
    FB_OPT_BOOL(struct opts, flag, "true", "whether to"),
    FB_OPT_INT(struct opts, steps, "3", 1, 10, "how many"),
    FB_OPT_REAL(struct opts, scaling_factor, "0.3", -10, 10, "weight of the task vectors"),
    FB_OPT_TEXT(struct opts, name, "null", "what to call it"),
    FB_OPT_CHOICE(struct opts, mode, "sum", "sum|mean|max", "how to merge"),
    FB_OPT_REALS(struct opts, weights, "[0.5, 0.5]", 0, 1, "one per model"),
    FB_OPT_TEXTS(struct opts, layers, "null", "patterns"),
    FB_OPT_NODE(struct opts, extra, "null", "anything"),
    FB_OPT_END,
};

static const struct fb_opt empty[] = {FB_OPT_END};

static int read_yaml(const struct fb_opt *rows, struct opts *o, const char *text,
                     struct fb_arena *a, struct fb_err *err) {
    static const char *const ignored[] = {"_target_", NULL};
    struct fb_node *map;

    if (fb_yaml_parse(&map, a, text, strlen(text), "x.yaml", err)) return err->code;
    return fb_opts_read(rows, o, map, ignored, a, err);
}

static void assert_refused(const struct fb_opt *rows, const char *text, const char *message) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct opts o = {0};

    assert_int_equal(read_yaml(rows, &o, text, &a, &err), FB_ECONFIG);
    assert_string_equal(err.msg, message);
    fb_arena_free(&a);
}

static void test_without_a_mapping_all_defaults_hold(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct opts o = {0};

    (void)state;
    assert_int_equal(fb_opts_read(table, &o, NULL, NULL, &a, &err), FB_OK);
    assert_true(o.flag);
    assert_int_equal(o.steps, 3);
    assert_float_equal(o.scaling_factor, 0.3, 0);
    assert_null(o.name);
    assert_string_equal(o.mode, "sum");
    assert_int_equal(o.weights.count, 2);
    assert_float_equal(o.weights.item[1], 0.5, 0);
    assert_int_equal(o.layers.count, 0);
    assert_null(o.extra);
    fb_arena_free(&a);
}

static void test_values_replace_defaults(void **state) {
    const char text[] = "_target_: x\nflag: no\nsteps: 10\nscaling_factor: 1\nname: 12\nmode: max\n"
                        "weights: [0, 1e-3]\nlayers: [a, 1, 2.5]\nextra: {k: v}\n";
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct opts o = {0};

    (void)state;
    assert_int_equal(read_yaml(table, &o, text, &a, &err), FB_OK);
    assert_false(o.flag);
    assert_int_equal(o.steps, 10);
    assert_float_equal(o.scaling_factor, 1, 0);
    assert_string_equal(o.name, "12");
    assert_string_equal(o.mode, "max");
    assert_int_equal(o.weights.count, 2);
    assert_float_equal(o.weights.item[1], 1e-3, 0);
    assert_int_equal(o.layers.count, 3);
    assert_string_equal(o.layers.item[2], "2.5");
    assert_string_equal(fb_node_get(o.extra, "k")->text, "v");
    fb_arena_free(&a);
}

static void test_null_empties_what_can_be_empty(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct opts o = {0};

    (void)state;
    assert_int_equal(
        read_yaml(table, &o, "weights: null\nlayers: null\nname: null\nextra: null\n", &a, &err),
        FB_OK);
    assert_int_equal(o.weights.count, 0);
    assert_int_equal(o.layers.count, 0);
    fb_arena_free(&a);
    assert_refused(table, "steps: null\n",
                   "x.yaml:1:8: option 'steps': expects integer, found null");
    assert_refused(table, "flag: null\n",
                   "x.yaml:1:7: option 'flag': expects true or false, found null");
}

static void test_messages_name_place_option_value_and_limit(void **state) {
    (void)state;
    assert_refused(table, "a: 1\n",
                   "x.yaml:1:4: no option 'a' (there are flag, steps, scaling_factor, name, mode, "
                   "weights, layers, extra)");
    assert_refused(table, "scaling_facto: 1\n",
                   "x.yaml:1:16: no option 'scaling_facto' (did you mean 'scaling_factor'?)");
    assert_refused(empty, "a: 1\n", "x.yaml:1:4: no option 'a' (it has none)");
    assert_refused(table, "flag: 1\n",
                   "x.yaml:1:7: option 'flag': expects true or false, found integer");
    assert_refused(table, "steps: 11\n", "x.yaml:1:8: option 'steps': 11 is outside 1 .. 10");
    assert_refused(table, "steps: 2.0\n",
                   "x.yaml:1:8: option 'steps': expects integer, found number");
    assert_refused(table, "steps: x\n",
                   "x.yaml:1:8: option 'steps': expects integer, found the string 'x'");
    assert_refused(table, "steps: 9223372036854775808\n",
                   "x.yaml:1:8: option 'steps': 9223372036854775808 does not fit 64 bits");
    assert_refused(table, "scaling_factor: 10.5\n",
                   "x.yaml:1:17: option 'scaling_factor': 10.5 is outside -10.0 .. 10.0");
    assert_refused(table, "scaling_factor: 99999999999999999999\n",
                   "x.yaml:1:17: option 'scaling_factor': 1e+20 is outside -10.0 .. 10.0");
    assert_refused(table, "scaling_factor: .nan\n",
                   "x.yaml:1:17: option 'scaling_factor': nan is outside -10.0 .. 10.0");
    assert_refused(table, "scaling_factor: \?\?\?\n",
                   "x.yaml:1:17: option 'scaling_factor': must be given (it is \?\?\?)");
    assert_refused(table, "mode: min\n",
                   "x.yaml:1:7: option 'mode': 'min' is none of sum|mean|max");
    assert_refused(table, "mode: su\n", "x.yaml:1:7: option 'mode': 'su' is none of sum|mean|max");
    assert_refused(table, "mode: [sum]\n", "x.yaml:1:7: option 'mode': expects choice, found list");
    assert_refused(table, "weights: [0.5, 2]\n",
                   "x.yaml:1:10: option 'weights': [1]: 2.0 is outside 0.0 .. 1.0");
    assert_refused(table, "weights: [0.5, x]\n",
                   "x.yaml:1:10: option 'weights': expects list of numbers, found the string 'x'");
    assert_refused(table, "weights: 0.5\n",
                   "x.yaml:1:10: option 'weights': expects list of numbers, found number");
    assert_refused(table, "layers: [[a]]\n",
                   "x.yaml:1:9: option 'layers': expects list of strings, found list");
    assert_refused(table, "name: {a: 1}\n",
                   "x.yaml:1:7: option 'name': expects string, found mapping");
    assert_refused(table, "[1]\n", "x.yaml:1:1: expects a mapping of options, found list");
}

static void test_a_wrong_default_is_found(void **state) {
    static const struct fb_opt wrong[] = {
        FB_OPT_INT(struct opts, steps, "30", 1, 10, "how many"),
        FB_OPT_END,
    };
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct opts o = {0};

    (void)state;
    assert_int_equal(fb_opts_read(wrong, &o, NULL, NULL, &a, &err), FB_ECONFIG);
    assert_string_equal(err.msg, "default of option 'steps': 30 is outside 1 .. 10");
    fb_arena_free(&a);
}

static int read_args(struct opts *o, const char *line, int *positional, char **argv,
                     struct fb_arena *a, struct fb_err *err) {
    static char copy[256];
    int argc = 0;

    strncpy(copy, line, sizeof copy - 1);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    return fb_opts_read_args(table, o, argc, argv, positional, a, err);
}

static void test_arguments_set_options_and_leave_the_rest(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct opts o = {0};
    char *argv[32];
    int n;

    (void)state;
    assert_int_equal(read_args(&o,
                               "one --no-flag --steps 7 two --scaling-factor=-1e-3 --name= "
                               "--weights 0,1 --layers [a,b] --mode=mean -- --three",
                               &n, argv, &a, &err),
                     FB_OK);
    assert_int_equal(n, 3);
    assert_string_equal(argv[0], "one");
    assert_string_equal(argv[1], "two");
    assert_string_equal(argv[2], "--three");
    assert_false(o.flag);
    assert_int_equal(o.steps, 7);
    assert_float_equal(o.scaling_factor, -1e-3, 0);
    assert_string_equal(o.name, "");
    assert_string_equal(o.mode, "mean");
    assert_float_equal(o.weights.item[1], 1, 0);
    assert_string_equal(o.layers.item[1], "b");
    assert_int_equal(read_args(&o, "--flag -", &n, argv, &a, &err), FB_OK);
    assert_true(o.flag);
    assert_string_equal(argv[0], "-");
    assert_int_equal(read_args(&o, "--flag=false", &n, argv, &a, &err), FB_OK);
    assert_false(o.flag);
    fb_arena_free(&a);
}

static void assert_args_refused(const char *line, const char *message) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct opts o = {0};
    char *argv[32];
    int n;

    assert_int_equal(read_args(&o, line, &n, argv, &a, &err), FB_EUSAGE);
    assert_string_equal(err.msg, message);
    fb_arena_free(&a);
}

static void test_wrong_arguments_are_usage_errors(void **state) {
    (void)state;
    assert_args_refused("--scaling-facto 1",
                        "no option '--scaling-facto' (did you mean '--scaling-factor'?)");
    assert_args_refused("-x", "no option '-x'");
    assert_args_refused("--steps", "option '--steps' needs a value");
    assert_args_refused("--steps 0", "option '--steps': 0 is outside 1 .. 10");
    assert_args_refused("--steps x", "option '--steps': expects integer, found 'x'");
    assert_args_refused("--scaling_factor=x",
                        "option '--scaling-factor': expects number, found 'x'");
    assert_args_refused("--flag=maybe", "option '--flag': expects true or false, found 'maybe'");
    assert_args_refused("--mode min", "option '--mode': 'min' is none of sum|mean|max");
    assert_args_refused("--no-steps",
                        "no option '--no-steps' (there are --flag, --steps, --scaling-factor, "
                        "--name, --mode, --weights, --layers, --extra)");
    assert_args_refused("--extra x", "option '--extra': expects anything, found 'x'");
}

static void test_the_table_prints_itself(void **state) {
    struct fb_err err = {0};
    struct fb_str text = {0};

    (void)state;
    assert_int_equal(fb_opts_print(&text, table, false, &err), FB_OK);
    assert_string_equal(
        text.data,
        "  flag                     whether to (true or false, default true)\n"
        "  steps                    how many (integer, default 3; 1 .. 10)\n"
        "  scaling_factor           weight of the task vectors (number, default 0.3; -10.0 .. "
        "10.0)\n"
        "  name                     what to call it (string, default null)\n"
        "  mode                     how to merge (choice, default sum; sum|mean|max)\n"
        "  weights                  one per model (list of numbers, default [0.5, 0.5]; 0.0 .. "
        "1.0)\n"
        "  layers                   patterns (list of strings, default null)\n"
        "  extra                    anything (anything, default null)\n");
    fb_str_free(&text);
    assert_int_equal(fb_opts_print(&text, table, true, &err), FB_OK);
    assert_non_null(strstr(text.data, "  --scaling-factor         weight"));
    fb_str_free(&text);
}

static void test_the_table_is_also_data(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str json = {0};
    const struct fb_node *list = fb_opts_node(table, &a, &err);

    (void)state;
    assert_int_equal(list->count, 8);
    assert_int_equal(fb_json_print(&json, list->item[1], &err), FB_OK);
    assert_string_equal(json.data,
                        "{\"key\": \"steps\", \"type\": \"integer\", \"default\": \"3\", "
                        "\"least\": 1.0, \"most\": 10.0, \"help\": \"how many\"}");
    fb_str_free(&json);
    assert_int_equal(fb_json_print(&json, list->item[4], &err), FB_OK);
    assert_string_equal(json.data,
                        "{\"key\": \"mode\", \"type\": \"choice\", \"default\": \"sum\", "
                        "\"choices\": \"sum|mean|max\", \"help\": \"how to merge\"}");
    fb_str_free(&json);
    fb_arena_free(&a);
}

static int attempt(void *arg) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct opts o = {0};
    int rc = fb_opts_read(table, &o, arg, NULL, &a, &err);

    fb_arena_free(&a);
    return rc;
}

static void test_failing_allocations_are_reported(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str text = {0};
    struct fb_node *map;

    (void)state;
    assert_int_equal(fb_str_puts(&text, "layers: [x", &err), FB_OK);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(fb_str_puts(&text, ", x", &err), FB_OK);
    assert_int_equal(fb_str_puts(&text, "]\n", &err), FB_OK);
    assert_int_equal(fb_yaml_parse(&map, &a, text.data, text.size, NULL, &err), FB_OK);
    assert_in_range(for_each_allocation_failure(attempt, map, 100), 2, 100);
    fb_str_free(&text);
    fb_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_mapping_all_defaults_hold),
        cmocka_unit_test(test_values_replace_defaults),
        cmocka_unit_test(test_null_empties_what_can_be_empty),
        cmocka_unit_test(test_messages_name_place_option_value_and_limit),
        cmocka_unit_test(test_a_wrong_default_is_found),
        cmocka_unit_test(test_arguments_set_options_and_leave_the_rest),
        cmocka_unit_test(test_wrong_arguments_are_usage_errors),
        cmocka_unit_test(test_the_table_prints_itself),
        cmocka_unit_test(test_the_table_is_also_data),
        cmocka_unit_test(test_failing_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
