#include "golden_adamerging.h"

#include "alloc_faults.h"

static const int32_t ids[] = {5, 7, 9, 5, 11};
static const int64_t offsets[] = {0, 3, 5};
static const struct fb_sequences batch = {2, ids, offsets};

/* The demo's base as the merged model. */
static void set_up(struct tiny *t, struct fb_arena *arena, struct fb_weights *weights, int which) {
    const struct fb_node *cases = open_cases(arena);

    tiny_begin(t);
    open_pool(t, cases->item[which]);
    memset(weights, 0, sizeof *weights);
    assert_int_equal(
        fb_pool_load(t->merge.pool, fb_pool_base(t->merge.pool, &t->err), weights, &t->err), FB_OK);
}

static void tear_down(struct tiny *t, struct fb_arena *arena, struct fb_weights *weights) {
    fb_weights_free(weights);
    tiny_end(t);
    fb_arena_free(arena);
}

/* Every tensor has a gradient of its size. */
static void check_gradients(const struct fb_adapted *a, const struct fb_weights *weights) {
    assert_int_equal(a->grads.names.count, weights->names.count);
    for (int64_t i = 0; i < weights->names.count; i++) {
        const struct fb_grad *grad = fb_grads_find(&a->grads, weights->item[i].name);
        assert_non_null(grad);
        assert_int_equal(grad->rows * grad->cols, weights->item[i].numel);
    }
}

static void test_an_entropy_adds_to_the_gradients(void **state) {
    (void)state;
    for (int t5 = 0; t5 < 2; t5++) {
        struct fb_arena arena = {0};
        struct fb_weights weights;
        struct fb_adapted a;
        struct tiny t;
        double first, second;
        const struct fb_grad *grad;
        float once;
        set_up(&t, &arena, &weights, t5 ? 3 : 0);
        assert_int_equal(
            fb_adapted_open(&a, t5 ? FB_ADAPT_T5 : FB_ADAPT_GPT2, t.merge.pool, &weights, &t.err),
            FB_OK);
        check_gradients(&a, &weights);
        assert_int_equal(fb_adapted_entropy(&a, 0, &batch, &first, &t.err), FB_OK);
        grad = fb_grads_find(&a.grads, t5 ? "encoder.final_layer_norm.weight" : "ln_f.weight");
        once = grad->data[0];
        assert_true(first > 0 && once != 0.0f);
        assert_int_equal(fb_adapted_refresh(&a, &t.err), FB_OK);
        assert_int_equal(fb_adapted_entropy(&a, 0, &batch, &second, &t.err), FB_OK);
        assert_true(first == second);
        assert_true(grad->data[0] == 2 * once);
        /* GPT-2: another expert's head; T5 has none. */
        assert_int_equal(fb_adapted_entropy(&a, 1, &batch, &second, &t.err), FB_OK);
        assert_int_equal(first == second, t5);
        fb_adapted_close(&a);
        tear_down(&t, &arena, &weights);
    }
}

struct given {
    struct tiny *t;
    const struct fb_weights *weights;
};

static int attempt(void *arg) {
    const struct given *given = arg;
    struct fb_err err = {0};
    struct fb_adapted a;
    double entropy;

    if (!fb_adapted_open(&a, FB_ADAPT_T5, given->t->merge.pool, given->weights, &err))
        (void)!fb_adapted_entropy(&a, 0, &batch, &entropy, &err);
    fb_adapted_close(&a);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    struct fb_arena arena = {0};
    struct fb_weights weights;
    struct given given = {.weights = &weights};
    struct tiny t;

    (void)state;
    set_up(&t, &arena, &weights, 3);
    given.t = &t;
    assert_true(for_each_allocation_failure(attempt, &given, 4000) > 100);
    tear_down(&t, &arena, &weights);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_entropy_adds_to_the_gradients),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
