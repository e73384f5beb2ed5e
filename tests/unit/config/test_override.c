#include "config/override.h"

#include "alloc_faults.h"
#include "config/goldens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The answer of hydra-core 1.3.2 is in the file; kinds and sweeps in its words. */
static void check_golden(const struct fb_node *golden, struct fb_arena *a) {
    static const char *const kinds[] = {"CHANGE", "ADD", "FORCE_ADD", "DEL"};
    static const char *const sweeps[] = {"NONE", "SIMPLE", "CHOICE", "RANGE", "GLOB"};
    const char *text = fb_node_get(golden, "text")->text;
    const struct fb_node *value = fb_node_get(golden, "value"), *mine;
    const struct fb_node *package = fb_node_get(golden, "package");
    struct fb_err err = {0};
    struct fb_override o;
    struct fb_str json = {0};
    int rc = fb_override_parse(&o, text, a, &err);

    if (fb_node_get(golden, "error")) {
        if (rc != FB_ECONFIG) fail_msg("accepted: %s", text);
        if (!strstr(err.msg, "override '")) fail_msg("message does not name it: %s", err.msg);
        return;
    }
    if (rc) fail_msg("refused: %s: %s", text, err.msg);
    assert_string_equal(kinds[o.kind], fb_node_get(golden, "kind")->text);
    assert_string_equal(o.key, fb_node_get(golden, "key")->text);
    assert_string_equal(sweeps[o.sweep], fb_node_get(golden, "sweep")->text);
    assert_int_equal(!o.package, package->kind == FB_NULL);
    if (o.package) assert_string_equal(o.package, package->text);
    mine = o.sweep == FB_SWEEP_NONE ? o.value : o.choices;
    assert_int_equal(!mine, value->kind == FB_NULL);
    if (mine) {
        assert_int_equal(fb_json_print(&json, mine, &err), FB_OK);
        if (strcmp(fb_str_text(&json), value->text))
            fail_msg("%s: found %s, expected %s", text, fb_str_text(&json), value->text);
    }
    fb_str_free(&json);
}

static void test_overrides_are_read_as_hydra_reads_them(void **state) {
    (void)state;
    assert_true(for_each_golden("overrides", check_golden) > 500);
}

/* Printed and read again, a value is the same. */
static void check_print(const struct fb_node *golden, struct fb_arena *a) {
    const char *text = fb_node_get(golden, "text")->text;
    struct fb_err err = {0};
    struct fb_override o, again;
    struct fb_str line = {0};

    if (fb_node_get(golden, "error")) return;
    assert_int_equal(fb_override_parse(&o, text, a, &err), FB_OK);
    /* str(1) is text that would read back as a number, which is Hydra's way. */
    if (!o.value || strchr(text, '(')) return;
    assert_int_equal(fb_override_print_key(&line, &o, &err), FB_OK);
    assert_int_equal(fb_str_putc(&line, '=', &err), FB_OK);
    assert_int_equal(fb_override_print_value(&line, o.value, &err), FB_OK);
    if (fb_override_parse(&again, fb_str_text(&line), a, &err))
        fail_msg("%s printed as %s: %s", text, fb_str_text(&line), err.msg);
    /* nan is not equal to itself. */
    if (!strpbrk(text, "nN") && !fb_node_equal(o.value, again.value))
        fail_msg("%s printed as %s", text, fb_str_text(&line));
    fb_str_free(&line);
}

static void test_printed_values_read_back_the_same(void **state) {
    (void)state;
    assert_true(for_each_golden("overrides", check_print) > 500);
}

static void expect_message(const char *text, const char *message) {
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_override o;

    assert_int_equal(fb_override_parse(&o, text, &a, &err), FB_ECONFIG);
    assert_string_equal(err.msg, message);
    fb_arena_free(&a);
}

static void test_messages_point_at_the_place(void **state) {
    (void)state;
    expect_message("a=b=c",
                   "override 'a=b=c': '=' in a value must be quoted or written \\= (column 4)\n"
                   "    a=b=c\n"
                   "       ^");
    expect_message("a", "override 'a': expected '=' and a value, as in key=value (column 2)\n"
                        "    a\n"
                        "     ^");
    expect_message("a=[1,",
                   "override 'a=[1,': the value ends where a value is expected (column 6)\n"
                   "    a=[1,\n"
                   "         ^");
    expect_message(
        "a='x", "override 'a='x': the quote ' is not closed; write \\' for a quote inside quotes "
                "(column 3)\n"
                "    a='x\n"
                "      ^");
    expect_message("a=\xc3\xa9",
                   "override 'a=\xc3\xa9': only ASCII may stand outside quotes; quote the "
                   "value (byte 3)");
    expect_message(
        "a=interval(0,1)",
        "override 'a=interval(0,1)': interval(): not supported: it is for sweepers that sample; "
        "write the values as a list or with choice() or range() (column 3)\n"
        "    a=interval(0,1)\n"
        "      ^");
    expect_message(
        "a=[choice(1,2)]",
        "override 'a=[choice(1,2)]': a sweep cannot stand inside a list or mapping (column 4)\n"
        "    a=[choice(1,2)]\n"
        "       ^");
}

static void test_nesting_is_bounded(void **state) {
    char text[300] = "a=";
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_override o;

    (void)state;
    memset(text + 2, '[', 200);
    assert_int_equal(fb_override_parse(&o, text, &a, &err), FB_ECONFIG);
    assert_non_null(strstr(err.msg, "nested more than 64 deep"));
    fb_arena_free(&a);
}

static int parse_all(void *arg) {
    static const char *const texts[] = {"+a.b@c.d={x: [1, 'two', \"th\\\"ree\"], y: {z: null}}",
                                        "k=a\\,b c,1.5,true",
                                        "k=sort(int(choice(3.5,1)))",
                                        "k=range(0,4,0.5)",
                                        "k=glob([a*],exclude=b)",
                                        "~k"};
    struct fb_arena a = {0};
    struct fb_err err = {0};
    struct fb_override o;
    struct fb_str text = {0};

    (void)arg;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !err.code; i++)
        if (!fb_override_parse(&o, texts[i], &a, &err) && o.value)
            (void)!fb_override_print_value(&text, o.value, &err);
    fb_str_free(&text);
    fb_arena_free(&a);
    return err.code;
}

static void test_every_failed_allocation_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(parse_all, NULL, 1000) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overrides_are_read_as_hydra_reads_them),
        cmocka_unit_test(test_printed_values_read_back_the_same),
        cmocka_unit_test(test_messages_point_at_the_place),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
