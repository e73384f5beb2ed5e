#include "isa_cases.h"

#include "alloc_faults.h"
#include "base/rng.h"
#include "kernel/grad.h"

#include <omp.h>
#include <stdlib.h>

enum { HEADS = 3, DIM_MAX = 80, ROWS = 300, PAD = 2, REACH = 150 };
enum { WIDE = HEADS * DIM_MAX + PAD, BIASES = HEADS * (2 * REACH - 1) };

/* q, k, v, dout and what comes out. */
struct values {
    float q[ROWS * WIDE], k[ROWS * WIDE], v[ROWS * WIDE], dout[ROWS * WIDE];
    float dq[ROWS * WIDE], dk[ROWS * WIDE], dv[ROWS * WIDE], bias[BIASES], dbias[BIASES];
};

/* The same derivatives in double. */
struct exact {
    double dq[ROWS * WIDE], dk[ROWS * WIDE], dv[ROWS * WIDE], dbias[BIASES];
};

static void fill(struct values *x) {
    for (uint32_t i = 0; i < ROWS * WIDE; i++) {
        x->q[i] = 2.0f * noise(i);
        x->k[i] = noise(i + 100000);
        x->v[i] = noise(i + 200000);
        x->dout[i] = noise(i + 300000);
        x->dq[i] = x->dk[i] = x->dv[i] = 77.0f;
    }
    for (uint32_t i = 0; i < BIASES; i++) {
        x->bias[i] = noise(i + 400000);
        x->dbias[i] = 1.0f;
    }
}

/* What a query sees. */
struct view {
    int64_t row;        /* in q */
    int64_t position;   /* of the query */
    int64_t from, keys; /* rows of k */
};

static struct view view_of(const struct fb_attention *how, int64_t s, int64_t t) {
    const struct fb_segment *to = &how->segment[s];
    const struct fb_segment *from = how->key_segment ? &how->key_segment[s] : to;
    struct view v = {to->row + t, t, from->row, from->visible ? from->visible : from->count};

    if (how->last_only) {
        v.row = s;
        v.position = to->count - 1;
    }
    if (!how->bidirectional && v.position + 1 < v.keys) v.keys = v.position + 1;
    return v;
}

static int64_t queries_of(const struct fb_attention *how, int64_t s) {
    return how->last_only ? 1 : how->segment[s].count;
}

static double factor_of(const struct fb_attention *how, int64_t head, int64_t row, int64_t key) {
    uint64_t seed = fb_rng_bits(fb_rng_bits(how->seed, (uint64_t)head), (uint64_t)row);

    if (how->dropout <= 0) return 1;
    return (double)fb_rng_bits(seed, (uint64_t)key) < how->dropout * 0x1p64
               ? 0
               : 1 / (1 - how->dropout);
}

/* Probabilities of one query, before dropout. */
static void softmax(const struct values *x, const struct fb_attention *how, const struct view *see,
                    int64_t head, double *p) {
    int64_t first = head * how->dim;
    double sum = 0;

    for (int64_t j = 0; j < see->keys; j++) {
        double score = 0;
        for (int64_t d = first; d < first + how->dim; d++)
            score += (double)x->q[see->row * WIDE + d] * (double)x->k[(see->from + j) * WIDE + d];
        score *= (double)how->scale;
        if (how->bias)
            score += (double)how->bias[head * (2 * REACH - 1) + j - see->position + REACH - 1];
        p[j] = exp(score);
        sum += p[j];
    }
    for (int64_t j = 0; j < see->keys; j++)
        p[j] /= sum;
}

/* Adds the parts of one query. */
static void query_grad(const struct values *x, const struct fb_attention *how,
                       const struct view *see, int64_t head, struct exact *e) {
    int64_t first = head * how->dim;
    double p[ROWS], da[ROWS], mean = 0;

    softmax(x, how, see, head, p);
    for (int64_t j = 0; j < see->keys; j++) {
        double factor = factor_of(how, head, see->row, j);
        da[j] = 0;
        for (int64_t d = first; d < first + how->dim; d++) {
            double dout = (double)x->dout[see->row * WIDE + d];
            da[j] += factor * dout * (double)x->v[(see->from + j) * WIDE + d];
            e->dv[(see->from + j) * WIDE + d] += factor * p[j] * dout;
        }
        mean += p[j] * da[j];
    }
    for (int64_t j = 0; j < see->keys; j++) {
        double ds = p[j] * (da[j] - mean);
        e->dbias[head * (2 * REACH - 1) + j - see->position + REACH - 1] += ds;
        ds *= (double)how->scale;
        for (int64_t d = first; d < first + how->dim; d++) {
            e->dq[see->row * WIDE + d] += ds * (double)x->k[(see->from + j) * WIDE + d];
            e->dk[(see->from + j) * WIDE + d] += ds * (double)x->q[see->row * WIDE + d];
        }
    }
}

static void expected(const struct values *x, const struct fb_attention *how, struct exact *e) {
    memset(e, 0, sizeof *e);
    for (int64_t s = 0; s < how->segments; s++)
        for (int64_t t = 0; t < queries_of(how, s); t++) {
            struct view see = view_of(how, s, t);
            for (int64_t h = 0; h < how->heads; h++)
                query_grad(x, how, &see, h, e);
        }
}

static struct fb_attention_grad grad_of(struct values *x, const struct fb_attention *how) {
    return (struct fb_attention_grad){.dq = x->dq,
                                      .dk = x->dk,
                                      .dv = x->dv,
                                      .dbias = how->bias ? x->dbias : NULL,
                                      .dout = x->dout,
                                      .lddout = WIDE,
                                      .q = x->q,
                                      .k = x->k,
                                      .v = x->v,
                                      .ldq = WIDE,
                                      .ldkv = WIDE,
                                      .how = how};
}

/* `rows` whole rows of heads * dim columns; what is beside them is left alone. */
static void check_rows(const char *what, const float *got, const double *want, int64_t rows,
                       int64_t columns) {
    for (int64_t i = 0; i < rows * WIDE; i++) {
        if (i % WIDE >= columns) {
            assert_true(got[i] == 77.0f);
            continue;
        }
        if (!(fabs((double)got[i] - want[i]) < 1e-5 * (1 + fabs(want[i]))))
            fail_msg("%s [%d, %d]: %g, expected %g", what, (int)(i / WIDE), (int)(i % WIDE),
                     (double)got[i], want[i]);
    }
}

static void check(const struct fb_attention *how, int64_t query_rows, int64_t key_rows) {
    static struct values x;
    static struct exact e;
    struct fb_attention_grad grad = grad_of(&x, how);
    struct fb_err err = {0};

    fill(&x);
    expected(&x, how, &e);
    for (int i = 0; fb_cpu_isa_at(i); i++) {
        fill(&x);
        grad.isa = fb_cpu_isa_at(i);
        assert_int_equal(fb_attend_grad(&grad, &err), FB_OK);
        check_rows("dq", x.dq, e.dq, query_rows, HEADS * how->dim);
        check_rows("dk", x.dk, e.dk, key_rows, HEADS * how->dim);
        check_rows("dv", x.dv, e.dv, key_rows, HEADS * how->dim);
        for (int64_t j = 0; j < BIASES; j++) {
            double want = how->bias ? 1 + e.dbias[j] : 1;
            assert_true(fabs((double)x.dbias[j] - want) < 1e-5);
        }
        assert_true(x.dq[query_rows * WIDE] == 77.0f && x.dk[key_rows * WIDE] == 77.0f);
    }
}

static struct fb_attention over(const struct fb_segment *segment, int64_t segments, int64_t dim) {
    return (struct fb_attention){.segment = segment,
                                 .segments = segments,
                                 .heads = HEADS,
                                 .dim = dim,
                                 .scale = 1.0f / sqrtf((float)dim)};
}

static const int64_t dims[] = {1, 3, 5, 64, 80};
enum { DIMS = sizeof dims / sizeof *dims };

static void test_causal_derivatives_agree_with_double_precision(void **state) {
    static const struct fb_segment whole[] = {
        {-1, 0, 37, 0, 0}, {-1, 37, 1, 0, 0}, {-1, 38, 13, 0, 0}, {-1, 51, 70, 0, 0}};

    (void)state;
    for (int k = 0; k < DIMS; k++) {
        struct fb_attention how = over(whole, 4, dims[k]);
        check(&how, 121, 121);
    }
}

/* More queries than a block has, with and without a bias. */
static void test_long_sequences_agree_with_double_precision(void **state) {
    static const struct fb_segment whole[] = {{-1, 0, 137, 0, 0}, {-1, 137, 97, 0, 0}};

    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        struct fb_attention how = over(whole, 2, 20);
        static struct values x;
        fill(&x);
        how.bidirectional = mode;
        how.bias = mode ? x.bias : NULL;
        how.reach = REACH;
        check(&how, 234, 234);
    }
}

static void test_every_length_agrees_with_double_precision(void **state) {
    (void)state;
    for (int64_t length = 1; length <= 70; length++) {
        const struct fb_segment whole = {-1, 0, length, 0, 0};
        struct fb_attention how = over(&whole, 1, 5);
        check(&how, length, length);
        how.bidirectional = true;
        check(&how, length, length);
    }
}

static void test_a_bias_collects_from_all_segments(void **state) {
    static const struct fb_segment whole[] = {
        {-1, 0, 37, 0, 0}, {-1, 37, 5, 0, 0}, {-1, 42, 13, 0, 0}};
    static struct values x;

    (void)state;
    fill(&x);
    for (int k = 0; k < DIMS; k++)
        for (int both = 0; both < 2; both++) {
            struct fb_attention how = over(whole, 3, dims[k]);
            how.bidirectional = both;
            how.bias = x.bias;
            how.reach = REACH;
            check(&how, 55, 55);
        }
}

static void test_last_queries_agree_with_double_precision(void **state) {
    static const struct fb_segment whole[] = {
        {-1, 0, 37, 0, 0}, {-1, 37, 5, 0, 4}, {-1, 42, 13, 0, 0}};

    (void)state;
    for (int k = 0; k < DIMS; k++) {
        struct fb_attention how = over(whole, 3, dims[k]);
        how.last_only = true;
        check(&how, 3, 55);
    }
}

static void test_keys_that_are_not_visible_get_zeros(void **state) {
    static const struct fb_segment padded[] = {{-1, 0, 30, 0, 21}, {-1, 30, 7, 0, 0}};

    (void)state;
    for (int k = 0; k < DIMS; k++)
        for (int both = 0; both < 2; both++) {
            struct fb_attention how = over(padded, 2, dims[k]);
            how.bidirectional = both;
            check(&how, 37, 37);
        }
}

static void test_cross_attention_agrees_with_double_precision(void **state) {
    static const struct fb_segment queries[] = {{-1, 0, 14, 0, 0}, {-1, 14, 1, 0, 0}};
    static const struct fb_segment keys[] = {{-1, 0, 37, 0, 35}, {-1, 37, 5, 0, 0}};

    (void)state;
    for (int k = 0; k < DIMS; k++) {
        struct fb_attention how = over(queries, 2, dims[k]);
        how.key_segment = keys;
        how.bidirectional = true;
        check(&how, 15, 42);
    }
}

static void test_dropout_is_repeated(void **state) {
    static const struct fb_segment whole[] = {{-1, 0, 37, 0, 0}, {-1, 37, 13, 0, 0}};

    (void)state;
    for (int k = 0; k < DIMS; k++) {
        struct fb_attention how = over(whole, 2, dims[k]);
        how.dropout = 0.25;
        how.seed = 4;
        check(&how, 50, 50);
    }
}

static void test_nothing_flows_through_what_is_all_dropped(void **state) {
    static const struct fb_segment whole = {-1, 0, 37, 0, 0};
    static struct values x;
    struct fb_attention how = over(&whole, 1, 5);
    struct fb_attention_grad grad = grad_of(&x, &how);
    struct fb_err err = {0};

    (void)state;
    fill(&x);
    how.dropout = 1.0;
    assert_int_equal(fb_attend_grad(&grad, &err), FB_OK);
    for (int64_t i = 0; i < 37; i++)
        for (int64_t j = 0; j < HEADS * 5; j++)
            assert_true(x.dq[i * WIDE + j] == 0.0f && x.dk[i * WIDE + j] == 0.0f &&
                        x.dv[i * WIDE + j] == 0.0f);
}

/* The sum of out * dout, in double: what the derivatives above are of. */
static double loss(const struct values *x, const struct fb_attention *how) {
    double p[ROWS], sum = 0;

    for (int64_t s = 0; s < how->segments; s++)
        for (int64_t t = 0; t < queries_of(how, s); t++)
            for (int64_t c = 0; c < how->heads * how->dim; c++) {
                struct view see = view_of(how, s, t);
                softmax(x, how, &see, c / how->dim, p);
                for (int64_t j = 0; j < see.keys; j++)
                    sum += p[j] * factor_of(how, c / how->dim, see.row, j) *
                           (double)x->v[(see.from + j) * WIDE + c] *
                           (double)x->dout[see.row * WIDE + c];
            }
    return sum;
}

/* Central difference of the loss over one input. */
static double slope(const struct values *x, const struct fb_attention *how, float *input) {
    float old = *input, above = old + 0x1p-7f, below = old - 0x1p-7f;
    double up, down;

    *input = above;
    up = loss(x, how);
    *input = below;
    down = loss(x, how);
    *input = old;
    return (up - down) / ((double)above - (double)below);
}

/* A difference over a step of 2^-7 is off by the third derivative times 1e-5; those of the loss are
 * of the order of 1. */
static void test_the_double_reference_is_the_slope_of_the_loss(void **state) {
    static const struct fb_segment whole[] = {{-1, 0, 7, 0, 0}, {-1, 7, 3, 0, 0}};
    static struct values x;
    static struct exact e;
    struct fb_attention how = over(whole, 2, 3);

    (void)state;
    fill(&x);
    how.bias = x.bias;
    how.reach = REACH;
    how.dropout = 0.25;
    how.seed = 9;
    expected(&x, &how, &e);
    for (int64_t i = 0; i < 10; i++)
        for (int64_t j = 0; j < HEADS * 3; j++) {
            int64_t at = i * WIDE + j;
            assert_true(fabs(slope(&x, &how, &x.q[at]) - e.dq[at]) < 1e-4);
            assert_true(fabs(slope(&x, &how, &x.k[at]) - e.dk[at]) < 1e-4);
            assert_true(fabs(slope(&x, &how, &x.v[at]) - e.dv[at]) < 1e-4);
        }
    for (int64_t d = -6; d <= 0; d++)
        for (int64_t h = 0; h < HEADS; h++) {
            int64_t at = h * (2 * REACH - 1) + d + REACH - 1;
            assert_true(fabs(slope(&x, &how, &x.bias[at]) - e.dbias[at]) < 1e-4);
        }
}

static void test_threads_change_no_bit(void **state) {
    static const struct fb_segment whole[] = {
        {-1, 0, 137, 0, 0}, {-1, 137, 5, 0, 0}, {-1, 142, 64, 0, 0}};
    static struct values one, x;
    struct fb_attention how = over(whole, 3, 20);
    struct fb_err err = {0};

    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        fill(&one);
        how.bias = mode ? one.bias : NULL;
        how.reach = REACH;
        how.dropout = 0.1;
        for (int threads = 1; threads <= 4; threads *= 2) {
            struct fb_attention_grad grad = grad_of(threads == 1 ? &one : &x, &how);
            omp_set_num_threads(threads);
            fill(&x);
            assert_int_equal(fb_attend_grad(&grad, &err), FB_OK);
            if (threads > 1) assert_memory_equal(&one, &x, sizeof x);
        }
    }
}

static int attempt(void *arg) {
    static const struct fb_segment whole = {-1, 0, 37, 0, 0};
    struct fb_attention how = over(&whole, 1, 5);
    struct fb_attention_grad grad = grad_of(arg, &how);
    struct fb_err err = {0};

    return fb_attend_grad(&grad, &err);
}

static void test_every_allocation_may_fail(void **state) {
    static struct values x;

    (void)state;
    fill(&x);
    assert_int_equal(for_each_allocation_failure(attempt, &x, 10), 1);
}

static void test_no_segments_are_no_work(void **state) {
    static struct values x;
    struct fb_attention how = over(NULL, 0, 5);
    struct fb_attention_grad grad = grad_of(&x, &how);
    struct fb_err err = {0};

    (void)state;
    fill(&x);
    how.bias = x.bias;
    grad.dbias = x.dbias;
    assert_int_equal(fb_attend_grad(&grad, &err), FB_OK);
    assert_true(x.dq[0] == 77.0f && x.dbias[0] == 1.0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_causal_derivatives_agree_with_double_precision),
        cmocka_unit_test(test_long_sequences_agree_with_double_precision),
        cmocka_unit_test(test_every_length_agrees_with_double_precision),
        cmocka_unit_test(test_a_bias_collects_from_all_segments),
        cmocka_unit_test(test_last_queries_agree_with_double_precision),
        cmocka_unit_test(test_keys_that_are_not_visible_get_zeros),
        cmocka_unit_test(test_cross_attention_agrees_with_double_precision),
        cmocka_unit_test(test_dropout_is_repeated),
        cmocka_unit_test(test_nothing_flows_through_what_is_all_dropped),
        cmocka_unit_test(test_the_double_reference_is_the_slope_of_the_loss),
        cmocka_unit_test(test_threads_change_no_bit),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_no_segments_are_no_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
