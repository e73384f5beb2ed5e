#include "text/template.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *column_text(void *self, const char *column, size_t *size, struct fb_err *err) {
    const char *const *fail = self;

    if (*fail && !strcmp(*fail, column)) {
        fb_fail(err, FB_ENOTFOUND, "no column '%s'", column);
        return NULL;
    }
    column = !strcmp(column, "premise") ? "{premise}" : "\"sentence2}";
    *size = strlen(column);
    return column;
}

static void test_columns_replace_their_places_and_braces_in_them_stay(void **state) {
    const struct fb_template *t = fb_template_find("mnli");
    const char *fail = NULL;
    struct fb_str out = {0};
    struct fb_err err = {0};

    (void)state;
    assert_non_null(t);
    assert_int_equal(fb_template_input(&out, t, column_text, &fail, &err), FB_OK);
    assert_string_equal(out.data, "Does the premise: '{premise}' logically imply, contradict, or "
                                  "is neutral to the hypothesis: '\"sentence2}'? Answere with "
                                  "'entailment', 'contradiction', or 'neutral'.");
    fb_str_free(&out);
}

static void test_a_failure_leaves_the_text_as_it_was(void **state) {
    const char *fail = "hypothesis";
    struct fb_str out = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_str_puts(&out, "before", &err), FB_OK);
    assert_int_equal(fb_template_input(&out, fb_template_find("mnli"), column_text, &fail, &err),
                     FB_ENOTFOUND);
    assert_string_equal(out.data, "before");
    assert_int_equal(out.size, 6);
    assert_string_equal(err.msg, "no column 'hypothesis'");
    fb_str_free(&out);
}

static void check_target(const char *task, double label, const char *expected) {
    struct fb_str out = {0};
    struct fb_err err = {0};

    assert_int_equal(fb_template_target(&out, fb_template_find(task), label, &err), FB_OK);
    assert_string_equal(fb_str_text(&out), expected);
    fb_str_free(&out);
}

/* 3.25 and 4.75 are exact in binary, and go to the even digit; 3.8f widened is 3.79999995... */
static void test_answers_are_words_or_one_decimal(void **state) {
    (void)state;
    check_target("cola", 0, "unacceptable");
    check_target("mnli", 2, "contradiction");
    check_target("rte", 0, "yes");
    check_target("mrpc", 0, "no");
    check_target("cola", 2, "");
    check_target("cola", -1, "");
    check_target("stsb", 3.25, "3.2");
    check_target("stsb", 4.75, "4.8");
    check_target("stsb", (double)3.8f, "3.8");
    check_target("stsb", -1, "-1.0");
    check_target("stsb", -(double)NAN, "nan");
    check_target("stsb", (double)INFINITY, "inf");
}

static void test_there_are_eight_and_others_are_not_found(void **state) {
    int n = 0;

    (void)state;
    for (; fb_templates[n].task; n++)
        assert_ptr_equal(fb_template_find(fb_templates[n].task), &fb_templates[n]);
    assert_int_equal(n, 8);
    assert_null(fb_template_find("wnli"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_replace_their_places_and_braces_in_them_stay),
        cmocka_unit_test(test_a_failure_leaves_the_text_as_it_was),
        cmocka_unit_test(test_answers_are_words_or_one_decimal),
        cmocka_unit_test(test_there_are_eight_and_others_are_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
