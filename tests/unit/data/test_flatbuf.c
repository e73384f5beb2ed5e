#include "data/flatbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Byte 0: the root table at 12. Byte 4: its vtable of 8 bytes: a table of 12 bytes, field 0 at 4,
 * field 1 at 8. Byte 12: the table: 8 back to the vtable, -2 in 32 bits, a vector 4 ahead. Byte 24:
 * the vector: 3 bytes. */
static const unsigned char image[] = {12,  0,   0,   0,   8, 0, 12, 0, 4, 0, 8, 0, 8,   0,   0,  0,
                                      254, 255, 255, 255, 4, 0, 0,  0, 3, 0, 0, 0, 'a', 'b', 'c'};

static void test_fields_are_found_through_the_vtable(void **state) {
    struct fb_flat_vector text;
    struct fb_flat_table t;
    struct fb_err err = {0};
    int64_t value;

    (void)state;
    assert_int_equal(fb_flat_root(&t, image, sizeof image, &err), FB_OK);
    assert_int_equal(fb_flat_int(&t, 0, 4, 7, &value, &err), FB_OK);
    assert_int_equal(value, -2);
    assert_int_equal(fb_flat_int(&t, 0, 1, 7, &value, &err), FB_OK);
    assert_int_equal(value, -2);
    assert_int_equal(fb_flat_int(&t, 2, 4, 7, &value, &err), FB_OK);
    assert_int_equal(value, 7);
    assert_int_equal(fb_flat_list(&t, 1, 1, &text, &err), FB_OK);
    assert_int_equal(text.count, 3);
    assert_memory_equal(text.bytes + text.at, "abc", 3);
    assert_int_equal(fb_flat_list(&t, 5, 1, &text, &err), FB_OK);
    assert_int_equal(text.count, 0);
}

/* The image with one byte changed. */
static void check_root(size_t at, unsigned char byte, const char *message) {
    unsigned char copy[sizeof image];
    struct fb_flat_table t;
    struct fb_err err = {0};

    memcpy(copy, image, sizeof image);
    copy[at] = byte;
    assert_int_equal(fb_flat_root(&t, copy, sizeof copy, &err), FB_EFORMAT);
    assert_string_equal(err.msg, message);
}

static void test_nothing_points_out_of_the_buffer(void **state) {
    unsigned char copy[sizeof image];
    struct fb_flat_vector text;
    struct fb_flat_table t;
    struct fb_err err = {0};
    int64_t value;

    (void)state;
    check_root(0, 28, "a table at byte 28 of metadata of 31 bytes");
    check_root(12, 13, "a vtable at byte -1 of metadata of 31 bytes");
    check_root(4, 7, "a vtable of 7 bytes at byte 4 of 31");
    check_root(4, 28, "a vtable of 28 bytes at byte 4 of 31");
    check_root(6, 20, "a table of 20 bytes at byte 12 of 31");
    assert_int_equal(fb_flat_root(&t, image, 3, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "metadata of 3 bytes");

    assert_int_equal(fb_flat_root(&t, image, sizeof image, &err), FB_OK);
    assert_int_equal(fb_flat_int(&t, 1, 8, 0, &value, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "field 1 at byte 8 of a table of 12 bytes");
    memcpy(copy, image, sizeof image);
    copy[24] = 4;
    assert_int_equal(fb_flat_root(&t, copy, sizeof copy, &err), FB_OK);
    assert_int_equal(fb_flat_list(&t, 1, 1, &text, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "a vector of 4 elements, 3 bytes are left");
    copy[20] = 200;
    assert_int_equal(fb_flat_list(&t, 1, 1, &text, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "a vector at byte 220 of metadata of 31 bytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_found_through_the_vtable),
        cmocka_unit_test(test_nothing_points_out_of_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
