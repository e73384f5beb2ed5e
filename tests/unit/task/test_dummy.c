/* The counts in words are the reference's human_readable: two decimals from 1000 on. */
#include "task/task.h"

#include "config/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const struct fb_task_pool fb_task_pool_dummy;

/* Runs the pool over one tensor of n values and returns what it printed. */
static void run(int64_t n, char *printed, size_t size, struct fb_node **report,
                struct fb_arena *a) {
    char path[] = "/tmp/fb_dummy_XXXXXX";
    struct fb_merge merge = {0};
    struct fb_evaluation e = {.merged = &merge, .arena = a};
    struct fb_err err = {0};
    int out = dup(1), file = mkstemp(path);
    ssize_t got;

    assert_non_null(fb_weights_borrow(&merge.weights, "w", 1, &n, NULL, &err));
    e.report = *report = fb_node_map(a, (struct fb_place){0}, &err);
    fflush(stdout);
    dup2(file, 1);
    assert_int_equal(fb_task_pool_dummy.run(&(const char *){NULL}, &e, &err), FB_OK);
    fflush(stdout);
    dup2(out, 1);
    close(out);
    got = pread(file, printed, size - 1, 0);
    assert_true(got > 0);
    printed[got] = '\0';
    close(file);
    unlink(path);
    fb_weights_free(&merge.weights);
}

static void test_counts_are_printed_for_people_and_reported_exactly(void **state) {
    const struct {
        int64_t n;
        const char *words;
    } row[] = {{999, "999"}, {1000, "1.00K"}, {124439808, "124.44M"}, {2850000000, "2.85B"}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct fb_arena a = {0};
        struct fb_node *report;
        char printed[256], expected[256];
        run(row[i].n, printed, sizeof printed, &report, &a);
        snprintf(expected, sizeof expected,
                 "trainable params: %s || all params: %s || trainable%%: 100.0000\n", row[i].words,
                 row[i].words);
        assert_string_equal(printed, expected);
        assert_int_equal(fb_node_at(report, "model_info.all_params")->value.integer, row[i].n);
        assert_true(fb_node_at(report, "model_info.trainable_percentage")->value.real == 1.0);
        fb_arena_free(&a);
    }
}

static void test_saving_through_the_task_pool_is_refused_with_the_remedy(void **state) {
    const char *path = "out";
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_task_pool_dummy.check(&path, NULL, NULL, &err), FB_EUNSUPPORTED);
    assert_string_equal(err.msg, "taskpool.model_save_path: torch pickles are not written; use "
                                 "merged_model_save_path=FOLDER or FILE.safetensors");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_are_printed_for_people_and_reported_exactly),
        cmocka_unit_test(test_saving_through_the_task_pool_is_refused_with_the_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
