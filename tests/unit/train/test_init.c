#include "train/init.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 40000 };

struct moments {
    double mean, deviation, least, most, beyond_two; /* share beyond two deviations */
};

static struct moments measure(const float *x, int64_t n) {
    struct moments m = {.least = x[0], .most = x[0]};
    double squares = 0;
    int64_t beyond = 0;

    for (int64_t i = 0; i < n; i++) {
        m.mean += (double)x[i] / (double)n;
        squares += (double)x[i] * (double)x[i] / (double)n;
        m.least = fmin(m.least, x[i]);
        m.most = fmax(m.most, x[i]);
    }
    m.deviation = sqrt(squares - m.mean * m.mean);
    for (int64_t i = 0; i < n; i++)
        beyond += fabs((double)x[i]) > 2 * m.deviation;
    m.beyond_two = (double)beyond / (double)n;
    return m;
}

/* 40,000 values: the mean is off by 0.005 deviations at one standard error, the deviation by
 * 0.35 %, and 4.55 % +- 0.1 % lie beyond two deviations; the bounds are five of those. */
static void assert_normal(const float *x, double deviation) {
    struct moments m = measure(x, COUNT);

    assert_true(fabs(m.mean) < 0.025 * deviation);
    assert_true(fabs(m.deviation / deviation - 1) < 0.018);
    assert_true(fabs(m.beyond_two - 0.0455) < 0.005);
}

static void test_values_are_normal(void **state) {
    float *x = malloc(COUNT * sizeof *x);

    (void)state;
    assert_non_null(x);
    for (uint64_t seed = 0; seed < 3; seed++) {
        fb_init_normal(x, COUNT, 0.02, seed, "wte.weight");
        assert_normal(x, 0.02);
    }
    free(x);
}

static void test_values_are_uniform(void **state) {
    float *x = malloc(COUNT * sizeof *x);
    struct moments m;

    (void)state;
    assert_non_null(x);
    fb_init_lora(x, 100, 400, 42, "h.0.attn.c_attn.lora_A.weight");
    m = measure(x, COUNT);
    assert_true(m.least >= -0.05 && m.least < -0.0499 && m.most < 0.05f && m.most > 0.0499);
    assert_true(fabs(m.mean) < 0.05 * 0.015);
    assert_true(fabs(m.deviation / (0.05 / sqrt(3)) - 1) < 0.012);
    free(x);
}

static void test_a_value_depends_on_seed_name_and_index_alone(void **state) {
    float a[7], b[7];

    (void)state;
    fb_init_normal(a, 7, 1, 42, "x");
    fb_init_normal(b, 3, 1, 42, "x");
    assert_memory_equal(a, b, 3 * sizeof *a);
    fb_init_normal(b, 7, 1, 43, "x");
    for (int i = 0; i < 7; i++)
        assert_true(a[i] != b[i]);
    fb_init_normal(b, 7, 1, 42, "y");
    for (int i = 0; i < 7; i++)
        assert_true(a[i] != b[i]);
}

struct expected {
    const char *name;
    double deviation; /* 0: all values are `value` */
    float value;
};

static struct fb_weight tensor(const char *name, int ndim, float *values) {
    return (struct fb_weight){
        .name = name, .ndim = ndim, .numel = COUNT, .data = values, .owned = values};
}

static void assert_as_expected(const float *x, const struct expected *e) {
    if (e->deviation > 0) {
        assert_normal(x, e->deviation);
        return;
    }
    for (int64_t i = 0; i < COUNT; i++)
        assert_true(x[i] == e->value);
}

static void test_gpt2_is_initialised_as_transformers_does(void **state) {
    static const struct expected all[] = {
        {"wte.weight", 0.02, 0},
        {"h.3.attn.c_attn.weight", 0.02, 0},
        {"h.3.attn.c_proj.weight", 0.02 / 2.8284271247461903, 0}, /* sqrt(2 * 4) */
        {"h.3.mlp.c_proj.weight", 0.02 / 2.8284271247461903, 0},
        {"score.weight", 0.02, 0},
        {"h.3.attn.c_attn.bias", 0, 0},
        {"h.3.ln_1.weight", 0, 1},
        {"ln_f.bias", 0, 0},
    };
    struct fb_gpt2_config config = {.n_layer = 4};
    float *x = malloc(COUNT * sizeof *x);

    (void)state;
    assert_non_null(x);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int ndim = all[i].deviation > 0 ? 2 : 1;
        struct fb_weight w = tensor(all[i].name, ndim, x);
        fb_init_gpt2(&w, &config, 0.02, 42);
        assert_as_expected(x, &all[i]);
    }
    free(x);
}

static void test_t5_is_initialised_as_transformers_does(void **state) {
    static const struct expected all[] = {
        {"shared.weight", 0.5, 0},
        {"lm_head.weight", 0.5, 0},
        {"encoder.block.0.layer.0.SelfAttention.q.weight", 0.5 / 16, 0}, /* sqrt(64 * 4) */
        {"encoder.block.0.layer.0.SelfAttention.k.weight", 0.5 / 8, 0},
        {"decoder.block.0.layer.1.EncDecAttention.o.weight", 0.5 / 4.898979485566356, 0},
        {"encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", 0.5 / 8, 0},
        {"encoder.block.0.layer.1.DenseReluDense.wi_0.weight", 0.5 / 8, 0},
        {"encoder.block.0.layer.1.DenseReluDense.wo.weight", 0.5 / 10, 0},
        {"encoder.final_layer_norm.weight", 0, 0.5f},
    };
    struct fb_t5_config config = {.d_model = 64, .d_kv = 4, .num_heads = 6, .d_ff = 100};
    float *x = malloc(COUNT * sizeof *x);

    (void)state;
    assert_non_null(x);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int ndim = all[i].deviation > 0 ? 2 : 1;
        struct fb_weight w = tensor(all[i].name, ndim, x);
        fb_init_t5(&w, &config, 0.5, 42);
        assert_as_expected(x, &all[i]);
    }
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_normal),
        cmocka_unit_test(test_values_are_uniform),
        cmocka_unit_test(test_a_value_depends_on_seed_name_and_index_alone),
        cmocka_unit_test(test_gpt2_is_initialised_as_transformers_does),
        cmocka_unit_test(test_t5_is_initialised_as_transformers_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
