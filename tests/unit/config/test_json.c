#include "config/json.h"

#include "alloc_faults.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_refused(const char *text, size_t size, const char *message) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *node;

    assert_int_equal(fb_json_parse(&node, &a, text, size, "x.json", &err), FB_EFORMAT);
    assert_string_equal(err.msg, message);
    assert_null(node);
    fb_arena_free(&a);
}

static void assert_round_trip(const char *text) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str out = {0};
    struct fb_node *node;

    assert_int_equal(fb_json_parse(&node, &a, text, strlen(text), NULL, &err), FB_OK);
    assert_int_equal(fb_json_print(&out, node, &err), FB_OK);
    assert_string_equal(out.data, text);
    fb_str_free(&out);
    fb_arena_free(&a);
}

static void test_prints_what_it_read(void **state) {
    (void)state;
    assert_round_trip("{\"b\": 1, \"a\": [true, false, null, 1.5, 1e-05, -0.0, \"x\"], \"c\": {}}");
    assert_round_trip("[]");
    assert_round_trip("[9223372036854775807, -9223372036854775808, 0.1, 1e+16, 5e-324]");
    assert_round_trip("\"\\\" \\\\ \\n \\r \\t \\f \\b \\u0001 \\u007f \\u00e9 \\ud83d\\ude00 /\"");
    assert_round_trip("12");
}

static void test_order_of_keys_is_kept_in_large_objects(void **state) {
    struct fb_str text = {0}, out = {0};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *node;

    (void)state;
    for (int i = 0; i < 60000; i++)
        assert_int_equal(fb_str_printf(&text, &err, "%s\"k%d\": %d", i ? ", " : "{", i * 7, i),
                         FB_OK);
    assert_int_equal(fb_str_putc(&text, '}', &err), FB_OK);
    assert_int_equal(fb_json_parse(&node, &a, text.data, text.size, NULL, &err), FB_OK);
    assert_int_equal(fb_node_get(node, "k70000")->value.integer, 10000);
    assert_int_equal(fb_json_print(&out, node, &err), FB_OK);
    assert_string_equal(out.data, text.data);
    fb_str_free(&text);
    fb_str_free(&out);
    fb_arena_free(&a);
}

static void test_refusals_name_line_and_column(void **state) {
    char nested[5000];

    (void)state;
    assert_refused("{\"a\": 1,\n \"a\": 2}", 18, "x.json:2:4: duplicate object key near '\"a\"'");
    assert_refused("[1,\n2", 5, "x.json:2:1: ']' expected near end of file");
    assert_refused("[NaN]", 5, "x.json:1:4: invalid token near 'NaN'");
    assert_refused("[Infinity]", 10, "x.json:1:9: invalid token near 'Infinity'");
    assert_refused("[1] x", 5, "x.json:1:5: end of file expected near 'x'");
    assert_refused("", 0, "x.json:1:0: unexpected token near end of file");
    assert_refused("[\"\\u0000\"]", 10, "x.json:1:9: string with a zero byte");
    assert_refused("[\"\xff\"]", 5, "x.json:1:2: unable to decode byte 0xff near '\"'");
    assert_refused("[9223372036854775808]", 21,
                   "x.json:1:20: number beyond 64 bits (too big integer near "
                   "'9223372036854775808')");
    assert_refused("[1e400]", 7,
                   "x.json:1:6: number beyond 64 bits (real number overflow near '1e400')");
    memset(nested, '[', sizeof nested);
    assert_refused(nested, sizeof nested, "x.json:1:2049: maximum parsing depth reached near '['");
}

static void test_not_a_number_is_written_as_python_does(void **state) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str out = {0};
    struct fb_node *map = fb_node_map(&a, (struct fb_place){0}, &err), *big;

    (void)state;
    assert_int_equal(fb_node_set_real(&a, map, "a", (double)NAN, &err), FB_OK);
    assert_int_equal(fb_node_set_real(&a, map, "b", -INFINITY, &err), FB_OK);
    assert_non_null(big = fb_node_int(&a, INT64_MAX, (struct fb_place){0}, &err));
    big->text = "18446744073709551616";
    assert_int_equal(fb_node_set_key(&a, map, (struct fb_key){"inf", FB_REAL}, big, &err), FB_OK);
    assert_int_equal(fb_json_print(&out, map, &err), FB_OK);
    assert_string_equal(out.data,
                        "{\"a\": NaN, \"b\": -Infinity, \"Infinity\": 18446744073709551616}");
    fb_str_free(&out);
    fb_arena_free(&a);
}

static void test_text_can_stay_utf8_and_what_is_not_utf8_is_replaced(void **state) {
    struct fb_err err = {0};
    struct fb_str out = {0};

    (void)state;
    assert_int_equal(fb_json_print_text(&out, "\xc3\xa9\x7f\0\xc3", 5, false, &err), FB_OK);
    assert_string_equal(out.data, "\"\xc3\xa9\x7f\\u0000\xef\xbf\xbd\"");
    fb_str_free(&out);
    /* an overlong form, a surrogate, and a code point beyond the last */
    assert_int_equal(
        fb_json_print_text(&out, "\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80", 11, true, &err), FB_OK);
    assert_string_equal(out.data, "\"\\ufffd\\ufffd \\ufffd\\ufffd\\ufffd "
                                  "\\ufffd\\ufffd\\ufffd\\ufffd\"");
    fb_str_free(&out);
}

static void test_load_reads_a_file(void **state) {
    char path[] = "/tmp/fb_test_json_XXXXXX";
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_node *node;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "{\"a\": \"b\"}", 10), 10);
    close(fd);
    assert_int_equal(fb_json_load(&node, &a, path, &err), FB_OK);
    assert_string_equal(fb_node_get(node, "a")->text, "b");
    assert_true(fb_node_get(node, "a")->quoted);
    assert_string_equal(node->place.file, path);
    remove(path);
    assert_int_equal(fb_json_load(&node, &a, path, &err), FB_ENOTFOUND);
    assert_null(node);
    fb_arena_free(&a);
}

static int attempt(void *arg) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_str out = {0};
    struct fb_node *node;
    int rc = fb_json_parse(&node, &a, arg, strlen(arg), NULL, &err);

    if (!rc) rc = fb_json_print(&out, node, &err);
    fb_str_free(&out);
    fb_arena_free(&a);
    return rc;
}

static void test_failing_allocations_are_reported(void **state) {
    struct fb_str text = {0};
    struct fb_err err = {0};

    (void)state;
    for (int i = 0; i < 3000; i++)
        assert_int_equal(fb_str_printf(&text, &err, "%c{\"k\": [%d, \"x\"]}", i ? ',' : '[', i),
                         FB_OK);
    assert_int_equal(fb_str_putc(&text, ']', &err), FB_OK);
    assert_in_range(for_each_allocation_failure(attempt, text.data, 1000), 5, 1000);
    fb_str_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prints_what_it_read),
        cmocka_unit_test(test_order_of_keys_is_kept_in_large_objects),
        cmocka_unit_test(test_refusals_name_line_and_column),
        cmocka_unit_test(test_not_a_number_is_written_as_python_does),
        cmocka_unit_test(test_text_can_stay_utf8_and_what_is_not_utf8_is_replaced),
        cmocka_unit_test(test_load_reads_a_file),
        cmocka_unit_test(test_failing_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
