#include "data/thrift.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define READER(bytes)                                                                              \
    { bytes, bytes + sizeof bytes }

/* Field 1 = -3 (zigzag 5), field 40 by its long form (zigzag 80) = "ab", field 41 = true. */
static void test_reads_fields_of_every_form(void **state) {
    static const unsigned char bytes[] = {0x15, 5, 0x08, 80, 2, 'a', 'b', 0x11, 0x00};
    struct fb_thrift t = READER(bytes);
    struct fb_thrift_field f = {0};
    struct fb_err err = {0};
    const unsigned char *text;
    int64_t number;
    size_t size;
    bool flag;

    (void)state;
    assert_int_equal(fb_thrift_next(&t, &f, &err), FB_OK);
    assert_int_equal(f.id, 1);
    assert_int_equal(fb_thrift_int(&t, &f, &number, &err), FB_OK);
    assert_int_equal(number, -3);
    assert_int_equal(fb_thrift_next(&t, &f, &err), FB_OK);
    assert_int_equal(f.id, 40);
    assert_int_equal(fb_thrift_bytes(&t, &f, &text, &size, &err), FB_OK);
    assert_int_equal(size, 2);
    assert_memory_equal(text, "ab", 2);
    assert_int_equal(fb_thrift_next(&t, &f, &err), FB_OK);
    assert_int_equal(f.id, 41);
    assert_int_equal(fb_thrift_bool(&f, &flag, &err), FB_OK);
    assert_true(flag);
    assert_int_equal(fb_thrift_next(&t, &f, &err), FB_OK);
    assert_int_equal(f.type, FB_THRIFT_STOP);
    assert_true(t.at == t.end);
}

static void test_another_type_is_refused(void **state) {
    static const unsigned char bytes[] = {0x18, 0};
    struct fb_thrift t = READER(bytes);
    struct fb_thrift_field f = {0};
    struct fb_err err = {0};
    int64_t number;

    (void)state;
    assert_int_equal(fb_thrift_next(&t, &f, &err), FB_OK);
    assert_int_equal(fb_thrift_int(&t, &f, &number, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "metadata field 1 has type 8, expected integer");
}

/* A list of 2 bools, a map of one i32 to a text, a struct with a double: all passed over. */
static void test_skips_nested_values(void **state) {
    static const unsigned char bytes[] = {0x21, 1, 2, 1, 0x58, 8, 1, 'x', 0x17,
                                          1,    2, 3, 4, 5,    6, 7, 8,   0};
    struct fb_thrift t = READER(bytes);
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_thrift_skip(&t, FB_THRIFT_LIST, &err), FB_OK);
    assert_int_equal(fb_thrift_skip(&t, FB_THRIFT_MAP, &err), FB_OK);
    assert_int_equal(fb_thrift_skip(&t, FB_THRIFT_STRUCT, &err), FB_OK);
    assert_true(t.at == t.end);
}

static void test_what_is_claimed_must_be_there(void **state) {
    static const unsigned char text[] = {9, 'x'}, list[] = {0xfc, 0xff, 0xff, 3}, cut[] = {0x80};
    static const unsigned char wide[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};
    struct fb_thrift t = READER(text);
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_thrift_skip(&t, FB_THRIFT_BINARY, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "metadata claims 9 bytes, 1 are left");
    t = (struct fb_thrift)READER(list);
    assert_int_equal(fb_thrift_skip(&t, FB_THRIFT_LIST, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "metadata claims a list of 65535 elements, 0 bytes are left");
    t = (struct fb_thrift)READER(cut);
    assert_int_equal(fb_thrift_skip(&t, FB_THRIFT_I32, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "metadata ends in the middle of a value");
    t = (struct fb_thrift)READER(wide);
    assert_int_equal(fb_thrift_skip(&t, FB_THRIFT_I64, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "metadata holds an integer of more than 64 bits");
}

static void test_deep_nesting_is_refused(void **state) {
    unsigned char bytes[200];
    struct fb_thrift t = {bytes, bytes + sizeof bytes};
    struct fb_err err = {0};

    (void)state;
    memset(bytes, 0x1c, sizeof bytes); /* struct in struct in ... */
    assert_int_equal(fb_thrift_skip(&t, FB_THRIFT_STRUCT, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "metadata is nested deeper than 32");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_fields_of_every_form),
        cmocka_unit_test(test_another_type_is_refused),
        cmocka_unit_test(test_skips_nested_values),
        cmocka_unit_test(test_what_is_claimed_must_be_there),
        cmocka_unit_test(test_deep_nesting_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
