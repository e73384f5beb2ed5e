#include "derivatives.h"

#include "nn/attention.h"

enum { TOKENS = 6, HEADS = 2, DIM = 3, N = HEADS * DIM };

static struct fb_segment segments[] = {{-1, 0, 4, 0, 0}, {-1, 4, 2, 0, 0}};
static struct fb_segment others[] = {{-1, 0, 1, 0, 0}, {-1, 1, 5, 0, 0}};
static const struct fb_batch batch = {.tokens = TOKENS, .segments = 2, .segment = segments};
static const struct fb_batch memory = {.tokens = TOKENS, .segments = 2, .segment = others};

/* ---- the reference ---- */

struct view {
    const double *q, *k, *v, *bias;
    int64_t ldq, ldk, ldv, reach;
    const struct fb_segment *keys;
    bool causal, last;
    double scale;
};

static void row(const struct view *w, double *out, const double *q, const struct fb_segment *keys,
                int64_t h, int64_t position) {
    int64_t seen = w->causal ? position + 1 : keys->count;
    double p[TOKENS], sum = 0;

    for (int64_t j = 0; j < seen; j++) {
        double score = 0;
        for (int64_t d = 0; d < DIM; d++)
            score += q[h * DIM + d] * w->k[(keys->row + j) * w->ldk + h * DIM + d];
        score *= w->scale;
        if (w->bias) score += w->bias[h * (2 * w->reach - 1) + j - position + w->reach - 1];
        sum += p[j] = exp(score);
    }
    for (int64_t d = 0; d < DIM; d++)
        out[h * DIM + d] = 0;
    for (int64_t j = 0; j < seen; j++)
        for (int64_t d = 0; d < DIM; d++)
            out[h * DIM + d] += p[j] / sum * w->v[(keys->row + j) * w->ldv + h * DIM + d];
}

static void attend(const struct view *w, double *y) {
    for (int64_t s = 0; s < 2; s++)
        for (int64_t t = w->last ? segments[s].count - 1 : 0; t < segments[s].count; t++)
            for (int64_t h = 0; h < HEADS; h++) {
                int64_t at = w->last ? s : segments[s].row + t;
                row(w, y + at * N, w->q + at * w->ldq, &w->keys[s], h, t);
            }
}

/* ---- GPT-2's ---- */

static struct fb_tensor *run_causal(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    const struct fb_heads heads = {HEADS, 0.7f, 0};

    return fb_op_attention(g, input(c, g, 0, err), &batch, &heads, err);
}

static void reference_causal(const struct checked *c, double *const *v, double *y) {
    const struct view w = {v[0],  v[0] + N, v[0] + 2 * N, NULL, 3 * N, 3 * N,
                           3 * N, 0,        segments,     true, false, (double)0.7f};

    (void)c;
    attend(&w, y);
}

static void test_causal(void **state) {
    struct checked c = {.run = run_causal, .reference = reference_causal};

    (void)state;
    add_value(&c, "qkv", "weight", TOKENS, 3 * N);
    check_derivatives(&c);
}

static struct fb_tensor *run_last(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    const struct fb_heads heads = {HEADS, 0.7f, 0};

    return fb_op_attention_last(g, input(c, g, 0, err), input(c, g, 1, err), &batch, &heads, err);
}

static void reference_last(const struct checked *c, double *const *v, double *y) {
    const struct view w = {v[0],  v[1], v[1] + N, NULL, N,    2 * N,
                           2 * N, 0,    segments, true, true, (double)0.7f};

    (void)c;
    attend(&w, y);
}

static void test_last(void **state) {
    struct checked c = {.run = run_last, .reference = reference_last};

    (void)state;
    add_value(&c, "q", "weight", 2, N);
    add_value(&c, "kv", "weight", TOKENS, 2 * N);
    check_derivatives(&c);
}

/* ---- T5's: variants 0 both ways, 1 causal, 2 other sequences' keys ---- */

static struct fb_tensor *run_t5(struct checked *c, struct fb_graph *g, struct fb_err *err) {
    const struct fb_heads heads = {HEADS, 1.0f, 0};
    struct fb_attend_in in = {.queries = &batch, .causal = c->variant == 1};

    in.q = input(c, g, 0, err);
    in.k = input(c, g, 1, err);
    in.v = input(c, g, 2, err);
    if (c->variant == 2) in.keys = &memory;
    else in.bias = input(c, g, 3, err);
    return fb_op_attend(g, &in, &heads, err);
}

static void reference_t5(const struct checked *c, double *const *v, double *y) {
    const struct view w = {.q = v[0],
                           .k = v[1],
                           .v = v[2],
                           .bias = c->variant == 2 ? NULL : v[3],
                           .ldq = N,
                           .ldk = N,
                           .ldv = N,
                           .reach = 5,
                           .keys = c->variant == 2 ? others : segments,
                           .causal = c->variant == 1,
                           .scale = 1};

    attend(&w, y);
}

static void test_by_distance_and_across(void **state) {
    (void)state;
    for (int variant = 0; variant < 3; variant++) {
        struct checked c = {.run = run_t5, .reference = reference_t5, .variant = variant};
        add_value(&c, "q", "weight", TOKENS, N);
        add_value(&c, "k", "weight", TOKENS, N);
        add_value(&c, "v", "weight", TOKENS, N);
        if (variant < 2) add_value(&c, "bias", "weight", HEADS, 2 * 5 - 1);
        check_derivatives(&c);
    }
}

/* ---- what is wanted ---- */

/* Keys and values are constants: the derivative by the queries is what it was. */
static void test_constants_need_no_derivative(void **state) {
    float q[TOKENS * N], kv[TOKENS * 2 * N], last[2][2 * N], ones[2 * N];
    const struct fb_table table = {"q", q, N};
    const int32_t id[] = {0, 1};
    const struct fb_heads heads = {HEADS, 1.0f, 0};

    (void)state;
    for (uint32_t i = 0; i < TOKENS * N; i++)
        q[i] = noise(i);
    for (uint32_t i = 0; i < TOKENS * 2 * N; i++)
        kv[i] = noise(1000 + i);
    for (uint32_t i = 0; i < 2 * N; i++)
        ones[i] = 1.0f + noise(i);
    for (int constant = 0; constant < 2; constant++) {
        struct fb_err err = {0};
        struct fb_grads grads = {0};
        struct fb_tape tape = {.grads = &grads};
        struct fb_graph g = {.tape = &tape};
        const struct fb_table keys = {constant ? NULL : "kv", kv, 2 * N};
        const int32_t all[] = {0, 1, 2, 3, 4, 5};
        struct fb_tensor *y;
        assert_int_equal(fb_grads_add(&grads, "q.weight", 2, N, false, &err), FB_OK);
        assert_int_equal(fb_grads_add(&grads, "kv.weight", TOKENS, 2 * N, false, &err), FB_OK);
        fb_grads_zero(&grads);
        y = fb_op_attention_last(&g, fb_op_lookup(&g, id, 2, &table, &err),
                                 fb_op_lookup(&g, all, TOKENS, &keys, &err), &batch, &heads, &err);
        assert_non_null(y);
        assert_int_equal(fb_backward(&g, y, ones, &err), FB_OK);
        memcpy(last[constant], fb_grads_find(&grads, "q.weight")->data, sizeof last[0]);
        assert_int_equal(fb_grads_find(&grads, "kv.weight")->data[0] == 0, constant);
        fb_graph_free(&g);
        fb_tape_free(&tape);
        fb_grads_free(&grads);
    }
    assert_memory_equal(last[0], last[1], sizeof last[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_causal),
        cmocka_unit_test(test_last),
        cmocka_unit_test(test_by_distance_and_across),
        cmocka_unit_test(test_constants_need_no_derivative),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
