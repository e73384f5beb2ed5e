#include "data/tsv.h"

#include "alloc_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct fb_tsv_form tsv = {.separator = '\t'};
static const struct fb_tsv_form csv = {.separator = ',', .quotes = true};

static void check(const struct fb_tsv_form *form, const char *text, int64_t limit,
                  const char *expected) {
    struct fb_err err = {0};
    struct fb_str out = {0};
    struct fb_dataset d;

    if (fb_tsv_read(&d, text, strlen(text), form, limit, &err)) fail_msg("%s", err.msg);
    for (int64_t row = 0; row < d.rows; row++) {
        assert_int_equal(fb_dataset_print_row(&out, &d, row, &err), FB_OK);
        assert_int_equal(fb_str_putc(&out, '\n', &err), FB_OK);
    }
    assert_string_equal(fb_str_text(&out), expected);
    fb_str_free(&out);
    fb_dataset_free(&d);
}

static void check_refused(const struct fb_tsv_form *form, const char *text, const char *message) {
    struct fb_err err = {0};
    struct fb_dataset d;

    assert_int_equal(fb_tsv_read(&d, text, strlen(text), form, -1, &err), FB_EFORMAT);
    assert_string_equal(err.msg, message);
    assert_null(d.column);
}

static void test_a_quote_in_tsv_is_a_character(void **state) {
    (void)state;
    check(
        &tsv, "s\tlabel\n\"open quote\t1\na \"word\" \t0\r\n", -1,
        "{\"s\": \"\\\"open quote\", \"label\": 1}\n{\"s\": \"a \\\"word\\\" \", \"label\": 0}\n");
}

static void test_csv_follows_rfc_4180(void **state) {
    (void)state;
    check(&csv, "\xef\xbb\xbf\"a, b\",n\r\n\"x \"\"y\"\"\nz\",1\r\nplain,2", -1,
          "{\"a, b\": \"x \\\"y\\\"\\nz\", \"n\": 1}\n{\"a, b\": \"plain\", \"n\": 2}\n");
}

static void test_columns_are_numbers_when_every_field_is(void **state) {
    (void)state;
    check(&tsv, "int\treal\ttext\tid\n1\t0.5\tx\t007\n-2\t3\t4\t12\n", -1,
          "{\"int\": 1, \"real\": 0.5, \"text\": \"x\", \"id\": \"007\"}\n"
          "{\"int\": -2, \"real\": 3.0, \"text\": \"4\", \"id\": \"12\"}\n");
}

static void test_empty_fields_are_nulls_of_numbers_only(void **state) {
    (void)state;
    check(&tsv, "n\ts\tnone\n1\tx\t\n\t\t\n", -1,
          "{\"n\": 1, \"s\": \"x\", \"none\": \"\"}\n"
          "{\"n\": null, \"s\": \"\", \"none\": \"\"}\n");
}

static void test_names_may_be_given(void **state) {
    static const char *const header[] = {"a", "b", NULL};
    const struct fb_tsv_form form = {.separator = '\t', .text_only = true, .header = header};

    (void)state;
    check(&form, "1\t2\n", -1, "{\"a\": \"1\", \"b\": \"2\"}\n");
}

static void test_a_limit_stops_the_reading(void **state) {
    (void)state;
    check(&tsv, "a\tb\n1\t2\nx\n", 1, "{\"a\": 1, \"b\": 2}\n");
    check(&tsv, "a\n", -1, "");
    check(&tsv, "", -1, "");
}

static void test_errors_name_the_line(void **state) {
    (void)state;
    check_refused(&tsv, "a\tb\n1\t2\n3\n", "line 3: 1 fields, expected 2");
    check_refused(&tsv, "a\tb\n1\t2\t3\n", "line 2: 3 fields, expected 2");
    check_refused(&tsv, "a\ta\n", "line 1: two columns are named 'a'");
    check_refused(&csv, "a\n\"x\ny\"\n\"open\n", "line 4: a quote is never closed");
    check_refused(&csv, "a\n\"x\"y\n", "line 2: text after a closing quote");
}

static int attempt(void *arg) {
    static const char text[] = "a,b,c\n\"x \"\"y\"\"\",1,0.5\nplain,,2\n";
    struct fb_err err = {0};
    struct fb_dataset d;
    int rc = fb_tsv_read(&d, text, sizeof text - 1, &csv, -1, &err);

    (void)arg;
    fb_dataset_free(&d);
    return rc;
}

static void test_survives_every_allocation_failure(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(attempt, NULL, 1000) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_quote_in_tsv_is_a_character),
        cmocka_unit_test(test_csv_follows_rfc_4180),
        cmocka_unit_test(test_columns_are_numbers_when_every_field_is),
        cmocka_unit_test(test_empty_fields_are_nulls_of_numbers_only),
        cmocka_unit_test(test_names_may_be_given),
        cmocka_unit_test(test_a_limit_stops_the_reading),
        cmocka_unit_test(test_errors_name_the_line),
        cmocka_unit_test(test_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
