#include "isa_cases.h"

#include "kernel/grad.h"

#include <omp.h>
#include <stdlib.h>

/* softmax(0, ln 3) is 1/4, 3/4. */
static void test_two_classes_by_hand(void **state) {
    const float logits[] = {0.0f, 1.0986123f, 2.0f, 2.0f}, expected[] = {-1.5f, 1.5f, 0.0f, 0.0f};
    const int32_t label[] = {0, -100};
    float d[4];
    double loss = fb_softmax_cross_entropy(d, logits, label, 2, 2, 2.0f);

    (void)state;
    assert_true(fabs(loss - log(4.0)) < 1e-7);
    for (int i = 0; i < 4; i++)
        assert_true(fabs((double)(d[i] - expected[i])) < 2e-7);
}

static double exact_loss(const float *x, int64_t n, int32_t label, double *p) {
    double most = -INFINITY, sum = 0;

    for (int64_t j = 0; j < n; j++)
        if ((double)x[j] > most) most = (double)x[j];
    for (int64_t j = 0; j < n; j++)
        sum += p[j] = exp((double)x[j] - most);
    for (int64_t j = 0; j < n; j++)
        p[j] /= sum;
    return -log(p[label]);
}

/* Exponentials are good to 2 units in the last place and added at most 256 at a time in f32; a
 * derivative is p rounded, or p - 1 rounded once. */
static void test_losses_agree_with_double_precision(void **state) {
    static const int64_t widths[] = {1, 2, 3, 64, 257, 5000};
    enum { ROWS = 300 };
    float *x = malloc(ROWS * 5000 * sizeof *x), *d = malloc(ROWS * 5000 * sizeof *d);
    double p[5000];

    (void)state;
    assert_true(x && d);
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
        int64_t n = widths[k];
        int32_t label[ROWS];
        double want = 0, got;
        for (uint32_t i = 0; i < ROWS * n; i++)
            x[i] = 8.0f * noise(i);
        for (int i = 0; i < ROWS; i++)
            label[i] = i % 7 ? (int32_t)(i * 31 % n) : -1;
        got = fb_softmax_cross_entropy(d, x, label, ROWS, n, 0.25f);
        for (int i = 0; i < ROWS; i++) {
            if (label[i] >= 0) want += exact_loss(x + i * n, n, label[i], p);
            for (int64_t j = 0; j < n; j++) {
                double slope = label[i] < 0 ? 0 : 0.25 * (p[j] - (j == label[i]));
                double most = label[i] < 0 ? 0 : 1e-6 * 0.25 * p[j] + 1e-8;
                assert_true(fabs((double)d[i * n + j] - slope) <= most);
            }
        }
        assert_true(fabs(got - want) <= 1e-6 * want + 1e-6);
        assert_true(fb_softmax_cross_entropy(NULL, x, label, ROWS, n, 1.0f) == got);
        /* In place. */
        assert_true(fb_softmax_cross_entropy(x, x, label, ROWS, n, 0.25f) == got);
        assert_memory_equal(x, d, (size_t)(ROWS * n) * sizeof *x);
    }
    free(x), free(d);
}

static void test_threads_change_no_bit(void **state) {
    enum { ROWS = 40, N = 600 };
    static float x[ROWS * N], one[ROWS * N], d[ROWS * N];
    int32_t label[ROWS];
    double loss = 0;

    (void)state;
    for (uint32_t i = 0; i < ROWS * N; i++)
        x[i] = 8.0f * noise(i);
    for (int i = 0; i < ROWS; i++)
        label[i] = i;
    for (int threads = 1; threads <= 4; threads *= 2) {
        double got;
        omp_set_num_threads(threads);
        got = fb_softmax_cross_entropy(threads == 1 ? one : d, x, label, ROWS, N, 1.0f);
        if (threads == 1) loss = got;
        assert_true(got == loss);
        if (threads > 1) assert_memory_equal(d, one, sizeof d);
    }
}

/* Far apart: nothing overflows, and a class that is ruled out has no part. */
static void test_extreme_logits(void **state) {
    enum { N = 600 };
    static float x[N], d[N];
    const int32_t label = 3;

    (void)state;
    for (int j = 0; j < N; j++)
        x[j] = j < 256 ? -1e30f : -INFINITY;
    x[3] = x[4] = 1e30f;
    assert_true(fabs(fb_softmax_cross_entropy(d, x, &label, 1, N, 1.0f) - log(2.0)) < 1e-7);
    for (int j = 0; j < N; j++)
        assert_true(fabs((double)d[j] - (j == 3 ? -0.5 : j == 4 ? 0.5 : 0.0)) < 1e-7);
    x[300] = NAN;
    assert_true(isnan(fb_softmax_cross_entropy(d, x, &label, 1, N, 1.0f)));
    assert_true(isnan(d[3]) && isnan(d[300]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_classes_by_hand),
        cmocka_unit_test(test_losses_agree_with_double_precision),
        cmocka_unit_test(test_threads_change_no_bit),
        cmocka_unit_test(test_extreme_logits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
