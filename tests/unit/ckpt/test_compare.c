#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ckpt/compare.h"

#include <math.h>
#include <stdlib.h>

/* a and b of tools/golden/ckpt.py. */
struct both {
    struct fb_ckpt *a, *b;
};

static int setup(void **state) {
    static struct both both;
    struct fb_err err = {0};

    *state = &both;
    return fb_ckpt_open(&both.a, FB_GOLDEN_DIR "/ckpt/a.safetensors", &err) ||
           fb_ckpt_open(&both.b, FB_GOLDEN_DIR "/ckpt/b.safetensors", &err);
}

static int teardown(void **state) {
    struct both *both = *state;

    fb_ckpt_close(both->a);
    fb_ckpt_close(both->b);
    return 0;
}

static struct fb_difference compare(void **state, const char *name) {
    const struct both *both = *state;
    struct fb_err err = {0};
    struct fb_difference d;

    assert_int_equal(fb_ckpt_compare(&d, both->a, fb_ckpt_find(both->a, name), both->b,
                                     fb_ckpt_find(both->b, name), &err),
                     FB_OK);
    return d;
}

/* 2 -> 2.5: 0.5, relative to the larger 0.2; 0 -> 0.25: 0.25 and 1. The bits: 0x40000000 and
 * 0x40200000 differ in one, 0 and 0x3e800000 in six. */
static void test_the_largest_differences_are_found(void **state) {
    struct fb_difference d = compare(state, "values");

    assert_int_equal(d.elements, 2);
    assert_int_equal(d.bits, 7);
    assert_true(d.max_abs == 0.5 && d.max_rel == 1);
}

static void test_equal_bits_are_equal_even_for_nan(void **state) {
    struct fb_difference d = compare(state, "same");

    assert_int_equal(d.elements, 0);
    assert_int_equal(d.bits, 0);
    assert_true(d.max_abs == 0 && d.max_rel == 0);
}

static void test_nan_stays_whatever_else_differs(void **state) {
    struct fb_difference d = compare(state, "nan");

    assert_int_equal(d.elements, 2);
    assert_true(isnan(d.max_abs) && isnan(d.max_rel));
}

static void test_infinity_differs_infinitely(void **state) {
    struct fb_difference d = compare(state, "infinite");

    assert_true(isinf(d.max_abs) && isinf(d.max_rel));
}

static void test_the_sign_of_zero_is_a_bit_and_no_distance(void **state) {
    struct fb_difference d = compare(state, "zero");

    assert_int_equal(d.elements, 1);
    assert_int_equal(d.bits, 1);
    assert_true(d.max_abs == 0 && d.max_rel == 0);
}

/* 2.001953125 is one last place of F16 above 2; 5 and 3 differ in two bits. */
static void test_other_types_are_compared_by_value(void **state) {
    struct fb_difference half = compare(state, "half"), wide = compare(state, "wide");

    assert_true(half.max_abs == 0x1p-9 && half.bits == 1);
    assert_true(wide.max_abs == 2 && wide.bits == 2 && wide.max_rel == 0.4);
}

/* One element of the last block of three steps, so that every boundary is crossed. */
static void test_large_tensors_are_compared_to_the_last_element(void **state) {
    enum { N = (2 << 20) + 1025 };
    const struct both *both = *state;
    struct fb_err err = {0};
    struct fb_difference d;
    double *x = calloc(N, sizeof *x), *y = calloc(N, sizeof *y);
    struct fb_entry a = {.dtype = FB_F64, .ndim = 1, .shape = {N}, .numel = N, .data = x};
    struct fb_entry b = a;

    assert_true(x && y);
    b.data = y;
    y[0] = 1;
    y[1 << 20] = -2;
    y[N - 1] = 3;
    assert_int_equal(fb_ckpt_compare(&d, both->a, &a, both->b, &b, &err), FB_OK);
    assert_int_equal(d.elements, 3);
    assert_true(d.max_abs == 3);
    free(x);
    free(y);
}

/* Values from `sha256sum` of the bytes: nothing, and 00 00 e8 40. */
static void test_hashes_are_sha256_of_the_bytes(void **state) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;
    char text[FB_SHA256_TEXT];

    (void)state;
    assert_int_equal(fb_ckpt_open(&ckpt, FB_GOLDEN_DIR "/ckpt/types.safetensors", &err), FB_OK);
    assert_int_equal(fb_ckpt_sha256(text, ckpt, fb_ckpt_find(ckpt, "empty"), &err), FB_OK);
    assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(fb_ckpt_sha256(text, ckpt, fb_ckpt_find(ckpt, "scalar"), &err), FB_OK);
    assert_string_equal(text, "7373b180351aa034c90eabe4045aca2ca9413123f1a834834f48dc7e7678fc2f");
    fb_ckpt_close(ckpt);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_largest_differences_are_found),
        cmocka_unit_test(test_equal_bits_are_equal_even_for_nan),
        cmocka_unit_test(test_nan_stays_whatever_else_differs),
        cmocka_unit_test(test_infinity_differs_infinitely),
        cmocka_unit_test(test_the_sign_of_zero_is_a_bit_and_no_distance),
        cmocka_unit_test(test_other_types_are_compared_by_value),
        cmocka_unit_test(test_large_tensors_are_compared_to_the_last_element),
        cmocka_unit_test(test_hashes_are_sha256_of_the_bytes),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
