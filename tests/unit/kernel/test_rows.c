#include "isa_cases.h"

#include <omp.h>

static void test_rows_of_a_norm_depend_on_themselves_alone(void **state) {
    enum { ROWS = 40, N = 19 };
    float x[ROWS * N], w[N], b[N], all[ROWS * N], one[N];

    (void)state;
    for (uint32_t i = 0; i < ROWS * N; i++)
        x[i] = noise(i);
    for (uint32_t i = 0; i < N; i++) {
        w[i] = noise(i + 1000);
        b[i] = noise(i + 2000);
    }
    for (int threads = 1; threads <= 4; threads *= 2) {
        omp_set_num_threads(threads);
        fb_layer_norm(all, x, w, b, ROWS, N, 1e-5f);
        for (int i = 0; i < ROWS; i++) {
            fb_layer_norm(one, x + i * N, w, b, 1, N, 1e-5f);
            assert_memory_equal(one, all + i * N, sizeof one);
        }
    }
}

/* Sums of 19 squares up to 1: the relative error is that of 20 roundings at most. */
static void test_a_root_mean_square_norm_agrees_with_double_precision(void **state) {
    enum { ROWS = 40, N = 19 };
    float x[ROWS * N], w[N], all[ROWS * N], one[N];

    (void)state;
    for (uint32_t i = 0; i < ROWS * N; i++)
        x[i] = noise(i);
    for (uint32_t i = 0; i < N; i++)
        w[i] = noise(i + 1000);
    for (int threads = 1; threads <= 4; threads *= 2) {
        omp_set_num_threads(threads);
        fb_rms_norm(all, x, w, ROWS, N, 1e-3f);
        for (int i = 0; i < ROWS; i++) {
            double square = 0;
            fb_rms_norm(one, x + i * N, w, 1, N, 1e-3f);
            assert_memory_equal(one, all + i * N, sizeof one);
            for (int j = 0; j < N; j++)
                square += (double)x[i * N + j] * (double)x[i * N + j];
            for (int j = 0; j < N; j++) {
                double want =
                    (double)x[i * N + j] / sqrt(square / N + (double)1e-3f) * (double)w[j];
                assert_true(fabs((double)one[j] - want) <= 20 * 6e-8 * fabs(want));
            }
        }
    }
}

/* Columns come in pieces of 1, 2, ..; the lowest of equal values wins, and the first NaN does. */
static void test_the_largest_column_is_found_piece_by_piece(void **state) {
    enum { ROWS = 20, N = 45 };
    float x[ROWS * N], piece[ROWS * N], best[ROWS];
    int32_t id[ROWS], want[ROWS];

    (void)state;
    for (uint32_t i = 0; i < ROWS * N; i++)
        x[i] = (float)(int)(noise(i) * 8.0f);
    x[3 * N + 20] = x[3 * N + 40] = NAN;
    x[4 * N + 44] = INFINITY;
    for (int j = 0; j < N; j++)
        x[5 * N + j] = -INFINITY;
    for (int i = 0; i < ROWS; i++) {
        want[i] = 0;
        for (int j = 1; j < N; j++)
            if (x[i * N + j] > x[i * N + want[i]]) want[i] = j;
    }
    want[3] = 20;
    for (int threads = 1; threads <= 2; threads++)
        for (int width = 1; width <= N; width++) {
            omp_set_num_threads(threads);
            for (int first = 0; first < N; first += width) {
                int n = first + width < N ? width : N - first;
                for (int i = 0; i < ROWS; i++)
                    memcpy(piece + i * n, x + i * N + first, (size_t)n * sizeof *x);
                fb_columns_argmax(best, id, piece, ROWS, n, first);
            }
            assert_memory_equal(id, want, sizeof want);
            assert_true(best[4] == INFINITY && best[5] == -INFINITY && best[3] != best[3]);
        }
}

static void test_multiplication_is_element_by_element(void **state) {
    enum { ROWS = 17, N = 11 };
    float x[ROWS * N], y[ROWS * N];

    (void)state;
    for (uint32_t i = 0; i < ROWS * N; i++) {
        x[i] = noise(i);
        y[i] = noise(i + 500);
    }
    fb_multiply(y, x, ROWS, N);
    for (uint32_t i = 0; i < ROWS * N; i++)
        assert_true(y[i] == noise(i + 500) * x[i]);
}

static void test_embedding_adds_token_and_position(void **state) {
    const float table[] = {1, 2, 3, 4, 5, 6}, positions[] = {10, 20, 30, 40};
    const int32_t id[] = {2, 0, 2}, position[] = {0, 1, 1};
    const float expected[] = {15, 26, 31, 42, 35, 46};
    float y[6];

    (void)state;
    fb_embed(y, table, id, positions, position, 3, 2);
    assert_memory_equal(y, expected, sizeof y);
}

static void test_gather_copies_the_named_rows(void **state) {
    const float x[] = {1, 2, 3, 4, 5, 6}, expected[] = {5, 6, 1, 2, 5, 6};
    const int64_t row[] = {2, 0, 2};
    float y[6];

    (void)state;
    fb_gather(y, x, row, 3, 2);
    assert_memory_equal(y, expected, sizeof y);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_a_norm_depend_on_themselves_alone),
        cmocka_unit_test(test_a_root_mean_square_norm_agrees_with_double_precision),
        cmocka_unit_test(test_the_largest_column_is_found_piece_by_piece),
        cmocka_unit_test(test_multiplication_is_element_by_element),
        cmocka_unit_test(test_embedding_adds_token_and_position),
        cmocka_unit_test(test_gather_copies_the_named_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
