#include "tiny_pool.h"

static void open_three(struct tiny *t) {
    tiny_begin(t);
    tiny_model(t, "base", "w", (float[]){0, 0}, 2);
    tiny_model(t, "a", "w", (float[]){1, 2}, 2);
    tiny_model(t, "b", "w", (float[]){3, 4}, 2);
    tiny_model(t, "c", "w", (float[]){5, 6}, 2);
    tiny_pool(t, "{type: AutoModelPool, models: {_pretrained_: base.safetensors, a: a.safetensors, "
                 "b: b.safetensors, c: c.safetensors}}");
}

static void has(struct tiny *t, const char *method, enum fb_ensemble_rule rule,
                const float *weight) {
    const struct fb_ensemble *e = &t->merge.ensemble;
    int64_t trainable, all;

    if (tiny_run(t, method)) fail_msg("%s", t->err.msg);
    assert_int_equal(e->rule, rule);
    assert_int_equal(e->count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(e->model[i], i + 1);
        if (weight) assert_true(e->weight[i] == weight[i]);
    }
    fb_merge_count(&t->merge, &trainable, &all);
    assert_int_equal(all, 6);
    assert_int_equal(trainable, 6);
    assert_int_equal(t->merge.weights.names.count, 0);
}

/* Weights are f32 and so is their sum: 1 / (0.1 + 0.2 + 0.4) in f32. */
static void test_the_experts_stand_side_by_side(void **state) {
    const float sum = 0.1f + 0.2f + 0.4f, third = 1.0f / 3.0f;
    struct tiny t;

    (void)state;
    open_three(&t);
    has(&t, "{name: simple_ensemble}", FB_ENSEMBLE_MEAN, NULL);
    has(&t, "{name: max_model_predictor}", FB_ENSEMBLE_MAX, NULL);
    has(&t, "{name: weighted_ensemble}", FB_ENSEMBLE_WEIGHTED, (float[]){third, third, third});
    has(&t, "{name: weighted_ensemble, weights: [0.1, 0.2, 0.4]}", FB_ENSEMBLE_WEIGHTED,
        (float[]){0.1f / sum, 0.2f / sum, 0.4f / sum});
    has(&t, "{name: weighted_ensemble, weights: [0.1, 0.2, 0.4], normalize: false}",
        FB_ENSEMBLE_WEIGHTED, (float[]){0.1f, 0.2f, 0.4f});
    tiny_end(&t);
}

static void refused(struct tiny *t, const char *method, int code, const char *message) {
    assert_int_equal(tiny_run(t, method), code);
    assert_string_equal(t->err.msg, message);
}

static void test_what_does_not_fit_is_refused(void **state) {
    struct tiny t;

    (void)state;
    open_three(&t);
    refused(
        &t, "{name: weighted_ensemble, weights: [1]}", FB_ECONFIG,
        "method weighted_ensemble: option 'weights': 1 weights for 3 experts; there must be one "
        "for each");
    refused(&t, "{name: weighted_ensemble, weights: [1, 1, -2]}", FB_ECONFIG,
            "method weighted_ensemble: option 'weights': they sum to 0 and cannot be normalized; "
            "change them or set normalize=false");
    tiny_pool(&t, "{type: AutoModelPool, models: {_pretrained_: base.safetensors}}");
    assert_true(tiny_run(&t, "{name: simple_ensemble}") < 0);
    assert_string_equal(
        t.err.msg, "method simple_ensemble: the model pool has no expert, only special models");
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_experts_stand_side_by_side),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
