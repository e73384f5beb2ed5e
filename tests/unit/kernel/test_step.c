#include "isa_cases.h"

#include "alloc_faults.h"

#include <omp.h>

enum { HEADS = 3, DIM_MAX = 20, KEYS = 23, ROWS = 5, WIDE = HEADS * DIM_MAX };

struct values {
    float q[ROWS * WIDE], k[KEYS * WIDE], v[KEYS * WIDE], out[ROWS * WIDE], bias[HEADS * KEYS];
    struct fb_span span[ROWS];
};

/* Row i sees keys i .. of its own number; `width` is heads * dim. */
static void fill(struct values *x, int64_t width) {
    static const int64_t keys[ROWS] = {1, 8, 9, 17, 18};

    for (uint32_t i = 0; i < ROWS * WIDE; i++)
        x->q[i] = 3.0f * noise(i);
    for (uint32_t i = 0; i < KEYS * WIDE; i++) {
        x->k[i] = noise(i + 100000);
        x->v[i] = noise(i + 200000);
    }
    for (uint32_t i = 0; i < HEADS * KEYS; i++)
        x->bias[i] = noise(i + 300000);
    for (int i = 0; i < ROWS; i++)
        x->span[i] = (struct fb_span){x->k + i * width, x->v + i * width, keys[i]};
}

static double expected(const struct values *x, int row, int64_t column, int64_t dim, bool bias) {
    int64_t head = column / dim, width = HEADS * dim;
    const struct fb_span *s = &x->span[row];
    double sum = 0, weighted = 0;

    for (int64_t j = 0; j < s->keys; j++) {
        double score = bias ? (double)x->bias[head * KEYS + j] : 0;
        for (int64_t d = 0; d < dim; d++)
            score += 0.5 * (double)x->q[row * width + head * dim + d] *
                     (double)s->k[j * width + head * dim + d];
        sum += exp(score);
        weighted += exp(score) * (double)s->v[j * width + column];
    }
    return weighted / sum;
}

static struct fb_step step_of(const struct values *x, int64_t dim, bool bias) {
    return (struct fb_step){.span = x->span,
                            .rows = ROWS,
                            .heads = HEADS,
                            .dim = dim,
                            .ldkv = HEADS * dim,
                            .scale = 0.5f,
                            .bias = bias ? x->bias : NULL,
                            .ldbias = KEYS};
}

/* Scores are below 20: their rounding, 2e-6, is the relative error of a probability. */
static void test_a_step_agrees_with_double_precision(void **state) {
    static const int64_t dims[] = {1, 3, 8, 16, 17, 20};
    static struct values x;
    struct fb_err err = {0};

    (void)state;
    for (size_t k = 0; k < 2 * sizeof dims / sizeof *dims; k++) {
        int64_t dim = dims[k / 2];
        struct fb_step how;
        fill(&x, HEADS * dim);
        how = step_of(&x, dim, k % 2);
        assert_int_equal(fb_attend_step(x.out, x.q, &how, &err), FB_OK);
        for (int i = 0; i < ROWS; i++)
            for (int64_t j = 0; j < HEADS * dim; j++)
                assert_true(fabs((double)x.out[i * HEADS * dim + j] -
                                 expected(&x, i, j, dim, k % 2)) < 1e-5);
    }
}

static void test_a_row_does_not_depend_on_the_others_or_on_threads(void **state) {
    static struct values x;
    struct fb_step how;
    struct fb_err err = {0};
    float one[WIDE];

    (void)state;
    fill(&x, WIDE);
    for (int threads = 1; threads <= 4; threads *= 2) {
        omp_set_num_threads(threads);
        how = step_of(&x, DIM_MAX, true);
        assert_int_equal(fb_attend_step(x.out, x.q, &how, &err), FB_OK);
        how.rows = 1;
        for (int i = 0; i < ROWS; i++) {
            how.span = &x.span[i];
            assert_int_equal(fb_attend_step(one, x.q + i * WIDE, &how, &err), FB_OK);
            assert_memory_equal(one, x.out + i * WIDE, sizeof one);
        }
    }
}

static int attempt(void *arg) {
    struct values *x = arg;
    struct fb_step how = step_of(x, DIM_MAX, false);
    struct fb_err err = {0};

    return fb_attend_step(x->out, x->q, &how, &err);
}

static void test_every_allocation_may_fail(void **state) {
    static struct values x;

    (void)state;
    fill(&x, WIDE);
    assert_int_equal(for_each_allocation_failure(attempt, &x, 10), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_agrees_with_double_precision),
        cmocka_unit_test(test_a_row_does_not_depend_on_the_others_or_on_threads),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
