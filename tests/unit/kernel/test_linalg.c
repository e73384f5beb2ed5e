#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "isa_cases.h"
#include "kernel/linalg.h"

#include <omp.h>
#include <stdlib.h>

static float *numbers(int64_t count, uint32_t seed) {
    float *x = malloc((size_t)count * sizeof *x);

    assert_non_null(x);
    for (int64_t i = 0; i < count; i++)
        x[i] = noise((uint32_t)i + seed);
    return x;
}

/* M M^T + n/4: the eigenvalues are between n/4 and about 2 n. Above the diagonal stands a number
 * that nobody reads. */
static float *positive(int64_t n, uint32_t seed) {
    float *m = numbers(n * n, seed), *a = malloc((size_t)(n * n) * sizeof *a);

    assert_non_null(a);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            a[i * n + j] = j > i ? 1e30f : i == j ? (float)n / 4 : 0.0f;
            for (int64_t k = 0; k < n && j <= i; k++)
                a[i * n + j] += m[i * n + k] * m[j * n + k];
        }
    free(m);
    return a;
}

static double symmetric(const float *a, int64_t n, int64_t i, int64_t j) {
    return (double)(i >= j ? a[i * n + j] : a[j * n + i]);
}

/* x is rounded to f32, so that a row of A x may be off by n roundings of products up to `size`. */
static void check_solution(const struct fb_system *s, double size) {
    for (int64_t i = 0; i < s->n; i++)
        for (int64_t k = 0; k < s->columns; k++) {
            double sum = 0;
            for (int64_t j = 0; j < s->n; j++)
                sum += symmetric(s->a, s->n, i, j) * (double)s->x[j * s->columns + k];
            assert_true(fabs(sum - (double)s->b[i * s->columns + k]) < 6e-8 * size * (double)s->n);
        }
}

static void test_systems_of_all_sizes_are_solved(void **state) {
    static const struct {
        int64_t n, columns;
    } sizes[] = {{1, 1}, {2, 3}, {3, 1}, {17, 5}, {64, 64}, {100, 33}, {0, 4}, {4, 0}};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    struct fb_system s[COUNT];
    struct fb_err err = {0};

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        int64_t n = sizes[i].n, columns = sizes[i].columns;
        s[i] = (struct fb_system){.a = positive(n, 7),
                                  .b = numbers(n * columns, 3),
                                  .x = malloc((size_t)(n * columns + 1) * sizeof(float)),
                                  .n = n,
                                  .columns = columns};
    }
    assert_int_equal(fb_solve(s, COUNT, &err), FB_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(s[i].solved, FB_SOLVED_CHOLESKY);
        check_solution(&s[i], 2.0);
        free((void *)s[i].a), free((void *)s[i].b), free(s[i].x);
    }
}

/* [[0, 1], [1, 0]] swaps; [[1, 2], [2, 1]] has the eigenvalues 3 and -1. */
static void test_a_matrix_that_is_not_positive_definite_is_solved_by_lu(void **state) {
    static const float swap[] = {0, 0, 1, 0}, two[] = {1, 0, 2, 1}, b[] = {5, 4, 7, 5};
    float x[4], y[4];
    struct fb_system s[] = {{.a = swap, .b = b, .x = x, .n = 2, .columns = 2},
                            {.a = two, .b = b, .x = y, .n = 2, .columns = 2}};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_solve(s, 2, &err), FB_OK);
    assert_int_equal(s[0].solved, FB_SOLVED_LU);
    assert_int_equal(s[1].solved, FB_SOLVED_LU);
    assert_true(x[0] == 7 && x[1] == 5 && x[2] == 5 && x[3] == 4);
    assert_true(y[0] == 3 && y[1] == 2 && y[2] == 1 && y[3] == 1);
}

/* Row 2 is the sum of the others; then a NaN and an infinity. The other systems are solved. */
static void test_what_has_no_solution_is_said_and_left_alone(void **state) {
    static const float a[] = {1, 0, 0, 2, 5, 0, 3, 7, 10}, one[] = {4};
    float nan[] = {NAN}, infinite[] = {INFINITY}, b[] = {1, 2, 3}, x[3] = {7, 7, 7}, y[3] = {7, 7};
    struct fb_system s[] = {{.a = a, .b = b, .x = x, .n = 3, .columns = 1},
                            {.a = nan, .b = b, .x = y, .n = 1, .columns = 1},
                            {.a = one, .b = infinite, .x = y + 1, .n = 1, .columns = 1},
                            {.a = one, .b = b + 1, .x = y + 2, .n = 1, .columns = 1}};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_solve(s, 4, &err), FB_OK);
    assert_int_equal(s[0].solved, FB_SINGULAR);
    assert_int_equal(s[0].pivot, 2);
    assert_int_equal(s[1].solved, FB_NOT_FINITE);
    assert_int_equal(s[2].solved, FB_NOT_FINITE);
    assert_int_equal(s[3].solved, FB_SOLVED_CHOLESKY);
    assert_true(x[0] == 7 && x[1] == 7 && x[2] == 7 && y[0] == 7 && y[1] == 7 && y[2] == 0.5f);
}

/* Large enough for the library to use threads of its own, one system alone and several at once. */
static void test_bits_do_not_depend_on_threads(void **state) {
    enum { N = 400, COLUMNS = 150, BYTES = N * COLUMNS * (int)sizeof(float), COUNT = 3 };
    float *a = positive(N, 7), *b = numbers(N * COLUMNS, 3), *x[COUNT], *want = malloc(BYTES);
    struct fb_err err = {0};

    (void)state;
    for (int i = 0; i < COUNT; i++)
        assert_non_null(x[i] = malloc(BYTES));
    for (int threads = 1; threads <= 4; threads++)
        for (int count = 1; count <= COUNT; count++) {
            struct fb_system s[COUNT];
            for (int i = 0; i < count; i++)
                s[i] = (struct fb_system){.a = a, .b = b, .x = x[i], .n = N, .columns = COLUMNS};
            omp_set_num_threads(threads);
            assert_int_equal(fb_solve(s, count, &err), FB_OK);
            if (threads == 1 && count == 1) memcpy(want, x[0], BYTES);
            for (int i = 0; i < count; i++)
                assert_memory_equal(want, x[i], BYTES);
            assert_int_equal(omp_get_max_threads(), threads);
        }
    free(a), free(b), free(want);
    for (int i = 0; i < COUNT; i++)
        free(x[i]);
}

static void test_a_result_may_stand_in_place_of_the_right_side(void **state) {
    static const float a[] = {2, 0, 0, 4};
    float b[] = {2, 4, 8, 16};
    struct fb_system s = {.a = a, .b = b, .x = b, .n = 2, .columns = 2};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_solve(&s, 1, &err), FB_OK);
    assert_true(b[0] == 1 && b[1] == 2 && b[2] == 2 && b[3] == 4);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    float x = 0;
    struct fb_system s = {.a = arg, .b = arg, .x = &x, .n = 1, .columns = 1};

    if (!fb_solve(&s, 1, &err)) assert_true(x == 1.0f);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    float three = 3.0f;

    (void)state;
    assert_int_equal(for_each_allocation_failure(attempt, &three, 10), 3);
}

static void test_more_equations_than_memory_has_room_for_are_refused(void **state) {
    float x = 0;
    struct fb_system s = {.a = &x, .b = &x, .x = &x, .n = (int64_t)1 << 40, .columns = 2};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_solve(&s, 1, &err), FB_ENOMEM);
    assert_string_equal(err.msg, "out of memory: 1099511627776 equations with 2 right sides");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_systems_of_all_sizes_are_solved),
        cmocka_unit_test(test_a_matrix_that_is_not_positive_definite_is_solved_by_lu),
        cmocka_unit_test(test_what_has_no_solution_is_said_and_left_alone),
        cmocka_unit_test(test_bits_do_not_depend_on_threads),
        cmocka_unit_test(test_a_result_may_stand_in_place_of_the_right_side),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_more_equations_than_memory_has_room_for_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
