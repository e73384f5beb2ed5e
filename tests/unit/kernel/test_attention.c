#include "isa_cases.h"

#include "alloc_faults.h"
#include "base/rng.h"

#include <omp.h>

enum { HEADS = 3, DIM_MAX = 20, ROWS = 60, WIDE = HEADS * DIM_MAX };

/* A forest of 60 rows: a root of 30 tokens, two branches at 30 and at 17, and another root. */
static const struct fb_segment forest[] = {
    {-1, 0, 30, 0, 0}, {0, 30, 7, 30, 0}, {0, 37, 11, 17, 0}, {-1, 48, 12, 0, 0}};
enum { SEGMENTS = 4 };

struct values {
    float q[ROWS * WIDE], k[ROWS * WIDE], v[ROWS * WIDE], out[ROWS * WIDE];
};

static void fill(struct values *x) {
    for (uint32_t i = 0; i < ROWS * WIDE; i++) {
        x->q[i] = 3.0f * noise(i);
        x->k[i] = noise(i + 100000);
        x->v[i] = noise(i + 200000);
        x->out[i] = 77.0f;
    }
}

static struct fb_attention over_forest(int64_t dim) {
    return (struct fb_attention){
        .segment = forest, .segments = SEGMENTS, .heads = HEADS, .dim = dim, .scale = 0.5f};
}

/* Row of the token at `position` before or in segment s. */
static int64_t row_at(int64_t s, int64_t position) {
    while (forest[s].position > position)
        s = forest[s].parent;
    return forest[s].row + position - forest[s].position;
}

static double expected(const struct values *x, int64_t s, int64_t position, int64_t column,
                       int64_t dim, double scale) {
    int64_t head = column / dim, me = row_at(s, position);
    double sum = 0, weighted = 0;

    for (int64_t p = 0; p <= position; p++) {
        const float *k = x->k + row_at(s, p) * WIDE + head * dim,
                    *q = x->q + me * WIDE + head * dim;
        double score = 0;
        for (int64_t d = 0; d < dim; d++)
            score += (double)q[d] * (double)k[d];
        sum += exp(score * scale);
        weighted += exp(score * scale) * (double)x->v[row_at(s, p) * WIDE + column];
    }
    return weighted / sum;
}

/* Scores are below 20: their rounding, 2e-6, is the relative error of a probability. */
static void test_attention_agrees_with_double_precision(void **state) {
    static const int64_t dims[] = {1, 2, 3, 8, 16, 17, 20};
    static struct values x;
    struct fb_err err = {0};

    (void)state;
    fill(&x);
    for (size_t k = 0; k < sizeof dims / sizeof *dims; k++) {
        struct fb_attention how = over_forest(dims[k]);
        assert_int_equal(fb_attend(x.out, WIDE, x.q, WIDE, x.k, x.v, WIDE, &how, &err), FB_OK);
        for (int64_t s = 0; s < SEGMENTS; s++)
            for (int64_t t = 0; t < forest[s].count; t++)
                for (int64_t j = 0; j < HEADS * dims[k]; j++) {
                    double want = expected(&x, s, forest[s].position + t, j, dims[k], 0.5);
                    assert_true(fabs((double)x.out[(forest[s].row + t) * WIDE + j] - want) < 1e-5);
                }
    }
}

static void test_last_queries_give_the_bits_of_all_queries(void **state) {
    static struct values x, last;
    struct fb_attention how = over_forest(DIM_MAX);
    struct fb_err err = {0};

    (void)state;
    fill(&x);
    fill(&last);
    for (int s = 0; s < SEGMENTS; s++)
        memcpy(last.q + s * WIDE, x.q + (forest[s].row + forest[s].count - 1) * WIDE,
               WIDE * sizeof *x.q);
    assert_int_equal(fb_attend(x.out, WIDE, x.q, WIDE, x.k, x.v, WIDE, &how, &err), FB_OK);
    how.last_only = true;
    assert_int_equal(fb_attend(last.out, WIDE, last.q, WIDE, x.k, x.v, WIDE, &how, &err), FB_OK);
    for (int s = 0; s < SEGMENTS; s++)
        assert_memory_equal(last.out + s * WIDE,
                            x.out + (forest[s].row + forest[s].count - 1) * WIDE,
                            WIDE * sizeof *x.out);
    assert_true(last.out[SEGMENTS * WIDE] == 77.0f);
}

/* Segment 1 with what is before it as one sequence: rows 0..29 and 30..36 lie together. */
static void test_a_shared_prefix_changes_no_bit(void **state) {
    static const struct fb_segment alone = {-1, 0, 37, 0, 0};
    static struct values x, other;
    struct fb_attention how = over_forest(DIM_MAX);
    struct fb_err err = {0};

    (void)state;
    fill(&x);
    fill(&other);
    omp_set_num_threads(2);
    assert_int_equal(fb_attend(x.out, WIDE, x.q, WIDE, x.k, x.v, WIDE, &how, &err), FB_OK);
    how.segment = &alone;
    how.segments = 1;
    for (int threads = 1; threads <= 4; threads *= 2) {
        omp_set_num_threads(threads);
        assert_int_equal(fb_attend(other.out, WIDE, x.q, WIDE, x.k, x.v, WIDE, &how, &err), FB_OK);
        assert_memory_equal(x.out, other.out, 37 * WIDE * sizeof *x.out);
    }
}

/* Both ways, with a bias by distance: two sequences, the second shorter than a tile. */
static void test_bidirectional_attention_agrees_with_double_precision(void **state) {
    static const struct fb_segment whole[] = {{-1, 0, 37, 0, 0}, {-1, 37, 5, 0, 0}};
    enum { REACH = 40, DIM = 8, WIDTH = HEADS * DIM };
    static struct values x;
    float bias[HEADS * (2 * REACH - 1)];
    struct fb_attention how = {.segment = whole,
                               .segments = 2,
                               .heads = HEADS,
                               .dim = DIM,
                               .scale = 1.0f,
                               .bidirectional = true,
                               .bias = bias,
                               .reach = REACH};
    struct fb_err err = {0};

    (void)state;
    fill(&x);
    for (uint32_t i = 0; i < HEADS * (2 * REACH - 1); i++)
        bias[i] = noise(i + 400000);
    assert_int_equal(fb_attend(x.out, WIDTH, x.q, WIDTH, x.k, x.v, WIDTH, &how, &err), FB_OK);
    for (int s = 0; s < 2; s++)
        for (int64_t i = 0; i < whole[s].count * WIDTH; i++) {
            int64_t row = whole[s].row + i / WIDTH, column = i % WIDTH, head = column / DIM;
            double sum = 0, weighted = 0;
            for (int64_t j = whole[s].row; j < whole[s].row + whole[s].count; j++) {
                double score = (double)bias[head * (2 * REACH - 1) + j - row + REACH - 1];
                for (int64_t d = head * DIM; d < (head + 1) * DIM; d++)
                    score += (double)x.q[row * WIDTH + d] * (double)x.k[j * WIDTH + d];
                sum += exp(score);
                weighted += exp(score) * (double)x.v[j * WIDTH + column];
            }
            assert_true(fabs((double)x.out[row * WIDTH + column] - weighted / sum) < 1e-5);
        }
}

/* Column `column` of one query over `keys` keys that begin at row `from`; `factor` [keys], or NULL,
 * multiplies the probabilities. */
static double over_keys(const struct values *x, int64_t row, int64_t column, int64_t dim,
                        int64_t from, int64_t keys, const double *factor) {
    int64_t first = column / dim * dim;
    double sum = 0, weighted = 0;

    for (int64_t j = 0; j < keys; j++) {
        double score = 0, e;
        for (int64_t d = first; d < first + dim; d++)
            score += (double)x->q[row * WIDE + d] * (double)x->k[(from + j) * WIDE + d];
        e = exp(0.5 * score);
        sum += e;
        weighted += e * (factor ? factor[j] : 1) * (double)x->v[(from + j) * WIDE + column];
    }
    return weighted / sum;
}

/* Rows 0..29 are 21 real tokens and 9 of padding: causal and both ways, all and last. */
static void test_queries_see_the_visible_keys_only(void **state) {
    static const struct fb_segment padded[] = {{-1, 0, 30, 0, 21}, {-1, 30, 7, 0, 0}};
    static struct values x;
    struct fb_attention how = over_forest(17);
    struct fb_err err = {0};

    (void)state;
    how.segment = padded;
    how.segments = 2;
    for (int mode = 0; mode < 4; mode++) {
        how.bidirectional = mode % 2;
        how.last_only = mode / 2;
        fill(&x);
        assert_int_equal(fb_attend(x.out, WIDE, x.q, WIDE, x.k, x.v, WIDE, &how, &err), FB_OK);
        for (int64_t row = 0; row < (how.last_only ? 2 : 37); row++) {
            int64_t s = how.last_only ? row : row >= 30;
            int64_t p = how.last_only ? padded[s].count - 1 : row - padded[s].row;
            int64_t keys = s ? 7 : 21;
            if (!how.bidirectional && p + 1 < keys) keys = p + 1;
            for (int64_t j = 0; j < HEADS * 17; j++) {
                double want = over_keys(&x, row, j, 17, padded[s].row, keys, NULL);
                assert_true(fabs((double)x.out[row * WIDE + j] - want) < 1e-5);
            }
        }
    }
}

/* Three queries and one over 37 and 5 keys of another matrix; of the first, 35 are visible. */
static void test_cross_attention_agrees_with_double_precision(void **state) {
    static const struct fb_segment queries[] = {{-1, 0, 3, 0, 0}, {-1, 3, 1, 0, 0}};
    static const struct fb_segment keys[] = {{-1, 0, 37, 0, 35}, {-1, 37, 5, 0, 0}};
    static struct values x;
    struct fb_attention how = over_forest(DIM_MAX);
    struct fb_err err = {0};

    (void)state;
    fill(&x);
    how.segment = queries;
    how.segments = 2;
    how.key_segment = keys;
    how.bidirectional = true;
    assert_int_equal(fb_attend(x.out, WIDE, x.q, WIDE, x.k, x.v, WIDE, &how, &err), FB_OK);
    for (int64_t row = 0; row < 4; row++)
        for (int64_t j = 0; j < WIDE; j++) {
            double want = over_keys(&x, row, j, DIM_MAX, row < 3 ? 0 : 37, row < 3 ? 35 : 5, NULL);
            assert_true(fabs((double)x.out[row * WIDE + j] - want) < 1e-5);
        }
}

/* Multiplies the probability of a key with dropout 1/4 and seed 42. */
static double kept(int64_t head, int64_t row, int64_t key) {
    uint64_t seed = fb_rng_bits(fb_rng_bits(42, (uint64_t)head), (uint64_t)row);

    return (double)fb_rng_bits(seed, (uint64_t)key) < 0.25 * 0x1p64 ? 0 : 1 / 0.75;
}

static void test_dropped_probabilities_agree_with_double_precision(void **state) {
    static const struct fb_segment whole = {-1, 0, 37, 0, 0};
    static struct values x, other;
    struct fb_attention how = over_forest(DIM_MAX);
    struct fb_err err = {0};

    (void)state;
    fill(&x);
    how.segment = &whole;
    how.segments = 1;
    how.dropout = 0.25;
    how.seed = 42;
    assert_int_equal(fb_attend(x.out, WIDE, x.q, WIDE, x.k, x.v, WIDE, &how, &err), FB_OK);
    for (int64_t row = 0; row < 37; row++)
        for (int64_t j = 0; j < WIDE; j++) {
            double factor[37], want;
            for (int64_t key = 0; key <= row; key++)
                factor[key] = kept(j / DIM_MAX, row, key);
            want = over_keys(&x, row, j, DIM_MAX, 0, row + 1, factor);
            assert_true(fabs((double)x.out[row * WIDE + j] - want) < 1e-5);
        }
    for (int threads = 1; threads <= 4; threads *= 2) {
        omp_set_num_threads(threads);
        fill(&other);
        assert_int_equal(fb_attend(other.out, WIDE, x.q, WIDE, x.k, x.v, WIDE, &how, &err), FB_OK);
        assert_memory_equal(x.out, other.out, 37 * WIDE * sizeof *x.out);
    }
    how.dropout = 1.0;
    assert_int_equal(fb_attend(x.out, WIDE, x.q, WIDE, x.k, x.v, WIDE, &how, &err), FB_OK);
    for (int64_t i = 0; i < 37 * WIDE; i++)
        assert_true(x.out[i] == 0.0f);
}

static int attempt(void *arg) {
    struct values *x = arg;
    struct fb_attention how = over_forest(DIM_MAX);
    struct fb_err err = {0};

    return fb_attend(x->out, WIDE, x->q, WIDE, x->k, x->v, WIDE, &how, &err);
}

static void test_every_allocation_may_fail(void **state) {
    static struct values x;

    (void)state;
    fill(&x);
    assert_int_equal(for_each_allocation_failure(attempt, &x, 10), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention_agrees_with_double_precision),
        cmocka_unit_test(test_last_queries_give_the_bits_of_all_queries),
        cmocka_unit_test(test_a_shared_prefix_changes_no_bit),
        cmocka_unit_test(test_bidirectional_attention_agrees_with_double_precision),
        cmocka_unit_test(test_queries_see_the_visible_keys_only),
        cmocka_unit_test(test_cross_attention_agrees_with_double_precision),
        cmocka_unit_test(test_dropped_probabilities_agree_with_double_precision),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
