#include "data/glue.h"

#include "alloc_faults.h"
#include "base/file.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char folder[512];

/* No data set of the user's own is found by accident. */
static int make(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s", scratch_make());
    unsetenv("FUSION_BENCH_DATA_DIR");
    setenv("HF_DATASETS_CACHE", scratch_path("prepared"), 1);
    return setenv("HF_HUB_CACHE", scratch_path("hub"), 1);
}

static int drop(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

static void check(const char *task, const char *split, const char *data_dir, int64_t limit,
                  const char *expected) {
    struct fb_err err = {0};
    struct fb_str out = {0};
    struct fb_dataset d;

    if (fb_glue_open(&d, fb_glue_find(task), split, data_dir, limit, &err)) fail_msg("%s", err.msg);
    for (int64_t row = 0; row < d.rows; row++) {
        assert_int_equal(fb_dataset_print_row(&out, &d, row, &err), FB_OK);
        assert_int_equal(fb_str_putc(&out, '\n', &err), FB_OK);
    }
    assert_string_equal(fb_str_text(&out), expected);
    fb_str_free(&out);
    fb_dataset_free(&d);
}

static void write_row(const char *name, const char *sentence) {
    char text[128];

    snprintf(text, sizeof text, "{\"sentence\": \"%s\", \"label\": 1}\n", sentence);
    scratch_write(name, text);
}

static void check_row(const char *task, const char *split, const char *data_dir,
                      const char *sentence) {
    char text[128];

    snprintf(text, sizeof text, "{\"sentence\": \"%s\", \"label\": 1}\n", sentence);
    check(task, split, data_dir, -1, text);
}

static void test_tasks_are_found_by_name(void **state) {
    (void)state;
    assert_string_equal(fb_glue_find("glue-cola")->name, "cola");
    assert_string_equal(fb_glue_find("glue/mnli")->validation, "validation_matched");
    assert_int_equal(fb_glue_find("stsb")->labels, 0);
    assert_string_equal(fb_glue_find("rte")->label_names[1], "not_entailment");
    assert_null(fb_glue_find("wnli"));
}

static void test_folders_are_searched_in_order(void **state) {
    (void)state;
    scratch_write("SST-2/dev.tsv", "sentence\tlabel\noriginal\t1\n");
    check("sst2", "validation", folder, -1,
          "{\"sentence\": \"original\", \"label\": 1, \"idx\": 0}\n");
    write_row("sst2/validation.jsonl", "short");
    check_row("sst2", "validation", folder, "short");
    write_row("glue/sst2/validation.json", "below glue");
    check_row("sst2", "validation", folder, "below glue");
}

static void test_the_environment_comes_after_the_option_and_the_cache_last(void **state) {
    (void)state;
    write_row("hub/datasets--nyu-mll--glue/snapshots/0123/sst2/validation.jsonl", "cache");
    check_row("sst2", "validation", NULL, "cache");
    write_row("env/sst2/validation.jsonl", "environment");
    setenv("FUSION_BENCH_DATA_DIR", scratch_path("env"), 1);
    check_row("sst2", "validation", NULL, "environment");
    write_row("own/sst2/validation.jsonl", "option");
    check_row("sst2", "validation", scratch_path("own"), "option");
    check_row("sst2", "validation", scratch_path("elsewhere"), "environment");
}

static void test_validation_of_mnli_is_the_matched_split(void **state) {
    static const char row[] = "{\"premise\": \"%s\", \"hypothesis\": \"B\", \"label\": 2}\n";
    char plain[128], matched[128];

    (void)state;
    snprintf(plain, sizeof plain, row, "plain");
    snprintf(matched, sizeof matched, row, "matched");
    scratch_write("mnli/validation.jsonl", plain);
    check("mnli", "validation_matched", folder, -1, plain);
    scratch_write("mnli/validation_matched.jsonl", matched);
    check("mnli", "validation", folder, -1, matched);
    check("mnli", "validation_matched", folder, -1, matched);
}

static void copy_shard(const char *name, const char *to) {
    char from[1024];
    struct fb_err err = {0};

    snprintf(from, sizeof from, "%s/data/%s.parquet", FB_GOLDEN_DIR, name);
    scratch_path(to); /* makes the folders */
    assert_int_equal(fb_file_copy(from, scratch_path(to), &err), FB_OK);
}

/* Three files of 48 rows with the same columns; the task is made to fit them. */
static void test_shards_are_joined_in_order(void **state) {
    static const struct fb_glue_task own = {"own", {"unique", NULL}, "label", "train",
                                            3,     {NULL},           0};
    struct fb_err err = {0};
    struct fb_dataset d;
    size_t size;

    (void)state;
    copy_shard("full_none_v1_dict", "own/train-00000-of-00003.parquet");
    copy_shard("full_zstd_v2_dict", "own/train-00001-of-00003.parquet");
    assert_int_equal(fb_glue_open(&d, &own, "train", folder, -1, &err), FB_EFORMAT);
    assert_non_null(strstr(err.msg, "own': 2 of 3 parts of 'train' are there"));
    copy_shard("full_delta", "own/train-00002-of-00003.parquet");
    assert_int_equal(fb_glue_open(&d, &own, "train", folder, -1, &err), FB_OK);
    assert_int_equal(d.rows, 144);
    assert_memory_equal(fb_column_text(fb_dataset_column(&d, "unique", &err), 97, &size),
                        "row 001 x", 9);
    fb_dataset_free(&d);
    assert_int_equal(fb_glue_open(&d, &own, "train", folder, 50, &err), FB_OK);
    assert_int_equal(d.rows, 50);
    fb_dataset_free(&d);
    assert_int_equal(rename(scratch_path("own/train-00000-of-00003.parquet"),
                            scratch_path("own/train-00000-of-00002.parquet")),
                     0);
    assert_int_equal(fb_glue_open(&d, &own, "train", folder, -1, &err), FB_EFORMAT);
    assert_non_null(strstr(err.msg, "found 'train-00001-of-00003.parquet', expected part 1 of 2"));
}

/* Two files of the library `datasets`, the hub's cache before them. */
static void test_what_datasets_has_prepared_comes_last(void **state) {
    static const char place[] =
        "prepared/nyu-mll___glue/sst2/0.0.0/bcdcba79/glue-validation-0000%d-of-00002.arrow";
    char from[1024], to[128];
    struct fb_err err = {0};

    (void)state;
    snprintf(from, sizeof from, "%s/data/sst2.arrow", FB_GOLDEN_DIR);
    for (int i = 0; i < 2; i++) {
        snprintf(to, sizeof to, place, i);
        assert_int_equal(fb_file_copy(from, scratch_path(to), &err), FB_OK);
    }
    check("sst2", "validation", NULL, 3,
          "{\"sentence\": \"a fine film \", \"label\": 1, \"idx\": 0}\n"
          "{\"sentence\": \"dull \", \"label\": 0, \"idx\": 1}\n"
          "{\"sentence\": \"a fine film \", \"label\": 1, \"idx\": 0}\n");
    write_row("hub/datasets--nyu-mll--glue/snapshots/0123/sst2/validation.jsonl", "hub");
    check_row("sst2", "validation", NULL, "hub");
}

static void test_nothing_found_says_every_place(void **state) {
    char message[4096];
    struct fb_err err = {0};
    struct fb_dataset d;

    (void)state;
    snprintf(
        message, sizeof message,
        "no data for glue/cola, split 'train': looked for train (-*.parquet, .parquet, .jsonl, "
        ".json, .tsv) in %s/glue/cola, %s/cola, %s/glue/CoLA, %s/CoLA, %s/hub for dataset "
        "nyu-mll/glue, %s/hub for dataset glue, "
        "%s/prepared/{nyu-mll___glue,glue}/cola. Name the folder that holds glue/cola with "
        "path.data_dir, --data-dir or FUSION_BENCH_DATA_DIR, or run 'huggingface-cli download "
        "--repo-type dataset nyu-mll/glue' on a machine with network",
        folder, folder, folder, folder, folder, folder, folder);
    assert_int_equal(fb_glue_open(&d, fb_glue_find("cola"), "train", folder, -1, &err),
                     FB_ENOTFOUND);
    assert_string_equal(err.msg, message);
    assert_null(d.column);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_dataset d;
    int rc = fb_glue_open(&d, arg, "validation", folder, -1, &err);

    fb_dataset_free(&d);
    return rc;
}

static void test_survives_every_allocation_failure(void **state) {
    static const struct fb_glue_task own = {"own", {"unique", NULL}, "label", "validation",
                                            3,     {NULL},           0};
    static const struct fb_glue_task cached = {
        "sst2", {"sentence", NULL}, "label", "validation", 2, {NULL}, 0};

    (void)state;
    copy_shard("full_none_v1_dict", "own/validation-00000-of-00002.parquet");
    copy_shard("full_delta", "own/validation-00001-of-00002.parquet");
    assert_true(for_each_allocation_failure(attempt, (void *)(uintptr_t)&own, 2000) > 50);
    write_row("hub/datasets--glue/snapshots/0123/sst2/validation.jsonl", "cache");
    assert_true(for_each_allocation_failure(attempt, (void *)(uintptr_t)&cached, 2000) > 20);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks_are_found_by_name),
        SCRATCH_TEST(test_folders_are_searched_in_order),
        SCRATCH_TEST(test_the_environment_comes_after_the_option_and_the_cache_last),
        SCRATCH_TEST(test_validation_of_mnli_is_the_matched_split),
        SCRATCH_TEST(test_shards_are_joined_in_order),
        SCRATCH_TEST(test_what_datasets_has_prepared_comes_last),
        SCRATCH_TEST(test_nothing_found_says_every_place),
        SCRATCH_TEST(test_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
