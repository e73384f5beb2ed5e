#include "train/adamw.h"

#include "alloc_faults.h"
#include "golden_optimizer.h"

#include <math.h>
#include <string.h>

enum { ROOM = 64 };

/* The optimizer of a golden case. */
static struct fb_adamw rule_of(const struct fb_node *one) {
    const struct fb_node *betas = fb_node_get(one, "betas");

    return (struct fb_adamw){.beta1 = golden_real(betas->item[0]),
                             .beta2 = golden_real(betas->item[1]),
                             .epsilon = golden_real(fb_node_get(one, "eps")),
                             .weight_decay = golden_real(fb_node_get(one, "weight_decay"))};
}

static void assert_bits(const float *got, const struct fb_node *list, const char *what) {
    for (int64_t i = 0; i < list->count; i++) {
        float want = (float)golden_real(list->item[i]);
        if (memcmp(&got[i], &want, sizeof want))
            fail_msg("%s[%d]: %.9g, expected %.9g", what, (int)i, (double)got[i], (double)want);
    }
}

static void test_steps_are_torch_s_to_the_last_bit(void **state) {
    struct fb_arena arena = {0};
    struct fb_err err = {0};
    const struct fb_node *cases = golden_load(&arena, "adamw");

    (void)state;
    for (int64_t i = 0; i < cases->count; i++) {
        const struct fb_node *one = cases->item[i], *steps = fb_node_get(one, "gradients");
        struct fb_adamw rule = rule_of(one);
        struct fb_params params = {0};
        float value[ROOM], gradient[ROOM];
        const float *gradients[] = {gradient};
        int64_t count = golden_floats(value, ROOM, fb_node_get(one, "value"));
        double norm;
        assert_int_equal(fb_params_add(&params, "score.weight", value, count, &err), FB_OK);
        for (int64_t step = 0; step < steps->count; step++) {
            golden_floats(gradient, ROOM, steps->item[step]);
            assert_int_equal(fb_adamw_step(&params, &rule, gradients,
                                           golden_real(fb_node_get(one, "lr")), &norm, &err),
                             FB_OK);
        }
        assert_int_equal(params.step, steps->count);
        assert_bits(params.item[0].exp_avg, fb_node_get(one, "exp_avg"), "exp_avg");
        assert_bits(params.item[0].exp_avg_sq, fb_node_get(one, "exp_avg_sq"), "exp_avg_sq");
        assert_bits(value, fb_node_get(one, "result"), "value");
        fb_params_free(&params);
    }
    fb_arena_free(&arena);
}

/* beta1 = beta2 = 0 and no epsilon move a value by rate * sign of its gradient, whatever the
 * clipping; the first moment shows the gradient as it was clipped. */
static void test_gradients_are_clipped_by_their_common_norm(void **state) {
    struct fb_arena arena = {0};
    struct fb_err err = {0};
    const struct fb_node *cases = golden_load(&arena, "clip");

    (void)state;
    for (int64_t i = 0; i < cases->count; i++) {
        const struct fb_node *one = cases->item[i], *list = fb_node_get(one, "gradients");
        struct fb_adamw rule = {.max_grad_norm = golden_real(fb_node_get(one, "most"))};
        struct fb_params params = {0};
        float value[2][ROOM] = {{0}}, gradient[2][ROOM];
        const float *gradients[] = {gradient[0], gradient[1]};
        double norm, want = golden_real(fb_node_get(one, "norm"));
        for (int k = 0; k < 2; k++)
            assert_int_equal(fb_params_add(&params, k ? "b" : "a", value[k],
                                           golden_floats(gradient[k], ROOM, list->item[k]), &err),
                             FB_OK);
        assert_int_equal(fb_adamw_step(&params, &rule, gradients, 0.0, &norm, &err), FB_OK);
        assert_true(fabs(norm - want) <= 2e-7 * want);
        for (int k = 0; k < 2; k++)
            for (int64_t j = 0; j < params.item[k].count; j++) {
                double clipped = golden_real(fb_node_get(one, "clipped")->item[k]->item[j]);
                assert_true(fabs((double)params.item[k].exp_avg[j] - clipped) <=
                            3e-7 * fabs(clipped));
            }
        fb_params_free(&params);
    }
    fb_arena_free(&arena);
}

static void test_biases_and_norms_do_not_decay(void **state) {
    (void)state;
    assert_true(fb_param_decays("wte.weight"));
    assert_true(fb_param_decays("wpe.weight"));
    assert_true(fb_param_decays("h.0.attn.c_attn.weight"));
    assert_true(fb_param_decays("score.weight"));
    assert_true(fb_param_decays("shared.weight"));
    assert_false(fb_param_decays("h.0.attn.c_attn.bias"));
    assert_false(fb_param_decays("h.0.ln_1.weight"));
    assert_false(fb_param_decays("ln_f.weight"));
    assert_false(fb_param_decays("encoder.final_layer_norm.weight"));
    assert_false(fb_param_decays("encoder.block.0.layer.1.layer_norm.weight"));
    assert_false(
        fb_param_decays("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"));
}

/* A weight of 2 with a gradient of zero: only the decay of rate 0.5 and factor 0.1 moves it, to
 * 2 * 0.95; a bias stays. */
static void test_decay_is_decoupled_from_the_gradient(void **state) {
    struct fb_params params = {0};
    struct fb_err err = {0};
    struct fb_adamw rule = {0.9, 0.999, 1e-8, 0.1, 0};
    float weight = 2, bias = 2, zero = 0;
    const float *gradients[] = {&zero, &zero};
    double norm;

    (void)state;
    assert_int_equal(fb_params_add(&params, "w", &weight, 1, &err), FB_OK);
    assert_int_equal(fb_params_add(&params, "w.bias", &bias, 1, &err), FB_OK);
    assert_int_equal(fb_adamw_step(&params, &rule, gradients, 0.5, &norm, &err), FB_OK);
    assert_true(weight == 2.0f * 0.95f);
    assert_true(bias == 2.0f);
    assert_true(norm == 0.0);
    fb_params_free(&params);
}

static void test_a_parameter_without_gradient_stays(void **state) {
    struct fb_params params = {0};
    struct fb_err err = {0};
    struct fb_adamw rule = {0.9, 0.999, 1e-8, 0.1, 1};
    float a = 2, b = 2, one = 1;
    const float *gradients[] = {NULL, &one};
    double norm;

    (void)state;
    assert_int_equal(fb_params_add(&params, "a", &a, 1, &err), FB_OK);
    assert_int_equal(fb_params_add(&params, "b", &b, 1, &err), FB_OK);
    assert_int_equal(fb_adamw_step(&params, &rule, gradients, 0.5, &norm, &err), FB_OK);
    assert_true(a == 2.0f);
    assert_true(b < 1.5f);
    fb_params_free(&params);
}

static void test_a_gradient_that_is_no_number_changes_nothing(void **state) {
    struct fb_params params = {0};
    struct fb_err err = {0};
    struct fb_adamw rule = {0.9, 0.999, 1e-8, 0.1, 1};
    float value = 2, bad = NAN;
    const float *gradients[] = {&bad};
    double norm;

    (void)state;
    assert_int_equal(fb_params_add(&params, "w", &value, 1, &err), FB_OK);
    assert_int_equal(fb_adamw_step(&params, &rule, gradients, 0.5, &norm, &err), FB_EMISMATCH);
    assert_string_equal(err.msg,
                        "the norm of the gradients is not a number: training has diverged (a "
                        "smaller learning rate or longer warm-up may help)");
    bad = INFINITY;
    assert_int_equal(fb_adamw_step(&params, &rule, gradients, 0.5, &norm, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "the norm of the gradients is infinite: training has diverged (a "
                                 "smaller learning rate or longer warm-up may help)");
    assert_true(value == 2.0f);
    assert_int_equal(params.step, 0);
    assert_int_equal(fb_params_add(&params, "w", &value, 1, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "two parameters 'w'");
    fb_params_free(&params);
}

static int add_some(void *value) {
    struct fb_params params = {0};
    struct fb_err err = {0};
    int rc = fb_params_add(&params, "a", value, 4, &err);

    if (!rc) rc = fb_params_add(&params, "b", value, 4, &err);
    fb_params_free(&params);
    return rc;
}

static void test_running_out_of_memory_is_reported(void **state) {
    float value[4] = {0};

    (void)state;
    assert_true(for_each_allocation_failure(add_some, value, 50) > 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_are_torch_s_to_the_last_bit),
        cmocka_unit_test(test_gradients_are_clipped_by_their_common_norm),
        cmocka_unit_test(test_biases_and_norms_do_not_decay),
        cmocka_unit_test(test_decay_is_decoupled_from_the_gradient),
        cmocka_unit_test(test_a_parameter_without_gradient_stays),
        cmocka_unit_test(test_a_gradient_that_is_no_number_changes_nothing),
        cmocka_unit_test(test_running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
