#include "isa_cases.h"

#include "alloc_faults.h"
#include "base/alloc.h"
#include "kernel/outer.h"

#include <omp.h>
#include <stdlib.h>

static float *numbers(int64_t count, uint32_t seed) {
    float *x = malloc((size_t)(count + 1) * sizeof *x);

    assert_non_null(x);
    for (int64_t i = 0; i < count; i++)
        x[i] = noise((uint32_t)i + seed);
    return x;
}

/* A product of matrices without gaps, which is set. */
static struct fb_outer dense(const struct fb_isa *isa, float *c, const float *x, const float *y,
                             int64_t rows, int64_t m, int64_t n) {
    return (struct fb_outer){.c = c,
                             .ldc = n,
                             .x = x,
                             .ldx = m,
                             .y = y,
                             .ldy = n,
                             .rows = rows,
                             .m = m,
                             .n = n,
                             .isa = isa};
}

/* What the product makes of c, in double. */
static double made(double before, double product, enum fb_outer_into into) {
    switch (into) {
    case FB_OUTER_SET: return product;
    case FB_OUTER_ADD: return before + product;
    case FB_OUTER_ADD_SQUARES: break;
    }
    return before + product * product;
}

/* Rows of x, y and c are 3, 5 and 2 values longer than what is multiplied; what stands there, and
 * above the diagonal's tiles, is not touched. The tolerance is that of test_gemm.c; squares of sums
 * up to s are off by 2 s times it, and their own rounding. */
static void check_shape(const struct fb_isa *isa, int64_t rows, int64_t m, int64_t n,
                        enum fb_outer_into into) {
    struct fb_err err = {0};
    int64_t ldx = m + 3, ldy = n + 5, ldc = n + 2;
    float *x = numbers(rows * ldx, 1), *y = numbers(rows * ldy, 2), *c = numbers(m * ldc, 3);
    const float *before = numbers(m * ldc, 3);
    struct fb_outer o = dense(isa, c, x, y, rows, m, n);

    o.ldx = ldx;
    o.ldy = ldy;
    o.ldc = ldc;
    o.into = into;
    assert_int_equal(fb_outer(&o, &err), FB_OK);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < ldc; j++) {
            double sum = 0, most = 2e-7 + 6e-8 * (double)rows, want = (double)before[i * ldc + j];
            for (int64_t p = 0; p < rows && j < n; p++)
                sum += (double)x[p * ldx + i] * (double)y[p * ldy + j];
            if (into == FB_OUTER_ADD_SQUARES) most = 2e-7 + (2 * fabs(sum) + 1) * most;
            if (j < n) want = made(want, sum, into);
            if (fabs((double)c[i * ldc + j] - want) > (j < n ? most : 0))
                fail_msg("%s %dx%dx%d into %d [%d, %d]: %g, expected %g", isa->name, (int)rows,
                         (int)m, (int)n, (int)into, (int)i, (int)j, (double)c[i * ldc + j], want);
        }
    free(x), free(y), free(c), free((void *)before);
}

static void test_products_of_all_small_and_odd_shapes(void **state) {
    static const int64_t widths[] = {1, 2, 5, 6, 12, 13, 16, 17, 32, 33, 100};

    (void)state;
    for (int i = 0; fb_cpu_isa_at(i); i++)
        for (int64_t rows = 0; rows <= 9; rows++)
            for (size_t a = 0; a < sizeof widths / sizeof *widths; a++)
                for (size_t b = 0; b < sizeof widths / sizeof *widths; b++)
                    check_shape(fb_cpu_isa_at(i), rows, widths[a], widths[b],
                                (enum fb_outer_into)((a + b) % 3));
}

static void test_products_that_need_several_blocks(void **state) {
    (void)state;
    for (int i = 0; fb_cpu_isa_at(i); i++) {
        check_shape(fb_cpu_isa_at(i), 700, 35, 61, FB_OUTER_ADD);
        check_shape(fb_cpu_isa_at(i), 700, 35, 61, FB_OUTER_ADD_SQUARES);
        check_shape(fb_cpu_isa_at(i), 257, 500, 19, FB_OUTER_SET);
        check_shape(fb_cpu_isa_at(i), 80, 19, 500, FB_OUTER_ADD);
        check_shape(fb_cpu_isa_at(i), 80, 500, 70, FB_OUTER_ADD_SQUARES);
        /* More than is packed at a time. */
        check_shape(fb_cpu_isa_at(i), 2000, 2100, 3, FB_OUTER_ADD);
    }
}

static void test_bits_do_not_depend_on_threads(void **state) {
    enum { ROWS = 600, M = 410, N = 150, BYTES = M * N * (int)sizeof(float) };
    float *x = numbers(ROWS * M, 1), *y = numbers(ROWS * N, 2), *c = numbers(M * N, 3);
    float *want = malloc(BYTES);

    (void)state;
    for (int i = 0; fb_cpu_isa_at(i); i++)
        for (int threads = 1; threads <= 4; threads++) {
            struct fb_err err = {0};
            struct fb_outer o = dense(fb_cpu_isa_at(i), c, x, y, ROWS, M, N);
            omp_set_num_threads(threads);
            assert_int_equal(fb_outer(&o, &err), FB_OK);
            o.into = FB_OUTER_ADD;
            assert_int_equal(fb_outer(&o, &err), FB_OK);
            o.into = FB_OUTER_ADD_SQUARES;
            assert_int_equal(fb_outer(&o, &err), FB_OK);
            if (threads == 1) memcpy(want, c, BYTES);
            else assert_memory_equal(want, c, BYTES);
        }
    free(x), free(y), free(c), free(want);
}

/* A result as large as those that are written past the caches, which wants whole cache lines, has
 * the bits of one that is not. */
static void test_large_results_are_the_same_anywhere(void **state) {
    enum { ROWS = 5, M = 1030, N = 1040, COUNT = M * N };
    float *x = numbers(ROWS * M, 1), *y = numbers(ROWS * N, 2);
    float *block = malloc((COUNT + 32) * sizeof *block), *c = fb_aligned(block);
    float *want = malloc(COUNT * sizeof *want);

    (void)state;
    for (int i = 0; fb_cpu_isa_at(i); i++)
        for (int threads = 0; threads <= 4; threads++) {
            struct fb_err err = {0};
            struct fb_outer o = dense(fb_cpu_isa_at(i), threads ? c : c + 3, x, y, ROWS, M, N);
            omp_set_num_threads(threads ? threads : 1);
            assert_int_equal(fb_outer(&o, &err), FB_OK);
            if (!threads) memcpy(want, o.c, COUNT * sizeof *want);
            else assert_memory_equal(want, c, COUNT * sizeof *want);
        }
    free(x), free(y), free(block), free(want);
}

/* An element of the lower half has the bits of the whole product, wherever tiles cut it. */
static void check_lower(const struct fb_isa *isa, int64_t n, int threads) {
    enum { ROWS = 300 };
    struct fb_err err = {0};
    float *x = numbers(ROWS * n, 1), *half = numbers(n * n, 2), *whole = numbers(n * n, 2);
    struct fb_outer o = dense(isa, whole, x, x, ROWS, n, n);

    o.into = FB_OUTER_ADD;
    omp_set_num_threads(threads);
    assert_int_equal(fb_outer(&o, &err), FB_OK);
    o.c = half;
    o.lower = true;
    assert_int_equal(fb_outer(&o, &err), FB_OK);
    for (int64_t i = 0; i < n; i++)
        assert_memory_equal(half + i * n, whole + i * n, (size_t)(i + 1) * sizeof *half);
    free(x), free(half), free(whole);
}

static void test_the_lower_half_is_that_of_the_product(void **state) {
    static const int64_t widths[] = {1, 3, 12, 31, 32, 33, 64, 130, 800};

    (void)state;
    for (int i = 0; fb_cpu_isa_at(i); i++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            check_lower(fb_cpu_isa_at(i), widths[w], 1 + (int)w % 4);
}

/* x = [[1, 2, 3], [4, 5, 6]], the fourth column is not looked at. */
static void test_a_gram_matrix_is_mirrored(void **state) {
    static const float x[] = {1, 2, 3, 100, 4, 5, 6, 100};
    static const float want[] = {17, 22, 27, 22, 29, 36, 27, 36, 45};
    struct fb_err err = {0};
    float c[9] = {0};

    (void)state;
    assert_int_equal(fb_gram(c, x, 4, 1, 3, false, &err), FB_OK);
    assert_int_equal(fb_gram(c, x + 4, 4, 1, 3, true, &err), FB_OK);
    fb_gram_mirror(c, 3);
    for (int i = 0; i < 9; i++)
        assert_true(c[i] == want[i]);
}

static void test_a_large_matrix_is_mirrored(void **state) {
    enum { N = 133 };
    float *c = numbers(N * N, 1);

    (void)state;
    fb_gram_mirror(c, N);
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j <= i; j++) {
            assert_true(c[i * N + j] == noise((uint32_t)(i * N + j) + 1));
            assert_true(c[j * N + i] == c[i * N + j]);
        }
    free(c);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    float c = 0.0f;

    if (!fb_gram(&c, arg, 1, 1, 1, false, &err)) assert_true(c == 9.0f);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    float three = 3.0f;

    (void)state;
    assert_int_equal(for_each_allocation_failure(attempt, &three, 10), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_of_all_small_and_odd_shapes),
        cmocka_unit_test(test_products_that_need_several_blocks),
        cmocka_unit_test(test_bits_do_not_depend_on_threads),
        cmocka_unit_test(test_large_results_are_the_same_anywhere),
        cmocka_unit_test(test_the_lower_half_is_that_of_the_product),
        cmocka_unit_test(test_a_gram_matrix_is_mirrored),
        cmocka_unit_test(test_a_large_matrix_is_mirrored),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
