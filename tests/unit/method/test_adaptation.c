#include "golden_adamerging.h"

#include <omp.h>

enum { STEPS = 10, MOST = 4 * 64 };

static struct fb_adaptation settings(const struct fb_node *c, double *loss) {
    const struct fb_node *method = fb_node_get(c, "method");
    struct fb_adaptation how = {.kind = is_t5(c) ? FB_ADAPT_T5 : FB_ADAPT_GPT2,
                                .data = {"test_datasets", NULL},
                                .steps = fb_node_get(method, "max_steps")->value.integer,
                                .mgda = fb_node_get(method, "variant") != NULL,
                                .rate = real(fb_node_at(method, "optimizer.lr")),
                                .beta1 = 0.9,
                                .beta2 = 0.999,
                                .epsilon = 1e-8,
                                .loss = loss};

    how.batch_size = fb_node_at(method, "dataloader_kwargs.batch_size")->value.integer;
    assert_true(how.steps <= STEPS);
    return how;
}

/* Learns; the weights are the caller's. */
static void learn(struct tiny *t, const struct fb_node *c, const struct fb_adaptation *how,
                  struct fb_merging_weights *w) {
    const struct fb_node *method = fb_node_get(c, "method");

    if (fb_each_align(&t->merge, true, &t->err) ||
        fb_merging_weights_create(w, t->merge.pool, real(fb_node_get(method, "init_values")),
                                  fb_node_get(method, "clamp_weights") != NULL, &t->err) ||
        fb_adapt(w, how, &t->merge, &t->err))
        fail_msg("%s: %s", fb_node_get(c, "name")->text, t->err.msg);
    assert_true(w->experts * w->tensors <= MOST);
}

static void compare(const struct fb_node *c, const double *loss, const struct fb_merging_weights *w,
                    const struct fb_entry *expected) {
    const struct fb_node *losses = fb_node_get(c, "losses");
    const char *name = fb_node_get(c, "name")->text;
    const float *want = expected->data;
    /* `mgda` weighs the tasks by a point that is sought until a step is smaller than 1e-5. */
    double limit = fb_node_get(fb_node_get(c, "method"), "variant") ? 1e-4 : 1e-5;

    for (int64_t i = 0; i < losses->count; i++)
        if (!(fabs(loss[i] - real(losses->item[i])) < limit * real(losses->item[i])))
            fail_msg("%s: loss %d is %.9g, expected %.9g", name, (int)i, loss[i],
                     real(losses->item[i]));
    assert_int_equal(expected->shape[0], w->experts);
    assert_int_equal(expected->shape[1], w->tensors);
    for (int64_t i = 0; i < expected->numel; i++)
        if (!(fabs((double)(w->value[i] - want[i])) < limit))
            fail_msg("%s: weight %d is %.9g, expected %.9g", name, (int)i, (double)w->value[i],
                     (double)want[i]);
}

static void test_losses_and_weights_are_those_of_the_reference(void **state) {
    struct fb_arena arena = {0};
    struct fb_err err = {0};
    const struct fb_node *cases = open_cases(&arena);
    struct fb_ckpt *expected;

    (void)state;
    assert_int_equal(fb_ckpt_open(&expected, FB_GOLDEN_DIR "/adamerging/weights.safetensors", &err),
                     FB_OK);
    assert_int_equal(cases->count, fb_ckpt_count(expected));
    for (int64_t i = 0; i < cases->count; i++) {
        const struct fb_node *c = cases->item[i];
        struct fb_merging_weights w = {0};
        double loss[STEPS] = {0};
        struct fb_adaptation how = settings(c, loss);
        struct tiny t;
        tiny_begin(&t);
        open_pool(&t, c);
        learn(&t, c, &how, &w);
        compare(c, loss, &w, fb_ckpt_find(expected, fb_node_get(c, "name")->text));
        fb_merging_weights_free(&w);
        tiny_end(&t);
    }
    fb_ckpt_close(expected);
    fb_arena_free(&arena);
}

/* GPT-2's first case with other numbers of threads and block sizes. */
static void test_bits_depend_on_neither_threads_nor_blocks(void **state) {
    static const struct {
        int threads;
        int64_t block;
    } runs[] = {{1, 0}, {2, 0}, {4, 1000}};
    struct fb_arena arena = {0};
    const struct fb_node *c = open_cases(&arena)->item[0];
    float first[MOST];

    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        struct fb_merging_weights w = {0};
        struct fb_adaptation how = settings(c, NULL);
        struct tiny t;
        size_t size;
        omp_set_num_threads(runs[i].threads);
        tiny_begin(&t);
        open_pool(&t, c);
        t.merge.block = runs[i].block;
        learn(&t, c, &how, &w);
        size = (size_t)(w.experts * w.tensors) * sizeof *w.value;
        if (i == 0) memcpy(first, w.value, size);
        assert_memory_equal(first, w.value, size);
        fb_merging_weights_free(&w);
        tiny_end(&t);
    }
    fb_arena_free(&arena);
}

/* Decay pulls: AdamW's moves every weight by rate * decay * weight beside the step, Adam's adds to
 * the gradient, whose size does not matter to the first step. */
static void test_weight_decay(void **state) {
    struct fb_arena arena = {0};
    const struct fb_node *c = open_cases(&arena)->item[0];
    float plain[MOST];

    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct fb_merging_weights w = {0};
        struct fb_adaptation how = settings(c, NULL);
        struct tiny t;
        how.steps = 1;
        how.weight_decay = kind == 0 ? 0 : kind == 1 ? 0.5 : 1e6;
        how.decoupled = kind == 1;
        tiny_begin(&t);
        open_pool(&t, c);
        learn(&t, c, &how, &w);
        if (kind == 0) memcpy(plain, w.value, (size_t)(w.experts * w.tensors) * sizeof *plain);
        for (int64_t i = 0; kind && i < w.experts * w.tensors; i++)
            assert_float_equal(w.value[i], kind == 1 ? plain[i] - 0.01f * 0.5f * 0.3f : 0.29f,
                               1e-5f);
        fb_merging_weights_free(&w);
        tiny_end(&t);
    }
    fb_arena_free(&arena);
}

static void test_a_loss_that_is_not_finite_is_refused(void **state) {
    struct fb_arena arena = {0};
    const struct fb_node *c = open_cases(&arena)->item[0];
    struct fb_merging_weights w = {0};
    struct fb_adaptation how = settings(c, NULL);
    struct tiny t;

    (void)state;
    how.rate = 1e30;
    tiny_begin(&t);
    open_pool(&t, c);
    assert_int_equal(fb_each_align(&t.merge, true, &t.err), FB_OK);
    assert_int_equal(fb_merging_weights_create(&w, t.merge.pool, 0.3, false, &t.err), FB_OK);
    assert_int_equal(fb_adapt(&w, &how, &t.merge, &t.err), FB_EMISMATCH);
    assert_string_equal(t.err.msg,
                        "the loss is not finite at step 2; a smaller optimizer.lr may help");
    fb_merging_weights_free(&w);
    tiny_end(&t);
    fb_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses_and_weights_are_those_of_the_reference),
        cmocka_unit_test(test_bits_depend_on_neither_threads_nor_blocks),
        cmocka_unit_test(test_weight_decay),
        cmocka_unit_test(test_a_loss_that_is_not_finite_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
