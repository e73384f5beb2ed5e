#include "method/select.h"

#include <math.h>
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

/* ---- windows --------------------------------------------------------------------------------- */

enum { VALUES = 70003 }; /* more than a strip, and no multiple of the vector length */

static struct fb_window *new_window(uint32_t first) {
    struct fb_window *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->first = first;
    return w;
}

static void count_plainly(struct fb_window *w, const float *x, const float *base, int64_t n,
                          int copies) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t m = bits_of(x[i] - base[i]), at = m - w->first;
        w->nonfinite = w->nonfinite || m >= 0x7f800000;
        w->below += m < w->first ? copies : 0;
        if (m < w->first || at >= FB_SELECT_WINDOW) continue;
        w->inside += copies;
        w->bins[at] += (uint32_t)copies;
    }
}

static void check_near(const float *x, const float *base, int64_t n, uint32_t first, int copies) {
    struct fb_window *expected = new_window(first);
    fb_near_fn *near;

    count_plainly(expected, x, base, n, copies);
    for (int version = 0; (near = fb_select_near(version)); version++) {
        struct fb_window *w = new_window(first);
        near(w, x, base, n, copies);
        assert_memory_equal(w, expected, sizeof *w);
        free(w);
    }
    free(expected);
}

static void test_all_versions_count_alike(void **state) {
    const uint32_t firsts[] = {0, 1, 0x3e000000, 0x7f800000 - FB_SELECT_WINDOW};
    float *x = malloc(VALUES * sizeof *x), *base = malloc(VALUES * sizeof *base);
    uint32_t random = 7;

    (void)state;
    assert_true(x && base);
    for (int i = 0; i < VALUES; i++) {
        random = random * 1664525u + 1013904223u;
        base[i] = (float)(int)(random >> 8) * 1e-7f;
        x[i] = random >> 28 ? base[i] + (float)(int)random * 1e-10f : base[i];
    }
    for (int f = 0; f < 4; f++)
        for (int64_t n = 0; n < VALUES; n = 3 * n + 1)
            check_near(x, base, n, firsts[f], 1 + f % 3);
    check_near(x, base, VALUES, 0x3e000000, 3);
    check_near(x, x, VALUES, 0, 1); /* all of them in one bin */
    check_near(x, x, VALUES, 1, 1);
    free(x);
    free(base);
}

/* The bounds of a window are inside and outside: first, first + length - 1. */
static void test_a_window_ends_where_it_says(void **state) {
    const uint32_t first = 0x3f800000, bits[8] = {first - 1,
                                                  first,
                                                  first + FB_SELECT_WINDOW - 1,
                                                  first + FB_SELECT_WINDOW,
                                                  0,
                                                  0,
                                                  0,
                                                  first};
    struct fb_window *w = new_window(first);
    float x[8], zero[8] = {0};

    (void)state;
    memcpy(x, bits, sizeof x);
    fb_select_near(0)(w, x, zero, 8, 2);
    assert_int_equal(w->below, 8);
    assert_int_equal(w->inside, 6);
    assert_int_equal(w->bins[0], 4);
    assert_int_equal(w->bins[FB_SELECT_WINDOW - 1], 2);
    assert_false(w->nonfinite);
    free(w);
}

static void test_a_window_notices_infinity_and_nan_at_any_place(void **state) {
    const uint32_t bad[] = {0x7f800000, 0xff800000, 0x7fc00001, 0x7fffffff};
    float zero[19] = {0}, x[19];

    (void)state;
    for (int i = 0; i < 19; i++) {
        struct fb_window *w = new_window(0x3f800000);
        memset(x, 0, sizeof x);
        memcpy(&x[i], &bad[i % 4], sizeof x[i]);
        fb_select_near(0)(w, x, zero, 19, 1);
        assert_true(w->nonfinite);
        free(w);
    }
}

/* Below: 1 in one window and 2 in the other. Inside: three values, ranks 4 to 6. */
static void test_windows_know_the_ranks_inside_and_no_others(void **state) {
    struct fb_window *a = new_window(0x3f800000), *b = new_window(0x3f800000);
    const struct fb_window *both[] = {a, b};
    int64_t *sum = malloc(FB_SELECT_WINDOW * sizeof *sum);
    float found = -1;

    (void)state;
    assert_non_null(sum);
    fb_select_near(0)(a, (const float[]){1, 0.5f, -1.0078125f}, (const float[]){0, 0, 0}, 3, 1);
    fb_select_near(0)(b, (const float[]){1, 0.25f, 0, 2}, (const float[]){0, 0, 0, 0}, 4, 1);
    assert_false(fb_select_inside(&found, both, 2, 3, sum));
    assert_true(fb_select_inside(&found, both, 2, 4, sum) && found == 1);
    assert_true(fb_select_inside(&found, both, 2, 5, sum) && found == 1);
    assert_true(fb_select_inside(&found, both, 2, 6, sum) && found == 1.0078125f);
    assert_false(fb_select_inside(&found, both, 2, 7, sum));
    free(a);
    free(b);
    free(sum);
}

/* Three times 2^31 - 1 and once 3 are 2^33 + 2^32 / 2, which 32 bits cannot count. */
static void test_a_count_that_wrapped_around_is_not_believed(void **state) {
    struct fb_window *w = new_window(0x3f800000);
    const struct fb_window *all[] = {w};
    int64_t *sum = malloc(FB_SELECT_WINDOW * sizeof *sum);
    float found;

    (void)state;
    assert_non_null(sum);
    fb_select_near(0)(w, (const float[]){1, 1}, (const float[]){0, 0}, 2, 0x7fffffff);
    assert_true(fb_select_inside(&found, all, 1, 1, sum));
    fb_select_near(0)(w, (const float[]){1}, (const float[]){0}, 1, 0x7fffffff);
    assert_int_equal(w->inside, 3 * (int64_t)0x7fffffff);
    assert_false(fb_select_inside(&found, all, 1, 1, sum));
    free(w);
    free(sum);
}

/* 100 values at 1 and 100 at 2: the window of a part lies around it, and within what is finite. */
static void test_a_guess_lies_around_the_part(void **state) {
    int64_t *bins = calloc(FB_SELECT_UPPER, sizeof *bins);
    const uint32_t one = bits_of(1), two = bits_of(2), infinity = bits_of(INFINITY);

    (void)state;
    assert_non_null(bins);
    assert_int_equal(fb_select_guess(bins, 0.5), 0);
    bins[one >> 15] = bins[two >> 15] = 100;
    assert_int_equal(fb_select_guess(bins, 0.1), one - (4 << 15));
    assert_int_equal(fb_select_guess(bins, 0.4), one - (3 << 15));
    assert_int_equal(fb_select_guess(bins, 0.6), two - (4 << 15));
    assert_int_equal(fb_select_guess(bins, 1), two - (3 << 15));
    bins[0] = 1000;
    assert_int_equal(fb_select_guess(bins, 0), 0);
    bins[FB_SELECT_UPPER - 1] = 100000;
    assert_int_equal(fb_select_guess(bins, 1), infinity - FB_SELECT_WINDOW);
    free(bins);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_rank_equals_that_of_a_sorted_list),
        cmocka_unit_test(test_equal_magnitudes_are_counted_one_by_one),
        cmocka_unit_test(test_all_values_in_one_bin_are_told_apart),
        cmocka_unit_test(test_copies_count_as_often_as_they_say),
        cmocka_unit_test(test_all_versions_count_alike),
        cmocka_unit_test(test_a_window_ends_where_it_says),
        cmocka_unit_test(test_a_window_notices_infinity_and_nan_at_any_place),
        cmocka_unit_test(test_windows_know_the_ranks_inside_and_no_others),
        cmocka_unit_test(test_a_count_that_wrapped_around_is_not_believed),
        cmocka_unit_test(test_a_guess_lies_around_the_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
