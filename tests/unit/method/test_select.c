#include "method/select.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t bits_of(float x) {
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits & 0x7fffffff;
}

/* Both passes over magnitudes that are all in memory. */
static float kth(const uint32_t *m, int64_t n, int64_t k) {
    int64_t *upper = calloc(FB_SELECT_UPPER, sizeof *upper);
    int64_t *lower = calloc(FB_SELECT_LOWER, sizeof *lower), rank = k;
    uint32_t bin;
    float value;

    assert_non_null(upper);
    assert_non_null(lower);
    fb_select_upper(upper, m, n, 1);
    bin = fb_select_bin(upper, FB_SELECT_UPPER, &rank);
    fb_select_lower(lower, bin, m, n, 1);
    value = fb_select_value(bin, fb_select_bin(lower, FB_SELECT_LOWER, &rank));
    free(upper);
    free(lower);
    return value;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void check_against_sorting(uint32_t *m, int64_t n) {
    uint32_t *sorted = malloc((size_t)n * sizeof *sorted);

    assert_non_null(sorted);
    memcpy(sorted, m, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    for (int64_t k = 1; k <= n; k += 1 + n / 97)
        assert_int_equal(bits_of(kth(m, n, k)), sorted[k - 1]);
    assert_int_equal(bits_of(kth(m, n, n)), sorted[n - 1]);
    free(sorted);
}

static void test_every_rank_equals_that_of_a_sorted_list(void **state) {
    uint32_t m[1003], random = 1;

    (void)state;
    for (int i = 0; i < 1003; i++) {
        random = random * 1664525u + 1013904223u;
        m[i] = bits_of((float)random / 4e9f * (i % 3 ? 1e-3f : 1e-6f));
    }
    check_against_sorting(m, 1003);
}

/* 40 values of 4 kinds, zero and the smallest subnormal among them. */
static void test_equal_magnitudes_are_counted_one_by_one(void **state) {
    uint32_t m[40];

    (void)state;
    for (int i = 0; i < 40; i++)
        m[i] = (const uint32_t[]){0, 1, 0x3f800000, 0x3f800001}[i % 4];
    check_against_sorting(m, 40);
    check_against_sorting(m, 1);
}

static void test_all_values_in_one_bin_are_told_apart(void **state) {
    uint32_t m[333];

    (void)state;
    for (uint32_t i = 0; i < 333; i++)
        m[i] = 0x3f800000 + i * 7919 % 32768;
    check_against_sorting(m, 333);
}

/* 1 and 2 with three copies each: ranks 1 to 3 are 1, ranks 4 to 6 are 2. */
static void test_copies_count_as_often_as_they_say(void **state) {
    int64_t *bins = calloc(FB_SELECT_UPPER, sizeof *bins), third = 3, fourth = 4;
    uint32_t m[] = {bits_of(2), bits_of(1)};

    (void)state;
    assert_non_null(bins);
    fb_select_upper(bins, m, 2, 3);
    assert_int_equal(fb_select_bin(bins, FB_SELECT_UPPER, &third), bits_of(1) >> 15);
    assert_int_equal(third, 3);
    assert_int_equal(fb_select_bin(bins, FB_SELECT_UPPER, &fourth), bits_of(2) >> 15);
    assert_int_equal(fourth, 1);
    free(bins);
}

static void test_infinity_and_nan_are_noticed(void **state) {
    int64_t *bins = calloc(FB_SELECT_UPPER, sizeof *bins);
    uint32_t largest = 0x7f7fffff, infinity = 0x7f800000, nan = 0x7fc00001;

    (void)state;
    assert_non_null(bins);
    fb_select_upper(bins, &largest, 1, 1);
    assert_false(fb_select_has_nonfinite(bins));
    fb_select_upper(bins, &infinity, 1, 1);
    assert_true(fb_select_has_nonfinite(bins));
    memset(bins, 0, FB_SELECT_UPPER * sizeof *bins);
    fb_select_upper(bins, &nan, 1, 1);
    assert_true(fb_select_has_nonfinite(bins));
    free(bins);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_rank_equals_that_of_a_sorted_list),
        cmocka_unit_test(test_equal_magnitudes_are_counted_one_by_one),
        cmocka_unit_test(test_all_values_in_one_bin_are_told_apart),
        cmocka_unit_test(test_copies_count_as_often_as_they_say),
        cmocka_unit_test(test_infinity_and_nan_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
