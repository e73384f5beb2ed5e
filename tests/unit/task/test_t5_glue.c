#include "task/task.h"

#include "cli/captured.h"
#include "config/compose.h"
#include "config/interp.h"

extern const struct fb_task_pool fb_task_pool_t5_glue;

static const char *const ignored[] = {"type", NULL};

/* The task pool of the shipped configuration after the overrides, through the options table. */
static int read_options(struct fb_err *err, const char *const *words) {
    struct fb_compose_request request = {.config_path = "embedded:config", .overrides = words};
    struct fb_arena a = {0};
    struct fb_interp in = {.arena = &a, .keep_missing = true};
    struct fb_composed c;
    struct fb_node *node;
    void *opts;
    int rc;

    memset(err, 0, sizeof *err);
    while (words[request.override_count])
        request.override_count++;
    if (fb_compose(&c, &request, &a, err)) fail_msg("%s", err->msg);
    in.hydra = fb_node_get(c.all, "hydra");
    if (!(node = fb_interp_resolved(&in, fb_node_get(c.job, "taskpool"), err)))
        fail_msg("%s", err->msg);
    assert_ptr_equal(fb_task_pool_find(node, err), &fb_task_pool_t5_glue);
    opts = fb_arena_calloc(&a, 1, fb_task_pool_t5_glue.opts_size, err);
    assert_non_null(opts);
    rc = fb_opts_read(fb_task_pool_t5_glue.opts, opts, node, ignored, &a, err);
    fb_arena_free(&a);
    return rc;
}

static void test_the_shipped_configuration_fits_the_options(void **state) {
    struct fb_err err;

    (void)state;
    if (read_options(&err, WORDS("taskpool=flan-t5_glue_text_generation"))) fail_msg("%s", err.msg);
}

static void test_wrong_options_are_refused_with_the_limit(void **state) {
    struct fb_err err;

    (void)state;
    assert_int_equal(
        read_options(&err, WORDS("taskpool=flan-t5_glue_text_generation", "taskpool.batch_size=0")),
        FB_ECONFIG);
    assert_string_equal(err.msg, "command line: option 'batch_size': 0 is outside 1 .. 65536");
    assert_int_equal(
        read_options(&err, WORDS("taskpool=flan-t5_glue_text_generation", "+taskpool.workers=1")),
        FB_ECONFIG);
    assert_string_equal(err.msg, "command line: no option 'workers' (did you mean 'num_workers'?)");
}

/* Nothing of the Flan-T5 pool's data is there: the models are looked at first. */
static void test_a_pool_of_other_models_is_refused_before_a_run(void **state) {
    static struct captured c;

    (void)state;
    scratch_make();
    captured_run(&c,
                 WORDS("-q", "--config-path", "embedded:config", "modelpool=gpt-2_demo",
                       "taskpool=flan-t5_glue_text_generation"),
                 NULL);
    assert_int_equal(c.status, 1);
    assert_string_equal(c.out, "");
    assert_string_equal(c.err, "fusion_bench: taskpool: the model pool holds 'gpt2' models, and "
                               "text is generated with T5 models\n");
    scratch_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_shipped_configuration_fits_the_options),
        cmocka_unit_test(test_wrong_options_are_refused_with_the_limit),
        cmocka_unit_test(test_a_pool_of_other_models_is_refused_before_a_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
