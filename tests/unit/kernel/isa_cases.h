/* isa_cases.h - the cases every instruction set must pass, compared with double precision. */
#ifndef FB_TESTS_ISA_CASES_H
#define FB_TESTS_ISA_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "hashed.h"
#include "kernel/cpu.h"
#include "kernel/prefetch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Numbers in [-1, 1) that a test can make again. */
static inline float noise(uint32_t i) {
    return (float)hashed_unit(12345, i);
}

static inline double exact(double x, enum fb_activation activation) {
    double u = 0.79788456080286536 * (x + 0.044715 * x * x * x);

    switch (activation) {
    case FB_GELU_TANH: return x / (1.0 + exp(-2.0 * u));
    case FB_GELU_ERF: return 0.5 * x * erfc(-x / sqrt(2.0));
    case FB_RELU: return x > 0 ? x : 0;
    case FB_SILU: return x / (1.0 + exp(-x));
    case FB_TANH: return tanh(x);
    case FB_LINEAR: break;
    }
    return x;
}

/* The sum of k products of numbers up to 1 carries at most k + 1 roundings. */
static inline void check_tile(const struct fb_isa *isa) {
    enum { K = 37 };
    float x[FB_TILE_ROWS * K], a[FB_TILE_ROWS * K], b[FB_TILE_COLS * K];
    float c[FB_TILE_ROWS * FB_TILE_COLS];

    for (uint32_t i = 0; i < FB_TILE_ROWS * K; i++)
        x[i] = noise(i);
    for (uint32_t i = 0; i < FB_TILE_COLS * K; i++)
        b[i] = noise(i + 10000);
    isa->pack(a, x, K, isa->rows, K);
    isa->tile(c, isa->cols, a, b, K, false);
    isa->tile(c, isa->cols, a, b, K, true);
    for (int r = 0; r < isa->rows; r++)
        for (int j = 0; j < isa->cols; j++) {
            double sum = 0;
            for (int p = 0; p < K; p++)
                sum += (double)x[r * K + p] * (double)b[p * isa->cols + j];
            assert_true(fabs(c[r * isa->cols + j] - 2 * sum) < 2 * K * 6e-8 * K);
        }
}

/* Whatever is fetched meanwhile. */
static inline void check_other_tiles_have_its_bits(const struct fb_isa *isa) {
    enum { K = 67 };
    float x[FB_TILE_ROWS * K], a[FB_TILE_ROWS * K], b[FB_TILE_COLS * K];
    float whole[FB_TILE_ROWS * FB_TILE_COLS], c[FB_TILE_ROWS * FB_TILE_COLS];

    for (uint32_t i = 0; i < FB_TILE_ROWS * K; i++)
        x[i] = noise(i);
    for (uint32_t i = 0; i < FB_TILE_COLS * K; i++)
        b[i] = noise(i + 10000);
    isa->pack(a, x, K, isa->rows, K);
    isa->tile(whole, isa->cols, a, b, K, false);
    for (int count = 1; count <= isa->rows; count++) {
        isa->tile_part(c, isa->cols, a, b, K, false, count, count % 2 ? b : NULL);
        assert_memory_equal(c, whole, (size_t)(count * isa->cols) * sizeof *c);
    }
    isa->tile(whole, isa->cols, a, b, K, true);
    isa->tile_part(c, isa->cols, a, b, K, true, isa->rows, b);
    assert_memory_equal(c, whole, (size_t)(isa->rows * isa->cols) * sizeof *c);
}

/* k is enough for the tile to the right to be fetched, or not. */
static inline void check_tiles_side_by_side(const struct fb_isa *isa, int64_t k) {
    enum { K = 67, COUNT = FB_TILE_ROWS * FB_TILE_COLS };
    float a[FB_TILE_ROWS * K], b[FB_TILE_COLS * K], sum[COUNT], block[COUNT + 32];
    float *c = fb_aligned(block);
    size_t size = (size_t)(isa->rows * isa->cols) * sizeof *c;

    for (uint32_t i = 0; i < FB_TILE_ROWS * K; i++)
        a[i] = noise(i);
    for (uint32_t i = 0; i < FB_TILE_COLS * K; i++)
        b[i] = noise(i + 10000);
    isa->tile(sum, isa->cols, a, b, k, false);
    isa->tile_along(c, isa->cols, a, b, k, FB_INTO_NEW);
    assert_memory_equal(c, sum, size);
    memset(c, 0, size);
    isa->tile_along(c, isa->cols, a, b, k, FB_INTO_FAR);
    fb_far_done();
    assert_memory_equal(c, sum, size);
    isa->tile_along(c, isa->cols, a, b, k, FB_INTO_SUM);
    for (int i = 0; i < isa->rows * isa->cols; i++)
        assert_true(c[i] == 2 * sum[i]);
    isa->tile_along(c, isa->cols, a, b, k, FB_INTO_SQUARES);
    for (int i = 0; i < isa->rows * isa->cols; i++) {
        double want = 2 * (double)sum[i] + (double)sum[i] * (double)sum[i];
        assert_true(fabs((double)c[i] - want) <= 1.2e-7 * (fabs(want) + 2 * fabs((double)sum[i])));
    }
}

/* Rows that do not exist repeat the last one. */
static inline void check_pack(const struct fb_isa *isa) {
    enum { K = 9 };
    float x[FB_TILE_ROWS * K], a[FB_TILE_ROWS * K];

    for (uint32_t i = 0; i < FB_TILE_ROWS * K; i++)
        x[i] = noise(i);
    for (int count = 1; count <= isa->rows; count++) {
        isa->pack(a, x, K, count, K);
        for (int r = 0; r < isa->rows; r++)
            for (int p = 0; p < K; p++)
                assert_true(a[p * isa->rows + r] == x[(r < count ? r : count - 1) * K + p]);
    }
}

/* The argument of the exponential is rounded before it is taken: an error that grows with |x|; 4e-6
 * relative covers |x| <= 12. erf and tanh lose at most 1e-7 of the largest value. */
static inline void check_activations(const struct fb_isa *isa) {
    static const enum fb_activation all[] = {FB_LINEAR, FB_GELU_TANH, FB_GELU_ERF,
                                             FB_RELU,   FB_SILU,      FB_TANH};
    float c[FB_TILE_ROWS * FB_TILE_COLS], bias[FB_TILE_COLS], add[FB_TILE_ROWS * FB_TILE_COLS];
    int n = isa->rows * isa->cols;

    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (uint32_t start = 0; start < 4000; start += (uint32_t)n) {
            double x[FB_TILE_ROWS * FB_TILE_COLS];
            for (int j = 0; j < isa->cols; j++)
                bias[j] = noise((uint32_t)j + 7);
            for (int i = 0; i < n; i++) {
                c[i] = 11.0f * noise(start + (uint32_t)i);
                add[i] = k % 2 ? noise((uint32_t)i + 99) : 0.0f;
                x[i] = (double)(c[i] + bias[i % isa->cols]);
            }
            isa->finish(c, isa->cols, bias, k % 2 ? add : NULL, isa->cols, all[k]);
            for (int i = 0; i < n; i++) {
                double want = exact(x[i], all[k]);
                double most = 4e-6 * fabs(want) + 2e-7 * (fabs(x[i]) + 1);
                if (fabs((double)c[i] - (want + (double)add[i])) > most)
                    fail_msg("activation %d of %g: %g, expected %g", (int)all[k], x[i],
                             (double)c[i], want + (double)add[i]);
            }
        }
}

static inline void check_layer_norm(const struct fb_isa *isa) {
    static const int64_t widths[] = {1, 2, 7, 16, 33, 768};
    float x[768], y[768], w[768], b[768];

    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
        int64_t n = widths[k];
        double mean = 0, square = 0;
        for (int64_t i = 0; i < n; i++) {
            x[i] = noise((uint32_t)i) + 3.0f;
            w[i] = noise((uint32_t)i + 1000);
            b[i] = noise((uint32_t)i + 2000);
            mean += (double)x[i] / (double)n;
        }
        for (int64_t i = 0; i < n; i++)
            square += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
        isa->layer_norm(y, x, w, b, n, 1e-5f);
        for (int64_t i = 0; i < n; i++) {
            double want = ((double)x[i] - mean) / sqrt(square + 1e-5) * (double)w[i] + (double)b[i];
            /* The mean is about 3: its rounding, 2e-7, is divided by a deviation of 0.5. */
            if (n > 1) assert_true(fabs((double)y[i] - want) < 4e-6);
        }
    }
}

/* Two units in the last place of values up to 1. */
static inline void check_exponentials(const struct fb_isa *isa) {
    float x[80], y[80];

    for (int64_t n = 1; n <= 70; n++) {
        double sum = 0;
        float largest = -1e30f, got;
        for (int64_t i = 0; i < 80; i++) {
            x[i] = y[i] = 20.0f * noise((uint32_t)(i + n * 100));
            if (i < n && x[i] > largest) largest = x[i];
        }
        got = isa->exponentials(y, n, n + 5);
        for (int64_t i = 0; i < n; i++) {
            double want = exp((double)(x[i] - largest));
            assert_true(fabs((double)y[i] - want) <= 2.4e-7 * want);
            sum += want;
        }
        for (int64_t i = n; i < n + 5; i++)
            assert_true(y[i] == 0.0f);
        assert_true(y[n + 5] == x[n + 5]);
        assert_true(fabs((double)got - sum) < 1e-6 * sum);
    }
}

/* What a long row's zeros add must not change the sum of a short one. */
static inline void check_end_does_not_count(const struct fb_isa *isa) {
    float x[64], y[64];

    for (uint32_t i = 0; i < 64; i++)
        x[i] = y[i] = noise(i);
    assert_true(isa->exponentials(x, 21, 21) == isa->exponentials(y, 21, 64));
    assert_memory_equal(x, y, 21 * sizeof *x);
}

static inline void check_not_a_number_is_kept(const struct fb_isa *isa) {
    static const enum fb_activation all[] = {FB_LINEAR, FB_GELU_TANH, FB_GELU_ERF,
                                             FB_RELU,   FB_SILU,      FB_TANH};
    float c[FB_TILE_ROWS * FB_TILE_COLS] = {0}, bias[FB_TILE_COLS] = {0};

    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        c[0] = NAN;
        isa->finish(c, isa->cols, bias, NULL, 0, all[k]);
        assert_true(isnan(c[0]));
    }
}

static inline void run_isa_cases(const struct fb_isa *isa) {
    if (!isa->supported || !isa->supported()) {
        printf("this machine has no %s\n", isa->name);
        return;
    }
    check_pack(isa);
    check_tile(isa);
    check_other_tiles_have_its_bits(isa);
    check_tiles_side_by_side(isa, 67);
    check_tiles_side_by_side(isa, 13);
    check_activations(isa);
    check_layer_norm(isa);
    check_exponentials(isa);
    check_end_does_not_count(isa);
    check_not_a_number_is_kept(isa);
}

#endif
