/* isa_grad_cases.h - the same for derivatives. */
#ifndef FB_TESTS_ISA_GRAD_CASES_H
#define FB_TESTS_ISA_GRAD_CASES_H

#include "isa_cases.h"

static const enum fb_activation every_activation[] = {FB_LINEAR, FB_GELU_TANH, FB_GELU_ERF,
                                                      FB_RELU,   FB_SILU,      FB_TANH};
enum { ACTIVATIONS = sizeof every_activation / sizeof *every_activation };

static inline double exact_slope(double x, enum fb_activation activation) {
    double s, du = 0.79788456080286536 * (1 + 3 * 0.044715 * x * x), t;

    switch (activation) {
    case FB_GELU_TANH:
        t = tanh(0.79788456080286536 * (x + 0.044715 * x * x * x));
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * du;
    case FB_GELU_ERF:
        return 0.5 * erfc(-x / sqrt(2.0)) + x * exp(-0.5 * x * x) / sqrt(2 * 3.14159265358979324);
    case FB_RELU: return x > 0;
    case FB_SILU: s = 1 / (1 + exp(-x)); return s + x * s * (1 - s);
    case FB_TANH: return 1 - tanh(x) * tanh(x);
    case FB_LINEAR: break;
    }
    return 1;
}

/* Slopes are at most 1.13; the rounded argument of the exponential, relative 6e-8 of up to 200,
 * counts where x s (1 - s) t' is not yet small: 3e-6 covers what is left of it. */
static inline void check_activation_grads(const struct fb_isa *isa) {
    enum { N = 2003 };
    static float x[N], y[N], dy[N], dx[N];

    for (int k = 0; k < ACTIVATIONS; k++) {
        for (uint32_t i = 0; i < N; i++) {
            x[i] = i < 1000 ? 3.0f * noise(i) : 12.0f * noise(i);
            dy[i] = noise(i + 5000) + 2.0f;
        }
        x[7] = 0.0f;
        isa->activation_grad(dx, dy, x, N, every_activation[k]);
        isa->activate(y, x, N, every_activation[k]);
        for (int i = 0; i < N; i++) {
            double at = (double)x[i], want = exact(at, every_activation[k]);
            assert_true(fabs((double)y[i] - want) <= 4e-6 * fabs(want) + 2e-7 * (fabs(at) + 1));
            want = (double)dy[i] * exact_slope(at, every_activation[k]);
            if (!(fabs((double)dx[i] - want) <= 3e-6))
                fail_msg("slope %d at %g: %g, expected %g", k, at, (double)dx[i], want);
        }
    }
}

/* Whatever the place in a vector; inputs may be overwritten. */
static inline void check_activation_has_the_bits_of_finish(const struct fb_isa *isa) {
    float c[FB_TILE_ROWS * FB_TILE_COLS], bias[FB_TILE_COLS] = {0}, one[FB_TILE_ROWS];
    float x[FB_TILE_ROWS * FB_TILE_COLS], dx[FB_TILE_ROWS * FB_TILE_COLS];
    int n = isa->rows * isa->cols;

    for (int k = 0; k < ACTIVATIONS; k++) {
        for (int i = 0; i < n; i++)
            c[i] = x[i] = 6.0f * noise((uint32_t)i + 77);
        isa->finish(c, isa->cols, bias, NULL, 0, every_activation[k]);
        isa->activation_grad(dx, x, x, n, every_activation[k]);
        for (int i = 0; i + 3 <= n; i++) {
            isa->activate(one, x + i, 3, every_activation[k]);
            assert_memory_equal(one, c + i, 3 * sizeof *one);
            memcpy(one, x + i, 3 * sizeof *one);
            isa->activation_grad(one, one, x + i, 3, every_activation[k]);
            assert_memory_equal(one, dx + i, 3 * sizeof *one);
        }
        isa->activate(x, x, n, every_activation[k]);
        assert_memory_equal(x, c, (size_t)n * sizeof *x);
    }
}

static inline void check_slopes_keep_what_is_not_a_number(const struct fb_isa *isa) {
    float x[40] = {0}, dy[40] = {0}, dx[40];

    for (int k = 0; k < ACTIVATIONS; k++) {
        x[3] = NAN;
        dy[3] = 1.0f;
        dy[20] = NAN;
        isa->activation_grad(dx, dy, x, 40, every_activation[k]);
        assert_true(isnan(dx[20]) && dx[21] == 0.0f);
        /* As torch: relu lets the derivative through, the others are not numbers there. */
        if (every_activation[k] == FB_RELU || every_activation[k] == FB_LINEAR)
            assert_true(dx[3] == 1.0f);
        else assert_true(isnan(dx[3]));
    }
}

/* dx, and the sums over rows with what was there. */
struct norm_rows {
    enum { NORM_ROWS = 5, NORM_COLS = 128 } unused;
    float x[NORM_ROWS * NORM_COLS], dy[NORM_ROWS * NORM_COLS], dx[NORM_ROWS * NORM_COLS];
    float weight[NORM_COLS], dweight[NORM_COLS], dbias[NORM_COLS];
    struct fb_moments moments[NORM_ROWS];
};

static inline void fill_norm_rows(struct norm_rows *r, double mean) {
    for (uint32_t i = 0; i < NORM_ROWS * NORM_COLS; i++) {
        r->x[i] = noise(i) + (float)mean;
        r->dy[i] = noise(i + 1000);
    }
    for (uint32_t j = 0; j < NORM_COLS; j++) {
        r->weight[j] = noise(j + 2000) + 1.0f;
        r->dweight[j] = r->dbias[j] = 1.0f;
    }
}

/* The normalised row, from double sums; returns 1 / deviation. */
static inline double exact_norm(const float *x, int64_t n, bool centred, double *normal) {
    double mean = 0, square = 0, scale;

    for (int64_t j = 0; j < n && centred; j++)
        mean += (double)x[j] / (double)n;
    for (int64_t j = 0; j < n; j++)
        square += ((double)x[j] - mean) * ((double)x[j] - mean) / (double)n;
    scale = 1 / sqrt(square + 1e-5);
    for (int64_t j = 0; j < n; j++)
        normal[j] = ((double)x[j] - mean) * scale;
    return scale;
}

/* The mean is about 1 and the deviation 0.6 (n = 2: down to 0.05, which is why its numbers are
 * larger): as the norm itself, a few roundings of numbers up to 4. */
static inline void check_norm_grads(const struct fb_isa *isa, bool centred) {
    static const int64_t widths[] = {1, 2, 3, 7, 16, 33, 80, 128};
    static struct norm_rows r;

    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
        int64_t n = widths[k];
        double sum[NORM_COLS] = {0}, sums[NORM_COLS] = {0};
        fill_norm_rows(&r, 1.0);
        for (int64_t i = 0; i < NORM_ROWS; i++) {
            const float *x = r.x + i * NORM_COLS, *dy = r.dy + i * NORM_COLS;
            double normal[NORM_COLS], scale = exact_norm(x, n, centred, normal), a = 0, b = 0;
            r.moments[i] = (centred ? isa->layer_norm_grad : isa->rms_norm_grad)(
                r.dx + i * NORM_COLS, dy, x, r.weight, n, 1e-5f);
            for (int64_t j = 0; j < n; j++) {
                double g = (double)dy[j] * (double)r.weight[j];
                a += centred ? g / (double)n : 0;
                b += g * normal[j] / (double)n;
                sum[j] += (double)dy[j] * normal[j];
                sums[j] += (double)dy[j];
            }
            for (int64_t j = 0; j < n; j++) {
                double want = scale * ((double)dy[j] * (double)r.weight[j] - a - normal[j] * b);
                double got = (double)r.dx[i * NORM_COLS + j];
                if (!(fabs(got - want) < 2e-6 * (1 + scale)))
                    fail_msg("n %d: %g, expected %g (scale %g)", (int)n, got, want, scale);
            }
        }
        isa->norm_weight_grad(r.dweight, r.dy, r.x, r.moments, NORM_COLS, NORM_ROWS, n);
        isa->column_sums(r.dbias, r.dy, NORM_COLS, NORM_ROWS, n);
        for (int64_t j = 0; j < n; j++) {
            assert_true(fabs((double)r.dweight[j] - 1 - sum[j]) < 2e-6 * NORM_ROWS);
            assert_true(fabs((double)r.dbias[j] - 1 - sums[j]) < 1e-7 * NORM_ROWS);
        }
        if (n < NORM_COLS) assert_true(r.dweight[n] == 1.0f && r.dbias[n] == 1.0f);
    }
}

static inline void check_softmax_grad(const struct fb_isa *isa) {
    float p[90], ds[90];

    for (int64_t n = 1; n <= 70; n++) {
        double inverse = 0, mean = 0;
        for (uint32_t i = 0; i < 90; i++) {
            p[i] = noise(i) + 1.0f;
            ds[i] = noise(i + 100);
            if (i < n) inverse += (double)p[i];
        }
        inverse = 1 / inverse;
        for (int64_t i = 0; i < n; i++)
            mean += (double)p[i] * inverse * (double)ds[i];
        isa->softmax_grad(ds, p, (float)inverse, n, n + 5);
        for (uint32_t i = 0; i < n; i++) {
            double q = ((double)noise(i) + 1) * inverse;
            assert_true(fabs((double)p[i] - q) < 2e-7);
            assert_true(fabs((double)ds[i] - q * ((double)noise(i + 100) - mean)) < 1e-6);
        }
        for (int64_t i = n; i < n + 5; i++)
            assert_true(ds[i] == 0.0f);
        assert_true(ds[n + 5] == noise((uint32_t)n + 105));
    }
}

static inline void check_simple_rows(const struct fb_isa *isa) {
    enum { K = 9, LD = 40 };
    float x[K * LD], y[K * LD], a[K * FB_TILE_ROWS];

    for (uint32_t i = 0; i < K * LD; i++) {
        x[i] = noise(i);
        y[i] = noise(i + 600);
    }
    isa->pack_columns(a, x + 1, LD, K);
    for (int p = 0; p < K; p++)
        for (int r = 0; r < isa->rows; r++)
            assert_true(a[p * isa->rows + r] == x[p * LD + 1 + r]);
    isa->add_to(y, x, K * LD - 3);
    for (uint32_t i = 0; i < K * LD; i++)
        assert_true(y[i] == (i < K * LD - 3 ? noise(i + 600) + x[i] : noise(i + 600)));
    for (int64_t n = 1; n < 40; n++) {
        float most = x[0];
        for (int64_t i = 0; i < n; i++)
            if (x[i] > most) most = x[i];
        assert_true(isa->largest(x, n) == most);
    }
}

static inline void run_isa_grad_cases(const struct fb_isa *isa) {
    if (!isa->supported || !isa->supported()) return;
    check_activation_grads(isa);
    check_activation_has_the_bits_of_finish(isa);
    check_slopes_keep_what_is_not_a_number(isa);
    check_norm_grads(isa, true);
    check_norm_grads(isa, false);
    check_softmax_grad(isa);
    check_simple_rows(isa);
}

#endif
