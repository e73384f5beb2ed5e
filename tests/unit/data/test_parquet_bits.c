#include "data/parquet_bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The example of Encodings.md: 0 to 7 in 3 bits each are 88 C6 FA; before them a run of four 5s. */
static void test_runs_and_packed_values_alternate(void **state) {
    static const unsigned char bytes[] = {4 << 1, 5, 1 << 1 | 1, 0x88, 0xc6, 0xfa};
    struct fb_err err = {0};
    struct fb_runs runs;
    uint32_t value[12];

    (void)state;
    assert_int_equal(fb_runs_start(&runs, (struct fb_bytes){bytes, bytes + sizeof bytes}, 3, &err),
                     FB_OK);
    assert_int_equal(fb_runs_read(&runs, value, 3, &err), FB_OK); /* cuts the first run */
    assert_int_equal(fb_runs_read(&runs, value + 3, 9, &err), FB_OK);
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(value[i], i < 4 ? 5 : i - 4);
    assert_int_equal(fb_runs_read(&runs, value, 1, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "a page ends inside an integer");
}

static void test_a_last_group_may_be_cut_off(void **state) {
    static const unsigned char bytes[] = {1 << 1 | 1, 0x34, 0x12}; /* 4 of 8 nibbles */
    struct fb_err err = {0};
    struct fb_runs runs;
    uint32_t value[4];

    (void)state;
    assert_int_equal(fb_runs_start(&runs, (struct fb_bytes){bytes, bytes + sizeof bytes}, 4, &err),
                     FB_OK);
    assert_int_equal(fb_runs_read(&runs, value, 4, &err), FB_OK);
    assert_int_equal(value[0], 4);
    assert_int_equal(value[3], 1);
    assert_int_equal(fb_runs_read(&runs, value, 1, &err), FB_EFORMAT);
}

static void test_values_wider_than_32_bits_are_refused(void **state) {
    struct fb_err err = {0};
    struct fb_runs runs;

    (void)state;
    assert_int_equal(fb_runs_start(&runs, (struct fb_bytes){NULL, NULL}, 33, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "packed values of 33 bits, limit 32");
}

/* The second example of Encodings.md: 7, 5, 3, 1, 2, 3, 4, 5 have the deltas -2 -2 -2 1 1 1 1;
 * least -2, so 0 0 0 3 3 3 3 in 2 bits. Blocks of 128 in 4 miniblocks: 32 values take 8 bytes. */
static const unsigned char deltas[] = {0x80, 1,    4, 8, 14, 3, 2, 0, 0,  0,
                                       0xc0, 0x3f, 0, 0, 0,  0, 0, 0, 'e'};

static void test_deltas_are_summed_up(void **state) {
    static const int64_t expected[] = {7, 5, 3, 1, 2, 3, 4, 5};
    struct fb_bytes bytes = {deltas, deltas + sizeof deltas};
    struct fb_err err = {0};
    int64_t value[8];

    (void)state;
    assert_int_equal(fb_deltas_read(&bytes, value, 8, 64, &err), FB_OK);
    assert_memory_equal(value, expected, sizeof value);
    assert_int_equal(*bytes.at, 'e');
}

static void test_deltas_must_be_as_many_as_values(void **state) {
    struct fb_bytes bytes = {deltas, deltas + sizeof deltas};
    struct fb_err err = {0};
    int64_t value[9];

    (void)state;
    assert_int_equal(fb_deltas_read(&bytes, value, 9, 64, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "8 deltas for 9 values");
    bytes = (struct fb_bytes){deltas, deltas + 12};
    assert_int_equal(fb_deltas_read(&bytes, value, 8, 64, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "a page claims 8 more bytes, 2 are left");
}

static void test_odd_blocks_of_deltas_are_refused(void **state) {
    static const unsigned char none[] = {0x80, 1, 0, 2, 0}, seven[] = {7, 1, 2, 0};
    struct fb_bytes bytes = {none, none + sizeof none};
    struct fb_err err = {0};
    int64_t value[2];

    (void)state;
    assert_int_equal(fb_deltas_read(&bytes, value, 2, 64, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "delta blocks of 128 values in 0 parts are not valid");
    bytes = (struct fb_bytes){seven, seven + sizeof seven};
    assert_int_equal(fb_deltas_read(&bytes, value, 2, 64, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "delta blocks of 7 values in 1 parts are not valid");
}

/* INT32_MAX + 1 wraps in 32 bits and does not in 64. */
static void test_sums_wrap_in_their_width(void **state) {
    static const unsigned char bytes[] = {8, 1, 2, 0xfe, 0xff, 0xff, 0xff, 0x0f, 2, 0};
    struct fb_bytes narrow = {bytes, bytes + sizeof bytes}, wide = narrow;
    struct fb_err err = {0};
    int64_t value[2];

    (void)state;
    assert_int_equal(fb_deltas_read(&narrow, value, 2, 32, &err), FB_OK);
    assert_int_equal(value[0], INT32_MAX);
    assert_int_equal(value[1], INT32_MIN);
    assert_int_equal(fb_deltas_read(&wide, value, 2, 64, &err), FB_OK);
    assert_int_equal(value[1], (int64_t)INT32_MAX + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_and_packed_values_alternate),
        cmocka_unit_test(test_a_last_group_may_be_cut_off),
        cmocka_unit_test(test_values_wider_than_32_bits_are_refused),
        cmocka_unit_test(test_deltas_are_summed_up),
        cmocka_unit_test(test_deltas_must_be_as_many_as_values),
        cmocka_unit_test(test_odd_blocks_of_deltas_are_refused),
        cmocka_unit_test(test_sums_wrap_in_their_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
