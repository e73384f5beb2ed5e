#include "isa_cases.h"

#include "kernel/grad.h"

#include <omp.h>

/* 600 rows are three blocks of sums; 150 columns are a range and a bit. */
enum { ROWS = 600, N = 150, TABLE = 9 };

struct values {
    float x[ROWS * N], dy[ROWS * N], dx[ROWS * N], weight[N], dweight[N], dbias[N], sum[N];
    float table[TABLE * N];
};

static void fill(struct values *v) {
    for (uint32_t i = 0; i < ROWS * N; i++) {
        v->x[i] = noise(i) + 0.5f;
        v->dy[i] = noise(i + 100000);
        v->dx[i] = 77.0f;
    }
    for (uint32_t j = 0; j < N; j++) {
        v->weight[j] = noise(j + 200000);
        v->dweight[j] = v->dbias[j] = v->sum[j] = 1.0f;
    }
    for (uint32_t j = 0; j < TABLE * N; j++)
        v->table[j] = 1.0f;
}

static int64_t row_of(int64_t i) {
    return i * i % TABLE;
}

static void run(struct values *v, int threads) {
    int64_t row[ROWS];

    for (int64_t i = 0; i < ROWS; i++)
        row[i] = row_of(i);
    omp_set_num_threads(threads);
    fill(v);
    fb_layer_norm_grad(v->dx, v->dweight, v->dbias, v->dy, v->x, v->weight, ROWS, N, 1e-5f);
    fb_column_sums(v->sum, v->dy, N, ROWS, N - 3);
    fb_scatter_add(v->table, row, v->x, ROWS, N);
}

/* Sums of 600 numbers of about 1: rounded 600 times at sizes up to 40. */
static void test_sums_over_rows_agree_with_double_precision(void **state) {
    static struct values v;

    (void)state;
    run(&v, 2);
    for (int64_t j = 0; j < N; j++) {
        double weight = 1, bias = 1, row[TABLE] = {0};
        for (int64_t i = 0; i < ROWS; i++) {
            const float *x = v.x + i * N;
            double mean = 0, square = 0;
            for (int64_t k = 0; k < N; k++)
                mean += (double)x[k] / N;
            for (int64_t k = 0; k < N; k++)
                square += ((double)x[k] - mean) * ((double)x[k] - mean) / N;
            weight += (double)v.dy[i * N + j] * ((double)x[j] - mean) / sqrt(square + 1e-5);
            bias += (double)v.dy[i * N + j];
            row[row_of(i)] += (double)x[j];
        }
        assert_true(fabs((double)v.dweight[j] - weight) < 5e-5);
        assert_true(fabs((double)v.dbias[j] - bias) < 5e-5);
        assert_true(fabs((double)v.sum[j] - (j < N - 3 ? bias : 1)) < 5e-5);
        for (int r = 0; r < TABLE; r++)
            assert_true(fabs((double)v.table[r * N + j] - 1 - row[r]) < 2e-4);
    }
}

static void test_threads_change_no_bit(void **state) {
    static struct values one, v;

    (void)state;
    run(&one, 1);
    for (int threads = 2; threads <= 4; threads += 2) {
        run(&v, threads);
        assert_memory_equal(&v, &one, sizeof v);
    }
}

/* The same row alone, and none of the sums wanted. */
static void test_rows_of_a_norm_depend_on_themselves_alone(void **state) {
    static struct values v;
    float dx[N];

    (void)state;
    run(&v, 2);
    for (int64_t i = 0; i < ROWS; i += 97) {
        fb_layer_norm_grad(dx, NULL, NULL, v.dy + i * N, v.x + i * N, v.weight, 1, N, 1e-5f);
        assert_memory_equal(dx, v.dx + i * N, sizeof dx);
    }
}

/* y = x / r weight with r^2 = mean of x^2 + epsilon. */
static void test_a_root_mean_square_norm_agrees_with_double_precision(void **state) {
    static struct values v;
    double weight[N] = {0};

    (void)state;
    fill(&v);
    fb_rms_norm_grad(v.dx, v.dweight, v.dy, v.x, v.weight, ROWS, N, 1e-3f);
    for (int64_t i = 0; i < ROWS; i++) {
        const float *x = v.x + i * N, *dy = v.dy + i * N;
        double square = 0, along = 0, scale;
        for (int64_t j = 0; j < N; j++) {
            square += (double)x[j] * (double)x[j] / N;
            along += (double)dy[j] * (double)v.weight[j] * (double)x[j] / N;
        }
        scale = 1 / sqrt(square + 1e-3);
        for (int64_t j = 0; j < N; j++) {
            double want = scale * ((double)dy[j] * (double)v.weight[j] -
                                   (double)x[j] * along * scale * scale);
            assert_true(fabs((double)v.dx[i * N + j] - want) < 2e-6);
            weight[j] += (double)dy[j] * (double)x[j] * scale;
        }
    }
    for (int64_t j = 0; j < N; j++)
        assert_true(fabs((double)v.dweight[j] - 1 - weight[j]) < 5e-5);
}

/* Every row by itself, whatever the threads; 33 columns are not whole vectors. */
static void test_activations_work_by_rows(void **state) {
    static const enum fb_activation all[] = {FB_LINEAR, FB_GELU_TANH, FB_GELU_ERF,
                                             FB_RELU,   FB_SILU,      FB_TANH};
    enum { COLS = 33, COUNT = 40 * COLS };
    static float x[COUNT], dy[COUNT], y[COUNT], dx[COUNT], one[COUNT];
    const struct fb_isa *isa = fb_cpu_isa();

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++) {
        x[i] = 3.0f * noise(i);
        dy[i] = noise(i + 5000);
    }
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (int threads = 1; threads <= 4; threads *= 2) {
            omp_set_num_threads(threads);
            fb_activate(y, x, 40, COLS, all[k]);
            isa->activate(one, x, COUNT, all[k]);
            assert_memory_equal(y, one, sizeof y);
            fb_activation_grad(dx, dy, x, 40, COLS, all[k]);
            isa->activation_grad(one, dy, x, COUNT, all[k]);
            assert_memory_equal(dx, one, sizeof dx);
        }
}

static void test_adding_is_element_by_element(void **state) {
    enum { COUNT = 20011 };
    static float y[COUNT + 1], x[COUNT];

    (void)state;
    for (int threads = 1; threads <= 4; threads *= 2) {
        omp_set_num_threads(threads);
        for (uint32_t i = 0; i < COUNT; i++) {
            x[i] = noise(i);
            y[i] = noise(i + 50000);
        }
        y[COUNT] = 3.0f;
        fb_add_to(y, x, COUNT);
        for (uint32_t i = 0; i < COUNT; i++)
            assert_true(y[i] == noise(i + 50000) + x[i]);
        assert_true(y[COUNT] == 3.0f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_over_rows_agree_with_double_precision),
        cmocka_unit_test(test_threads_change_no_bit),
        cmocka_unit_test(test_rows_of_a_norm_depend_on_themselves_alone),
        cmocka_unit_test(test_a_root_mean_square_norm_agrees_with_double_precision),
        cmocka_unit_test(test_activations_work_by_rows),
        cmocka_unit_test(test_adding_is_element_by_element),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
