#include "data/prompt.h"

#include "base/map.h"
#include "data/glue.h"
#include "scratch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Opens rows written as JSON lines as prompts of a task; the code of the first failure. */
static int open_rows(struct fb_dataset *data, struct fb_prompts *p, const char *rows,
                     const char *task, struct fb_err *err) {
    scratch_make();
    *err = (struct fb_err){0};
    assert_int_equal(fb_dataset_open(data, scratch_write("rows.jsonl", rows), -1, err), FB_OK);
    scratch_remove();
    return fb_prompts_open(p, data, fb_template_find(task), err);
}

static void test_a_row_is_printed_as_python_prints_it(void **state) {
    struct fb_dataset data;
    struct fb_prompts p;
    struct fb_str out = {0};
    struct fb_err err;

    (void)state;
    assert_int_equal(open_rows(&data, &p,
                               "{\"sentence\": \"a \\\"b\\\" \u00e9 {x}\", "
                               "\"label\": 1}\n",
                               "sst2", &err),
                     FB_OK);
    assert_int_equal(fb_prompt_print(&out, &p, 0, &err), FB_OK);
    assert_string_equal(out.data, "{\"input_text\": \"Given the sentence 'a \\\"b\\\" \u00e9 {x}', "
                                  "determine the sentiment. Is it positive or negative?\", "
                                  "\"target_text\": \"positive\"}");
    fb_str_free(&out);
    fb_dataset_free(&data);
}

static void test_columns_that_do_not_fit_are_named(void **state) {
    static const struct {
        const char *rows, *task, *message;
    } wrong[] = {
        {"{\"sentence\": \"a\"}", "cola",
         "the answer of task 'cola': dataset '%s': no column 'label' (columns: sentence)"},
        {"{\"label\": 1}", "cola",
         "the prompt of task 'cola': dataset '%s': no column 'sentence' (columns: label)"},
        {"{\"sentence\": 5, \"label\": 1}", "cola",
         "the prompt of task 'cola': column 'sentence' holds no text"},
        {"{\"sentence\": \"a\", \"label\": \"yes\"}", "cola",
         "the answer of task 'cola': column 'label' holds text where task 'cola' has classes 0, 1, "
         "..."},
        {"{\"sentence\": \"a\", \"label\": 0.5}", "cola",
         "the answer of task 'cola': column 'label' holds fractions where task 'cola' has classes "
         "0, 1, ..."},
        {"{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": \"1\"}", "stsb",
         "the answer of task 'stsb': column 'label' holds text where task 'stsb' has a score"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fb_dataset data;
        struct fb_prompts p;
        struct fb_err err;
        char expected[512];
        assert_true(open_rows(&data, &p, wrong[i].rows, wrong[i].task, &err) < 0);
        snprintf(expected, sizeof expected, wrong[i].message, data.source);
        assert_string_equal(err.msg, expected);
        fb_dataset_free(&data);
    }
}

static void test_nulls_are_named_with_their_row(void **state) {
    struct fb_dataset data;
    struct fb_prompts p;
    struct fb_str out = {0};
    struct fb_err err;

    (void)state;
    assert_int_equal(open_rows(&data, &p,
                               "{\"sentence\": null, \"label\": 1}\n"
                               "{\"sentence\": \"a\", \"label\": null}\n",
                               "cola", &err),
                     FB_OK);
    assert_int_equal(fb_prompt_print(&out, &p, 0, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "row 0: column 'sentence' is null");
    assert_int_equal(fb_prompt_print(&out, &p, 1, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "row 1: column 'label' is null");
    fb_str_free(&out);
    fb_dataset_free(&data);
}

static uint64_t digest(uint64_t h, const struct fb_str *text) {
    for (size_t i = 0; i <= text->size; i++) /* the zero byte too */
        h = (h ^ (uint8_t)text->data[i]) * 0x100000001b3u;
    return h;
}

static void check_task(const char *name, int64_t rows, uint64_t expected) {
    const struct fb_glue_task *task = fb_glue_find(name);
    uint64_t found = 0xcbf29ce484222325u;
    struct fb_dataset data;
    struct fb_prompts p;
    struct fb_str text = {0};
    struct fb_err err = {0};

    assert_int_equal(fb_glue_open(&data, task, task->validation, FB_SHARED_DATA, -1, &err), FB_OK);
    assert_int_equal(data.rows, rows);
    assert_int_equal(fb_prompts_open(&p, &data, fb_template_find(name), &err), FB_OK);
    for (int64_t row = 0; row < rows; row++) {
        text.size = 0;
        assert_int_equal(fb_prompt_input(&text, &p, row, &err), FB_OK);
        found = digest(found, &text);
        text.size = 0;
        assert_int_equal(fb_prompt_target(&text, &p, row, &err), FB_OK);
        found = digest(found, &text);
    }
    if (found != expected) fail_msg("%s: %016" PRIx64, name, found);
    fb_str_free(&text);
    fb_dataset_free(&data);
}

static void test_all_validation_prompts_are_those_of_the_reference(void **state) {
    FILE *f = fopen(FB_GOLDEN_DIR "/data/prompts.txt", "r");
    int64_t rows;
    uint64_t expected;
    char name[16];
    int count = 0;

    (void)state;
    assert_non_null(f);
    if (!fb_is_file(FB_SHARED_DATA "/README.md")) {
        fclose(f);
        print_message("SKIPPED: no shared data\n");
        skip();
    }
    for (; fscanf(f, "%15s %" SCNd64 " %" SCNx64, name, &rows, &expected) == 3; count++)
        check_task(name, rows, expected);
    fclose(f);
    assert_int_equal(count, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_is_printed_as_python_prints_it),
        cmocka_unit_test(test_columns_that_do_not_fit_are_named),
        cmocka_unit_test(test_nulls_are_named_with_their_row),
        cmocka_unit_test(test_all_validation_prompts_are_those_of_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
