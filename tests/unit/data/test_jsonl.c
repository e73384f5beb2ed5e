#include "data/jsonl.h"

#include "alloc_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *text, int64_t limit, const char *expected) {
    struct fb_err err = {0};
    struct fb_str out = {0};
    struct fb_dataset d;

    if (fb_jsonl_read(&d, text, strlen(text), limit, &err)) fail_msg("%s", err.msg);
    for (int64_t row = 0; row < d.rows; row++) {
        assert_int_equal(fb_dataset_print_row(&out, &d, row, &err), FB_OK);
        assert_int_equal(fb_str_putc(&out, '\n', &err), FB_OK);
    }
    assert_string_equal(fb_str_text(&out), expected);
    fb_str_free(&out);
    fb_dataset_free(&d);
}

static void check_refused(const char *text, const char *message) {
    struct fb_err err = {0};
    struct fb_dataset d;

    assert_int_equal(fb_jsonl_read(&d, text, strlen(text), -1, &err), FB_EFORMAT);
    assert_string_equal(err.msg, message);
    assert_null(d.column);
}

static void test_columns_are_the_union_in_order_of_appearance(void **state) {
    (void)state;
    check("{\"a\": 1}\n{\"b\": \"x\", \"a\": 2}\n{\"c\": true}", -1,
          "{\"a\": 1, \"b\": null, \"c\": null}\n"
          "{\"a\": 2, \"b\": \"x\", \"c\": null}\n"
          "{\"a\": null, \"b\": null, \"c\": true}\n");
}

static void test_blank_lines_line_ends_and_a_mark_are_accepted(void **state) {
    (void)state;
    check("\xef\xbb\xbf\r\n\n {\"a\": 1}\r\n\r\n  \n{\"a\": 2}", -1, "{\"a\": 1}\n{\"a\": 2}\n");
    check("", -1, "");
    check("\n \n", -1, "");
}

static void test_integers_and_reals_become_reals(void **state) {
    (void)state;
    check("{\"a\": 1}\n{\"a\": 2.5}\n{\"a\": null}\n", -1,
          "{\"a\": 1.0}\n{\"a\": 2.5}\n{\"a\": null}\n");
}

static void test_nested_values_become_their_text(void **state) {
    (void)state;
    check("{\"a\": [1, 0.1, {\"k\": \"v\\n\"}], \"b\": {}}\n{\"a\": \"plain\", \"b\": []}\n", -1,
          "{\"a\": \"[1,0.1,{\\\"k\\\":\\\"v\\\\n\\\"}]\", \"b\": \"{}\"}\n"
          "{\"a\": \"plain\", \"b\": \"[]\"}\n");
}

static void test_a_list_and_an_object_may_hold_the_rows(void **state) {
    (void)state;
    check("[{\"a\": 1},\n {\"a\": 2}]\n", -1, "{\"a\": 1}\n{\"a\": 2}\n");
    check("{\"0\": {\"a\": 1}, \"1\": {\"a\": 2}}", -1, "{\"a\": 1}\n{\"a\": 2}\n");
    check("{\n  \"0\": {\"a\": 1},\n  \"1\": {\"a\": 2}\n}\n", -1, "{\"a\": 1}\n{\"a\": 2}\n");
    check("[]", -1, "");
}

static void test_a_limit_stops_the_reading(void **state) {
    (void)state;
    check("{\"a\": 1}\n{\"a\": 2}\nnonsense", 2, "{\"a\": 1}\n{\"a\": 2}\n");
    check("[{\"a\": 1}, {\"a\": 2}]", 1, "{\"a\": 1}\n");
    check("{\"0\": {\"a\": 1}, \"1\": {\"a\": 2}}", 1, "{\"a\": 1}\n");
}

static void test_errors_name_the_line(void **state) {
    (void)state;
    check_refused("{\"a\": 1}\n\n{\"a\": x}\n", "line 3: not valid JSON: invalid token near 'x'");
    check_refused("{\"a\": 1}\n{\"a\": \"t\"}\n",
                  "line 2: column 'a' holds text here and an integer above");
    check_refused("{\"a\": 1}\n[1]\n", "line 2: is not a JSON object");
    check_refused("{\"a\": 1, \"a\": 2}\n",
                  "line 1: not valid JSON: duplicate object key near '\"a\"'");
    check_refused("[{\"a\": 1},\n{\"a\": 1}\n3]", "line 3: not valid JSON: ']' expected near '3'");
    check_refused("[{\"a\": 1}, 7]", "row 2: is not a JSON object");
    check_refused("{\n\"0\": {\"a\": 1},\n\"1\": 7}", "row '1': is not a JSON object");
    check_refused("{\"a\": 18446744073709551616}",
                  "line 1: not valid JSON: too big integer near '18446744073709551616'");
    check_refused("{\"a\": NaN}", "line 1: not valid JSON: invalid token near 'NaN'");
    check_refused("{\"a\": \"\xff\"}",
                  "line 1: not valid JSON: unable to decode byte 0xff near '\"'");
}

static int attempt(void *arg) {
    static const char text[] =
        "{\"a\": 1, \"n\": [1]}\n{\"b\": \"text\", \"a\": 2.5}\n{\"c\": true}";
    struct fb_err err = {0};
    struct fb_dataset d;
    int rc = fb_jsonl_read(&d, text, sizeof text - 1, -1, &err);

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
        cmocka_unit_test(test_columns_are_the_union_in_order_of_appearance),
        cmocka_unit_test(test_blank_lines_line_ends_and_a_mark_are_accepted),
        cmocka_unit_test(test_integers_and_reals_become_reals),
        cmocka_unit_test(test_nested_values_become_their_text),
        cmocka_unit_test(test_a_list_and_an_object_may_hold_the_rows),
        cmocka_unit_test(test_a_limit_stops_the_reading),
        cmocka_unit_test(test_errors_name_the_line),
        cmocka_unit_test(test_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
