#include "data/glue_form.h"

#include "alloc_faults.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int make(void **state) {
    (void)state;
    scratch_make();
    return 0;
}

static int drop(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

static int open_as(struct fb_dataset *d, const char *task, const char *split, const char *text,
                   struct fb_err *err) {
    return fb_glue_open_tsv(d, scratch_write("dev.tsv", text), fb_glue_find(task), split, -1, err);
}

static void check(const char *task, const char *split, const char *text, const char *expected) {
    struct fb_err err = {0};
    struct fb_str out = {0};
    struct fb_dataset d;

    if (open_as(&d, task, split, text, &err)) fail_msg("%s", err.msg);
    for (int64_t row = 0; row < d.rows; row++) {
        assert_int_equal(fb_dataset_print_row(&out, &d, row, &err), FB_OK);
        assert_int_equal(fb_str_putc(&out, '\n', &err), FB_OK);
    }
    assert_string_equal(fb_str_text(&out), expected);
    fb_str_free(&out);
    fb_dataset_free(&d);
}

/* The head lines of the original distribution, and what the published data set makes of them. */
static void test_original_files_become_the_published_columns(void **state) {
    (void)state;
    check("cola", "validation", "gj04\t1\t\tOne.\ngj04\t0\t*\tTwo \"2.\n",
          "{\"sentence\": \"One.\", \"label\": 1, \"idx\": 0}\n"
          "{\"sentence\": \"Two \\\"2.\", \"label\": 0, \"idx\": 1}\n");
    check("cola", "validation", "sentence\tlabel\nOne.\t1\n",
          "{\"sentence\": \"One.\", \"label\": 1, \"idx\": 0}\n");
    check("mnli", "validation_matched",
          "index\tsentence1_parse\tsentence1\tsentence2\tlabel1\tgold_label\n"
          "7\t(p)\tA\tB\tneutral\tcontradiction\n",
          "{\"premise\": \"A\", \"hypothesis\": \"B\", \"label\": 2, \"idx\": 0}\n");
    check("mrpc", "validation",
          "\xef\xbb\xbfQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t2\t3\tA\tB\n",
          "{\"sentence1\": \"A\", \"sentence2\": \"B\", \"label\": 1, \"idx\": 0}\n");
    check("qqp", "validation",
          "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tA\tB\t0\n",
          "{\"question1\": \"A\", \"question2\": \"B\", \"label\": 0, \"idx\": 0}\n");
    check("qnli", "validation", "index\tquestion\tsentence\tlabel\n9\tA\t12\tnot_entailment\n",
          "{\"question\": \"A\", \"sentence\": \"12\", \"label\": 1, \"idx\": 0}\n");
}

/* 3.8 becomes a 32-bit float, as in the published files. */
static void test_scores_are_rounded_to_32_bits(void **state) {
    (void)state;
    check("stsb", "validation", "index\tsentence1\tsentence2\tscore\n0\tA\tB\t3.800\n1\tC\tD\t5\n",
          "{\"sentence1\": \"A\", \"sentence2\": \"B\", \"label\": 3.799999952316284, \"idx\": 0}\n"
          "{\"sentence1\": \"C\", \"sentence2\": \"D\", \"label\": 5.0, \"idx\": 1}\n");
}

static void test_test_splits_have_no_labels(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;

    (void)state;
    check("sst2", "test", "index\tsentence\n0\tA \n",
          "{\"sentence\": \"A \", \"label\": -1, \"idx\": 0}\n");
    check("stsb", "test", "index\tsentence1\tsentence2\n0\tA\tB\n",
          "{\"sentence1\": \"A\", \"sentence2\": \"B\", \"label\": -1.0, \"idx\": 0}\n");
    assert_int_equal(open_as(&d, "sst2", "validation", "index\tsentence\n0\tA \n", &err),
                     FB_ENOTFOUND);
    assert_non_null(strstr(err.msg, "dev.tsv': no column 'label' (columns: index, sentence)"));
}

static void check_refused(const char *task, const char *text, const char *words) {
    struct fb_err err = {0};
    struct fb_dataset d;

    assert_int_equal(open_as(&d, task, "validation", text, &err), FB_EFORMAT);
    if (!strstr(err.msg, words)) fail_msg("%s", err.msg);
    assert_null(d.column);
}

static void test_wrong_labels_name_the_row(void **state) {
    (void)state;
    check_refused("rte", "sentence1\tsentence2\tlabel\nA\tB\tentailment\nA\tB\tmaybe\n",
                  "dev.tsv': row 2: label 'maybe' is neither a name nor a number of the 2 classes");
    check_refused("rte", "sentence1\tsentence2\tlabel\nA\tB\t2\n",
                  "dev.tsv': row 1: label 2, the task has labels 0 to 1");
    check_refused("stsb", "sentence1\tsentence2\tscore\nA\tB\thigh\n",
                  "dev.tsv': row 1: 'high' is not a score");
}

static void open_json(struct fb_dataset *d, const char *text) {
    struct fb_err err = {0};

    if (fb_dataset_open(d, scratch_write("rows.jsonl", text), -1, &err)) fail_msg("%s", err.msg);
}

static void test_json_rows_keep_their_other_columns(void **state) {
    struct fb_err err = {0};
    struct fb_str out = {0};
    struct fb_dataset d;

    (void)state;
    open_json(&d, "{\"id\": 5, \"text_a\": \"A\", \"text_b\": \"B\", \"label\": \"entailment\"}");
    assert_int_equal(fb_glue_publish(&d, fb_glue_find("qnli"), "train", &err), FB_OK);
    assert_int_equal(fb_dataset_print_row(&out, &d, 0, &err), FB_OK);
    assert_string_equal(out.data,
                        "{\"id\": 5, \"question\": \"A\", \"sentence\": \"B\", \"label\": 0}");
    fb_str_free(&out);
    fb_dataset_free(&d);
}

static void test_missing_values_name_the_row(void **state) {
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"{\"sentence\": \"A\", \"label\": 1}\n{\"label\": 1}", "row 2: column 'sentence' is null"},
        {"{\"sentence\": \"A\", \"label\": 1}\n{\"sentence\": \"A\"}", "row 2 has no label"},
        {"{\"sentence\": 3, \"label\": 1}", "column 'sentence' does not hold text"},
        {"{\"sentence\": \"A\", \"label\": 0.5}", "column 'label' holds reals, not class numbers"},
    };
    struct fb_err err = {0};
    struct fb_dataset d;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_json(&d, cases[i].text);
        assert_int_equal(fb_glue_publish(&d, fb_glue_find("sst2"), "train", &err), FB_EFORMAT);
        assert_non_null(strstr(err.msg, cases[i].words));
        fb_dataset_free(&d);
    }
}

static void test_a_task_of_ones_own_needs_no_entry(void **state) {
    static const struct fb_glue_task own = {"own", {"body", NULL},  "class", "validation",
                                            3,     {"a", "b", "c"}, 0};
    struct fb_err err = {0};
    struct fb_dataset d;

    (void)state;
    open_json(&d, "{\"body\": \"A\", \"class\": \"c\"}");
    assert_null(fb_glue_original(&own));
    assert_int_equal(fb_glue_publish(&d, &own, "train", &err), FB_OK);
    assert_int_equal(fb_dataset_column(&d, "class", &err)->integer[0], 2);
    fb_dataset_free(&d);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_dataset d;
    int rc = fb_glue_open_tsv(&d, arg, fb_glue_find("mnli"), "validation", -1, &err);

    fb_dataset_free(&d);
    return rc;
}

static void test_survives_every_allocation_failure(void **state) {
    char path[1024];

    (void)state;
    snprintf(
        path, sizeof path, "%s",
        scratch_write("dev.tsv", "index\tsentence1\tsentence2\tgold_label\n7\tA\tB\tneutral\n"));
    assert_true(for_each_allocation_failure(attempt, path, 1000) > 10);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_original_files_become_the_published_columns),
        SCRATCH_TEST(test_scores_are_rounded_to_32_bits),
        SCRATCH_TEST(test_test_splits_have_no_labels),
        SCRATCH_TEST(test_wrong_labels_name_the_row),
        SCRATCH_TEST(test_json_rows_keep_their_other_columns),
        SCRATCH_TEST(test_missing_values_name_the_row),
        SCRATCH_TEST(test_a_task_of_ones_own_needs_no_entry),
        SCRATCH_TEST(test_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
