#include "isa_cases.h"

#include "alloc_faults.h"
#include "kernel/gemm.h"

#include <omp.h>
#include <stdlib.h>

static float *numbers(int64_t count, uint32_t seed) {
    float *x = malloc((size_t)count * sizeof *x);

    assert_non_null(x);
    for (int64_t i = 0; i < count; i++)
        x[i] = noise((uint32_t)i + seed);
    return x;
}

/* tanh(x W + bias) + add against double precision, for one shape. The tolerance is k roundings of
 * partial sums that stay below k^(1/2). */
static void check_shape(const struct fb_isa *isa, int64_t m, int64_t k, int64_t n,
                        enum fb_weight_order order) {
    struct fb_err err = {0};
    struct fb_packed p;
    float *x = numbers(m * k, 1), *w = numbers(k * n, 2), *bias = numbers(n, 3);
    float *add = numbers(m * n, 4), *y = numbers(m * n, 5);
    struct fb_gemm g = {y, n, x, k, add, n, m, &p, 0, n, FB_TANH};

    assert_int_equal(fb_pack(&p, w, order, bias, k, n, isa, &err), FB_OK);
    assert_int_equal(fb_gemm(&g, &err), FB_OK);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = (double)bias[j];
            for (int64_t q = 0; q < k; q++)
                sum += (double)x[i * k + q] *
                       (double)(order == FB_IN_OUT ? w[q * n + j] : w[j * k + q]);
            sum = tanh(sum) + (double)add[i * n + j];
            if (fabs((double)y[i * n + j] - sum) > 2e-7 + 6e-8 * (double)k)
                fail_msg("%s %dx%dx%d [%d, %d]: %g, expected %g", isa->name, (int)m, (int)k, (int)n,
                         (int)i, (int)j, (double)y[i * n + j], sum);
        }
    fb_packed_free(&p);
    free(x), free(w), free(bias), free(add), free(y);
}

static void test_products_of_all_small_and_odd_shapes(void **state) {
    static const int64_t widths[] = {1, 2, 15, 16, 17, 33, 100};

    (void)state;
    for (int i = 0; fb_cpu_isa_at(i); i++)
        for (int64_t m = 1; m <= 20; m++)
            for (size_t a = 0; a < sizeof widths / sizeof *widths; a++)
                for (size_t b = 0; b < sizeof widths / sizeof *widths; b++)
                    check_shape(fb_cpu_isa_at(i), m, widths[a], widths[b],
                                m % 2 ? FB_IN_OUT : FB_OUT_IN);
}

static void test_products_that_need_several_blocks(void **state) {
    (void)state;
    for (int i = 0; fb_cpu_isa_at(i); i++) {
        check_shape(fb_cpu_isa_at(i), 5, 700, 35, FB_IN_OUT);
        check_shape(fb_cpu_isa_at(i), 500, 257, 19, FB_OUT_IN);
    }
}

/* Row 0 of 1, 2, ... rows with 1, 2 and 4 threads, whole and by ranges of columns. */
static void test_bits_of_a_row_depend_on_nothing_else(void **state) {
    enum { M = 800, K = 600, N = 150 };
    static const int64_t rows[] = {1, 2, 5, 6, 7, 13, 64, 385, M};
    float *x = numbers(M * K, 1), *w = numbers(K * N, 2), *all = numbers(M * N, 3);
    float *y = numbers(M * N, 3);

    (void)state;
    for (int i = 0; fb_cpu_isa_at(i); i++) {
        struct fb_err err = {0};
        struct fb_packed p;
        struct fb_gemm g = {all, N, x, K, NULL, 0, M, &p, 0, N, FB_GELU_TANH};
        assert_int_equal(fb_pack(&p, w, FB_IN_OUT, NULL, K, N, fb_cpu_isa_at(i), &err), FB_OK);
        omp_set_num_threads(2);
        assert_int_equal(fb_gemm(&g, &err), FB_OK);
        for (int threads = 1; threads <= 4; threads *= 2)
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
                omp_set_num_threads(threads);
                g.rows = rows[r];
                g.x = x + (M - rows[r]) * K;
                for (int64_t from = 0; from < N; from += 61) {
                    g.y = y + from;
                    g.column = from;
                    g.columns = N - from < 61 ? N - from : 61;
                    assert_int_equal(fb_gemm(&g, &err), FB_OK);
                }
                assert_memory_equal(y, all + (M - rows[r]) * N, (size_t)(rows[r] * N) * sizeof *y);
            }
        fb_packed_free(&p);
    }
    free(x), free(w), free(all), free(y);
}

/* Three widths, rows on both sides of one block, a residual and an activation with one of them. */
static void test_joint_products_are_those_one_by_one(void **state) {
    enum { M = 400, K = 300, MOST = 77 };
    static const int64_t widths[FB_GEMM_JOINT] = {77, 1, 32}, rows[] = {1, 7, 64, M};
    float *x = numbers(M * K, 1), *w = numbers(K * MOST, 2), *add = numbers(M * MOST, 3);
    float *y[2 * FB_GEMM_JOINT];

    (void)state;
    for (int j = 0; j < 2 * FB_GEMM_JOINT; j++)
        y[j] = numbers(M * MOST, 4);
    for (int i = 0; fb_cpu_isa_at(i); i++) {
        struct fb_err err = {0};
        struct fb_packed p[FB_GEMM_JOINT];
        for (int j = 0; j < FB_GEMM_JOINT; j++)
            assert_int_equal(
                fb_pack(&p[j], w + j, FB_IN_OUT, x, K - 1, widths[j], fb_cpu_isa_at(i), &err), 0);
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            for (int threads = 1; threads <= 4; threads *= 2) {
                struct fb_gemm g[FB_GEMM_JOINT];
                omp_set_num_threads(threads);
                for (int j = 0; j < FB_GEMM_JOINT; j++) {
                    g[j] = (struct fb_gemm){y[j],
                                            MOST,
                                            x,
                                            K,
                                            j ? NULL : add,
                                            MOST,
                                            rows[r],
                                            &p[j],
                                            0,
                                            widths[j],
                                            j == 2 ? FB_RELU : FB_LINEAR};
                    assert_int_equal(fb_gemm(&g[j], &err), FB_OK);
                    g[j].y = y[FB_GEMM_JOINT + j];
                }
                assert_int_equal(fb_gemm_joint(g, FB_GEMM_JOINT, &err), FB_OK);
                for (int j = 0; j < FB_GEMM_JOINT; j++)
                    assert_memory_equal(y[j], y[FB_GEMM_JOINT + j], M * MOST * sizeof **y);
            }
        for (int j = 0; j < FB_GEMM_JOINT; j++)
            fb_packed_free(&p[j]);
    }
    for (int j = 0; j < 2 * FB_GEMM_JOINT; j++)
        free(y[j]);
    free(x), free(w), free(add);
}

static void test_a_product_of_no_rows_writes_nothing(void **state) {
    struct fb_err err = {0};
    struct fb_packed p;
    const float w = 2.0f, x[3] = {1.0f, 2.0f, 3.0f};
    float y[3] = {0};
    struct fb_gemm g = {y, 1, x, 1, NULL, 0, 3, &p, 0, 1, FB_LINEAR};

    (void)state;
    assert_int_equal(fb_pack(&p, &w, FB_IN_OUT, NULL, 1, 1, NULL, &err), FB_OK);
    assert_int_equal(fb_gemm(&g, &err), FB_OK);
    assert_true(y[0] == 2.0f && y[1] == 4.0f && y[2] == 6.0f);
    g.rows = 0;
    y[0] = 12.0f;
    assert_int_equal(fb_gemm(&g, &err), FB_OK);
    assert_true(y[0] == 12.0f);
    fb_packed_free(&p);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_packed p;
    float y = 0.0f;
    struct fb_gemm g = {&y, 1, arg, 1, NULL, 0, 1, &p, 0, 1, FB_LINEAR};

    if (!fb_pack(&p, arg, FB_IN_OUT, NULL, 1, 1, NULL, &err) && !fb_gemm(&g, &err))
        assert_true(y == 9.0f);
    fb_packed_free(&p);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    float three = 3.0f;

    (void)state;
    assert_int_equal(for_each_allocation_failure(attempt, &three, 10), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_of_all_small_and_odd_shapes),
        cmocka_unit_test(test_products_that_need_several_blocks),
        cmocka_unit_test(test_bits_of_a_row_depend_on_nothing_else),
        cmocka_unit_test(test_joint_products_are_those_one_by_one),
        cmocka_unit_test(test_a_product_of_no_rows_writes_nothing),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
