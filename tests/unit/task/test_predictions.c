#include "task/predictions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* 0.1f has the digits 0.1, not those of the double 0.10000000149011612. */
static void test_logits_have_the_digits_of_single_precision(void **state) {
    char folder[] = "/tmp/fb_predictions_XXXXXX", path[64], text[512] = "";
    const float logits[] = {0.1f, -16777216.0f, 1e-8f}, odd[] = {NAN, INFINITY, -INFINITY};
    struct fb_predictions p;
    struct fb_err err = {0};
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/p.jsonl", folder);
    assert_int_equal(fb_predictions_create(&p, path, &err), FB_OK);
    assert_int_equal(fb_predictions_add_class(&p, "cola", 0, 1, 2, logits, 3, &err), FB_OK);
    assert_int_equal(fb_predictions_add_class(&p, "a\"b", 1, 0, 0, odd, 3, &err), FB_OK);
    assert_int_equal(access(path, F_OK), -1); /* nothing is there before the commit */
    assert_int_equal(fb_predictions_commit(&p, &err), FB_OK);
    assert_non_null(f = fopen(path, "r"));
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_string_equal(text,
                        "{\"task\": \"cola\", \"index\": 0, \"label\": 1, \"prediction\": 2, "
                        "\"logits\": [0.1, -16777216.0, 1e-08]}\n"
                        "{\"task\": \"a\\\"b\", \"index\": 1, \"label\": 0, \"prediction\": 0, "
                        "\"logits\": [NaN, Infinity, -Infinity]}\n");
    unlink(path);
    rmdir(folder);
}

static void test_generated_answers_keep_text_and_ids(void **state) {
    char folder[] = "/tmp/fb_predictions_XXXXXX", path[64], text[512] = "";
    const int32_t ids[] = {4273, 1};
    const struct fb_prediction_text rows[] = {{"rte", 7, "yes|", "ye\"s|", 3, 4, ids, 2},
                                              {"stsb", 0, "", "", 0, 0, ids, 0}};
    struct fb_predictions p;
    struct fb_err err = {0};
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/p.jsonl", folder);
    assert_int_equal(fb_predictions_create(&p, path, &err), FB_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fb_predictions_add_text(&p, &rows[i], &err), FB_OK);
    assert_int_equal(fb_predictions_commit(&p, &err), FB_OK);
    assert_non_null(f = fopen(path, "r"));
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_string_equal(text, "{\"task\": \"rte\", \"index\": 7, \"label\": \"yes\", "
                              "\"prediction\": \"ye\\\"s\", \"ids\": [4273, 1]}\n"
                              "{\"task\": \"stsb\", \"index\": 0, \"label\": \"\", "
                              "\"prediction\": \"\", \"ids\": []}\n");
    unlink(path);
    rmdir(folder);
}

static void test_without_a_path_nothing_is_kept(void **state) {
    const float logits[] = {0};
    struct fb_predictions p;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_predictions_create(&p, NULL, &err), FB_OK);
    assert_int_equal(fb_predictions_add_class(&p, "cola", 0, 0, 0, logits, 1, &err), FB_OK);
    assert_int_equal(fb_predictions_commit(&p, &err), FB_OK);
    assert_null(p.text.data);
}

static void test_an_abandoned_file_leaves_nothing_behind(void **state) {
    char folder[] = "/tmp/fb_predictions_XXXXXX", path[64];
    struct fb_predictions p;
    struct fb_err err = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/p.jsonl", folder);
    assert_int_equal(fb_predictions_create(&p, path, &err), FB_OK);
    fb_predictions_abandon(&p);
    assert_int_equal(rmdir(folder), 0);
}

static void test_a_path_that_cannot_be_written_is_named(void **state) {
    struct fb_predictions p;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_predictions_create(&p, "/dev/null/p.jsonl", &err), FB_EIO);
    assert_string_equal(err.msg, "predictions '/dev/null/p.jsonl': '/dev/null' is not a folder");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits_have_the_digits_of_single_precision),
        cmocka_unit_test(test_generated_answers_keep_text_and_ids),
        cmocka_unit_test(test_without_a_path_nothing_is_kept),
        cmocka_unit_test(test_an_abandoned_file_leaves_nothing_behind),
        cmocka_unit_test(test_a_path_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
