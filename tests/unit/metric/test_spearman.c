#include "metric/spearman.h"

#include "alloc_faults.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_rho_is_that_of_scipy_to_the_last_bit(void **state) {
    FILE *f = fopen(FB_GOLDEN_DIR "/metric/spearman.txt", "r");
    struct fb_err err = {0};
    double rho, expected, v[2][512];
    int n, count = 0;

    (void)state;
    assert_non_null(f);
    for (; fscanf(f, "%d %la", &n, &expected) == 2; count++) {
        assert_in_range(n, 1, 512);
        for (int c = 0; c < 2; c++)
            for (int i = 0; i < n; i++)
                assert_int_equal(fscanf(f, "%la", &v[c][i]), 1);
        assert_int_equal(fb_spearman(&rho, v[0], v[1], n, &err), FB_OK);
        if (isnan(expected) ? !isnan(rho) : rho != expected)
            fail_msg("case %d of %d values: %.17g, scipy has %.17g", count, n, rho, expected);
    }
    fclose(f);
    assert_int_equal(count, 20);
}

/* Ranks 1 2 3 4.5 4.5 against 4.5 4.5 3 2 1: deviations -2 -1 0 1.5 1.5 and 1.5 1.5 0 -1 -2, sums
 * of squares 9.5 and 9.5, of products -3 - 1.5 - 1.5 - 3 = -9: rho = -9 / 9.5. */
static void test_ties_share_their_rank(void **state) {
    const double x[] = {1, 2, 3, 9, 9}, y[] = {7, 7, 5, 4, 0};
    struct fb_err err = {0};
    double rho;

    (void)state;
    assert_int_equal(fb_spearman(&rho, x, y, 5, &err), FB_OK);
    assert_true(fabs(rho + 9.0 / 9.5) < 1e-15);
}

enum { N = 200, SAMPLES = 1000 };

/* A sample drawn in full, as the definition has it. */
static double resampled(const double *x, const double *y, uint64_t seed, uint64_t sample) {
    double u[N], v[N], rho;
    struct fb_err err = {0};

    for (uint64_t i = 0; i < N; i++) {
        uint64_t k = fb_rng_below(seed, sample * N + i, N);
        u[i] = x[k];
        v[i] = y[k];
    }
    assert_int_equal(fb_spearman(&rho, u, v, N, &err), FB_OK);
    return rho;
}

static void test_the_interval_holds_95_percent_of_the_resamples(void **state) {
    struct fb_interval range;
    struct fb_err err = {0};
    double x[N], y[N];
    int below = 0, above = 0;

    (void)state;
    for (uint64_t i = 0; i < N; i++) {
        x[i] = (double)fb_rng_below(1, i, 30);
        y[i] = x[i] + (double)fb_rng_below(2, i, 30);
    }
    assert_int_equal(fb_spearman_interval(&range, x, y, N, SAMPLES, 3, &err), FB_OK);
    for (uint64_t s = 0; s < SAMPLES; s++) {
        double rho = resampled(x, y, 3, s);
        below += rho < range.low;
        above += rho > range.high;
    }
    /* Position 0.025 * 999 = 24.975: 25 values are below it, and 25 above the other end. */
    assert_int_equal(below, 25);
    assert_int_equal(above, 25);
}

static void test_where_there_is_no_rho_there_is_no_interval(void **state) {
    const double x[] = {1, 1, 1}, y[] = {1, 2, 3}, odd[] = {1, NAN, 2};
    struct fb_interval range;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_spearman_interval(&range, x, y, 3, 100, 0, &err), FB_OK);
    assert_true(isnan(range.low) && isnan(range.high));
    assert_int_equal(fb_spearman_interval(&range, odd, y, 3, 100, 0, &err), FB_OK);
    assert_true(isnan(range.low) && isnan(range.high));
    assert_int_equal(fb_spearman_interval(&range, x, y, 1, 100, 0, &err), FB_OK);
    assert_true(isnan(range.low) && isnan(range.high));
}

static int attempt(void *arg) {
    const double x[] = {1, 2, 3}, y[] = {2, 1, 3};
    struct fb_interval range;
    struct fb_err err = {0};
    double rho;

    (void)arg;
    if (fb_spearman(&rho, x, y, 3, &err)) return err.code;
    return fb_spearman_interval(&range, x, y, 3, 10, 0, &err);
}

static void test_memory_that_runs_out_is_reported(void **state) {
    (void)state;
    assert_int_equal(for_each_allocation_failure(attempt, NULL, 50), 11);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rho_is_that_of_scipy_to_the_last_bit),
        cmocka_unit_test(test_ties_share_their_rank),
        cmocka_unit_test(test_the_interval_holds_95_percent_of_the_resamples),
        cmocka_unit_test(test_where_there_is_no_rho_there_is_no_interval),
        cmocka_unit_test(test_memory_that_runs_out_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
