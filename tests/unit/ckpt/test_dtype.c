#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ckpt/ckpt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A value of a small float format from its definition: sign, exponent, fraction. */
static double decode(unsigned code, int exponent_bits, int fraction_bits, bool infinities) {
    int bias = (1 << (exponent_bits - 1)) - 1, top = (1 << exponent_bits) - 1;
    int fraction = (int)(code & ((1u << fraction_bits) - 1));
    int exponent = (int)(code >> fraction_bits) & top;
    double sign = code >> (fraction_bits + exponent_bits) ? -1 : 1;

    if (exponent == top && infinities) return fraction ? NAN : sign * INFINITY;
    if (exponent == top && fraction == (1 << fraction_bits) - 1) return NAN;
    if (!exponent) return sign * ldexp(fraction, 1 - bias - fraction_bits);
    return sign * ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

static void assert_same_value(float got, double want) {
    if (isnan(want)) assert_true(isnan(got));
    else assert_true((double)got == want && !signbit(got) == !signbit(want));
}

/* Every code widens to the value its bits define, and narrows back to itself (a NaN to a NaN). */
static void check_all_codes(enum fb_dtype dtype, int exponent_bits, int fraction_bits,
                            bool infinities) {
    const int codes = 2 << (exponent_bits + fraction_bits);
    const size_t size = fb_dtype_size(dtype);
    unsigned char *bytes = malloc((size_t)codes * size + 1), *back = malloc((size_t)codes * size);
    float *values = malloc((size_t)codes * sizeof *values);

    assert_true(bytes && back && values);
    for (int c = 0; c < codes; c++)
        memcpy(bytes + 1 + (size_t)c * size, &c, size); /* at odd addresses on purpose */
    fb_dtype_to_f32(values, bytes + 1, dtype, codes);
    fb_dtype_from_f32(back, values, dtype, codes);
    for (int c = 0; c < codes; c++) {
        double want = decode((unsigned)c, exponent_bits, fraction_bits, infinities);
        assert_same_value(values[c], want);
        if (!isnan(want)) assert_memory_equal(back + (size_t)c * size, &c, size);
    }
    fb_dtype_to_f32(values, back, dtype, codes);
    for (int c = 0; c < codes; c++)
        assert_same_value(values[c], decode((unsigned)c, exponent_bits, fraction_bits, infinities));
    free(bytes);
    free(back);
    free(values);
}

static void test_every_f16_is_exact_both_ways(void **state) {
    (void)state;
    check_all_codes(FB_F16, 5, 10, true);
}

static void test_every_bf16_is_exact_both_ways(void **state) {
    (void)state;
    check_all_codes(FB_BF16, 8, 7, true);
}

static void test_every_f8_is_exact_both_ways(void **state) {
    (void)state;
    check_all_codes(FB_F8_E4M3, 4, 3, false);
    check_all_codes(FB_F8_E5M2, 5, 2, true);
}

static unsigned narrow_once(double value, enum fb_dtype dtype) {
    uint16_t code;
    float odd;

    fb_dtype_f64_to_odd(&odd, &value, 1);
    fb_dtype_from_f32(&code, &odd, dtype, 1);
    return code;
}

/* Doubles next to the middle between two codes: an f32 in between would make ties of them. */
static void check_neighbours_of_ties(enum fb_dtype dtype, int exponent_bits, int fraction_bits) {
    const unsigned infinity = ((1u << exponent_bits) - 1) << fraction_bits, sign = 0x8000;

    for (unsigned c = 0; c < infinity; c++) {
        double low = decode(c, exponent_bits, fraction_bits, true), high, middle;
        high = c + 1 == infinity ? 2 * low - decode(c - 1, exponent_bits, fraction_bits, true)
                                 : decode(c + 1, exponent_bits, fraction_bits, true);
        middle = low + (high - low) / 2;
        assert_int_equal(narrow_once(low, dtype), c);
        assert_int_equal(narrow_once(nextafter(middle, 0), dtype), c);
        assert_int_equal(narrow_once(middle, dtype), c + (c & 1));
        assert_int_equal(narrow_once(nextafter(middle, INFINITY), dtype), c + 1);
        assert_int_equal(narrow_once(-nextafter(middle, INFINITY), dtype), sign | (c + 1));
    }
    assert_int_equal(narrow_once(1e300, dtype), infinity);
    assert_int_equal(narrow_once(-INFINITY, dtype), sign | infinity);
    assert_int_equal(narrow_once(1e-320, dtype), 0);
    assert_true((narrow_once(NAN, dtype) & 0x7fff) > infinity);
}

static void test_doubles_are_rounded_once(void **state) {
    (void)state;
    check_neighbours_of_ties(FB_F16, 5, 10);
    check_neighbours_of_ties(FB_BF16, 8, 7);
}

/* torch's own rounding of values around every tie (tools/golden/ckpt.py). */
static void test_narrowing_rounds_as_torch_does(void **state) {
    static const enum fb_dtype narrow[] = {FB_F16, FB_BF16, FB_F8_E4M3, FB_F8_E5M2};
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;
    const struct fb_entry *from;
    float *values, *got, *want;
    int64_t n;

    (void)state;
    assert_int_equal(fb_ckpt_open(&ckpt, FB_GOLDEN_DIR "/ckpt/narrow.safetensors", &err), FB_OK);
    from = fb_ckpt_find(ckpt, "f32");
    n = from->numel;
    assert_true(n > 10000);
    values = malloc((size_t)n * sizeof *values);
    got = malloc((size_t)n * sizeof *got);
    want = malloc((size_t)n * sizeof *want);
    assert_true(values && got && want);
    fb_dtype_to_f32(values, from->data, FB_F32, n);
    for (int d = 0; d < 4; d++) {
        const struct fb_entry *entry = fb_ckpt_find(ckpt, fb_dtype_name(narrow[d]));
        unsigned char *bytes = malloc(entry->size);
        assert_true(bytes && entry->dtype == narrow[d] && entry->numel == n);
        fb_dtype_from_f32(bytes, values, narrow[d], n);
        fb_dtype_to_f32(got, bytes, narrow[d], n);
        fb_dtype_to_f32(want, entry->data, narrow[d], n);
        for (int64_t i = 0; i < n; i++)
            assert_same_value(got[i], (double)want[i]);
        free(bytes);
    }
    free(values);
    free(got);
    free(want);
    fb_ckpt_close(ckpt);
}

/* 65520 is the tie between the largest F16, 65504, and 65536; 464 that between 448 and 480, which
 * F8_E4M3 does not have; 61440 that between 57344 and 65536 in F8_E5M2. */
static void test_overflow_gives_infinity_or_nan(void **state) {
    const float in[] = {65519.9961f, 65520.0f, -65520.0f, INFINITY, NAN};
    const float small[] = {464.0f, 464.00003f, 1e30f, -INFINITY};
    const float five[] = {61439.996f, 61440.0f, -INFINITY};
    const float huge[] = {3.3895e38f, 3.4e38f}; /* the largest BF16 is 3.38953e38 */
    uint16_t out[5];
    uint8_t bytes[4];

    (void)state;
    fb_dtype_from_f32(out, in, FB_F16, 5);
    assert_int_equal(out[0], 0x7bff);
    assert_int_equal(out[1], 0x7c00);
    assert_int_equal(out[2], 0xfc00);
    assert_int_equal(out[3], 0x7c00);
    assert_int_equal(out[4] & 0x7fff, 0x7e00);
    fb_dtype_from_f32(bytes, small, FB_F8_E4M3, 4);
    assert_int_equal(bytes[0], 0x7e);
    assert_int_equal(bytes[1], 0x7f);
    assert_int_equal(bytes[2], 0x7f);
    assert_int_equal(bytes[3], 0xff);
    fb_dtype_from_f32(bytes, five, FB_F8_E5M2, 3);
    assert_int_equal(bytes[0], 0x7b);
    assert_int_equal(bytes[1], 0x7c);
    assert_int_equal(bytes[2], 0xfc);
    fb_dtype_from_f32(out, huge, FB_BF16, 2);
    assert_int_equal(out[0], 0x7f7f);
    assert_int_equal(out[1], 0x7f80);
}

static void test_integers_round_to_even_and_are_clamped(void **state) {
    const float in[] = {2.5f, 3.5f, -0.5f, NAN, INFINITY, -INFINITY, 1e20f};
    int8_t i8[7];
    uint8_t u8[7];
    int32_t i32[7];
    int64_t i64[7];
    uint64_t u64[7];

    (void)state;
    fb_dtype_from_f32(i8, in, FB_I8, 7);
    assert_int_equal(i8[0], 2);
    assert_int_equal(i8[1], 4);
    assert_int_equal(i8[2], 0);
    assert_int_equal(i8[3], 0);
    assert_int_equal(i8[4], 127);
    assert_int_equal(i8[5], -128);
    fb_dtype_from_f32(u8, in, FB_U8, 7);
    assert_int_equal(u8[4], 255);
    assert_int_equal(u8[5], 0);
    fb_dtype_from_f32(i32, in, FB_I32, 7);
    assert_int_equal(i32[4], 2147483520); /* the largest f32 below 2^31 */
    assert_int_equal(i32[5], INT32_MIN);
    fb_dtype_from_f32(i64, in, FB_I64, 7);
    assert_true(i64[6] == INT64_MAX - 0x7fffffffff && i64[5] == INT64_MIN);
    fb_dtype_from_f32(u64, in, FB_U64, 7);
    assert_true(u64[6] == UINT64_MAX - 0xffffffffff && u64[5] == 0);
    fb_dtype_from_f32(u8, in, FB_BOOL8, 7);
    assert_int_equal(u8[2], 1);
}

/* The file holds 0, 1, the minimum and the maximum of each integer type. */
static void test_integers_and_doubles_widen(void **state) {
    static const struct {
        const char *name;
        float least, most;
    } types[] = {
        {"torch.int64", -0x1p63f, 0x1p63f}, {"torch.int32", -0x1p31f, 0x1p31f},
        {"torch.int16", -32768, 32767},     {"torch.int8", -128, 127},
        {"torch.uint64", 0, 0x1p64f},       {"torch.uint32", 0, 0x1p32f},
        {"torch.uint16", 0, 65535},         {"torch.uint8", 0, 255},
    };
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;
    const struct fb_entry *entry;
    float v[8];

    (void)state;
    assert_int_equal(fb_ckpt_open(&ckpt, FB_GOLDEN_DIR "/ckpt/types.safetensors", &err), FB_OK);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        entry = fb_ckpt_find(ckpt, types[i].name);
        fb_dtype_to_f32(v, entry->data, entry->dtype, 4);
        assert_true(v[0] == 0 && v[1] == 1 && v[2] == types[i].least && v[3] == types[i].most);
    }
    entry = fb_ckpt_find(ckpt, "torch.float64");
    fb_dtype_to_f32(v, entry->data, entry->dtype, 8);
    assert_true(v[3] == -1.5f && v[4] == INFINITY && v[6] == 0 && isnan(v[7]));
    entry = fb_ckpt_find(ckpt, "torch.bool");
    fb_dtype_to_f32(v, entry->data, entry->dtype, 3);
    assert_true(v[0] == 1 && v[1] == 0 && v[2] == 1);
    fb_ckpt_close(ckpt);
}

static void test_names_of_both_kinds_are_known(void **state) {
    enum fb_dtype dtype;

    (void)state;
    for (int d = 0; d < FB_DTYPES; d++) {
        assert_true(fb_dtype_parse(fb_dtype_name((enum fb_dtype)d), &dtype));
        assert_int_equal(dtype, d);
    }
    assert_true(fb_dtype_parse("bfloat16", &dtype) && dtype == FB_BF16);
    assert_true(fb_dtype_parse("float8_e4m3fn", &dtype) && dtype == FB_F8_E4M3);
    assert_true(fb_dtype_parse("half", &dtype) && dtype == FB_F16);
    assert_false(fb_dtype_parse("F128", &dtype));
    assert_false(fb_dtype_parse("", &dtype));
    assert_true(fb_dtype_is_float(FB_F8_E5M2) && !fb_dtype_is_float(FB_BOOL8));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_f16_is_exact_both_ways),
        cmocka_unit_test(test_every_bf16_is_exact_both_ways),
        cmocka_unit_test(test_every_f8_is_exact_both_ways),
        cmocka_unit_test(test_doubles_are_rounded_once),
        cmocka_unit_test(test_narrowing_rounds_as_torch_does),
        cmocka_unit_test(test_overflow_gives_infinity_or_nan),
        cmocka_unit_test(test_integers_round_to_even_and_are_clamped),
        cmocka_unit_test(test_integers_and_doubles_widen),
        cmocka_unit_test(test_names_of_both_kinds_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
