#include "golden_gpt2.h"

#include "alloc_faults.h"
#include "golden_gradients.h"

#include <omp.h>

static const char *const names[] = {"default", "head_dim_3", "inner", "inverse_layer", "epsilon",
                                    "gelu",    "relu",       "silu",  "tanh"};
enum { NAMES = (int)(sizeof names / sizeof *names) };

/* A model, its head and what gradients are wanted for. */
struct fixture {
    struct golden golden;
    struct fb_gpt2 *m;
    struct fb_linear head;
    struct fb_grads grads;
    struct fb_tape tape;
    struct fb_graph g;
};

static int begin(struct fixture *f, const struct fb_grads_filter *filter, struct fb_err *err) {
    const struct fb_gpt2_config *c = &f->golden.config;
    const struct fb_weight *score = fb_weights_find(&f->golden.weights, "score.weight");

    f->tape.grads = &f->grads;
    f->g.tape = &f->tape;
    if (fb_gpt2_create(&f->m, c, &f->golden.weights, err) ||
        fb_gpt2_head(&f->head, score, c->n_embd, err) ||
        fb_gpt2_grads(&f->grads, f->m, filter, err) ||
        fb_grads_want(&f->grads, filter, "score", "weight", c->num_labels, c->n_embd, false, err))
        return err->code;
    fb_grads_zero(&f->grads);
    return FB_OK;
}

static void end(struct fixture *f) {
    fb_graph_free(&f->g);
    fb_tape_free(&f->tape);
    fb_grads_free(&f->grads);
    fb_packed_free(&f->head.weight);
    fb_gpt2_free(f->m);
}

static void set_up(struct fixture *f, const char *name, const struct fb_grads_filter *filter) {
    struct fb_err err = {0};

    memset(f, 0, sizeof *f);
    golden_open(&f->golden, name);
    assert_int_equal(begin(f, filter, &err), FB_OK);
}

static void tear_down(struct fixture *f) {
    end(f);
    golden_close(&f->golden);
}

/* Adds the gradients of sum(cotangent * logits) over all sequences, `most` at a time. */
static int pass(struct fixture *f, int64_t most, struct fb_err *err) {
    int64_t labels = f->golden.config.num_labels;
    struct fb_batches plan = {0};
    float cotangent[7 * 5];

    if (fb_batches_plan_unshared(&plan, &f->golden.sequences, 1000, most, err)) return err->code;
    for (int64_t b = 0; b < plan.count && !err->code; b++) {
        const struct fb_batch *batch = &plan.batch[b];
        struct fb_tensor *hidden = fb_gpt2_forward(f->m, batch, &f->g, err);
        struct fb_tensor *logits = fb_op_linear(&f->g, hidden, &f->head, FB_LINEAR, NULL, err);
        for (int64_t i = 0; i < batch->sequences * labels; i++)
            cotangent[i] = golden_weight("cotangent", 2, f->golden.sequences.count,
                                         (uint32_t)(batch->sequence[0] * labels + i));
        if (logits && fb_backward(&f->g, logits, cotangent, err)) break;
    }
    fb_batches_free(&plan);
    return err->code;
}

static void test_gradients_are_those_of_torch(void **state) {
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct fb_err err = {0};
        struct fixture f;
        char name[64];
        set_up(&f, names[i], NULL);
        assert_int_equal(pass(&f, 100, &err), FB_OK);
        snprintf(name, sizeof name, "gpt2_%s", names[i]);
        compare_gradients(&f.grads, name);
        assert_int_equal(f.grads.names.count, 4 + 1 + 12 * f.golden.config.n_layer);
        tear_down(&f);
    }
}

static void test_passes_add_up(void **state) {
    struct fb_err err = {0};
    struct fixture f;

    (void)state;
    set_up(&f, "default", NULL);
    assert_int_equal(pass(&f, 2, &err), FB_OK);
    compare_gradients(&f.grads, "gpt2_default");
    /* A new sum begins at zero, and the turned weights are still right. */
    fb_grads_zero(&f.grads);
    assert_int_equal(pass(&f, 3, &err), FB_OK);
    compare_gradients(&f.grads, "gpt2_default");
    tear_down(&f);
}

static void test_bits_do_not_depend_on_threads(void **state) {
    uint64_t first = 0;

    (void)state;
    for (int threads = 1; threads <= 4; threads *= 2) {
        struct fb_err err = {0};
        struct fixture f;
        uint64_t bits;
        omp_set_num_threads(threads);
        set_up(&f, "default", NULL);
        f.g.training = true;
        f.g.seed = 5;
        assert_int_equal(pass(&f, 100, &err), FB_OK);
        bits = gradient_bits(&f.grads);
        if (threads == 1) first = bits;
        assert_true(bits == first);
        tear_down(&f);
    }
}

static bool is_norm(const void *self, const char *name) {
    (void)self;
    return strstr(name, "ln_") != NULL;
}

/* The others are not computed, and those of the norms do not change. */
static void test_a_frozen_parameter_has_no_gradient(void **state) {
    const struct fb_grads_filter filter = {is_norm, NULL};
    struct fb_err err = {0};
    struct fixture all, norms;

    (void)state;
    set_up(&all, "default", NULL);
    set_up(&norms, "default", &filter);
    assert_int_equal(norms.grads.names.count, 2 * (2 * 2 + 1));
    assert_int_equal(pass(&all, 100, &err), FB_OK);
    assert_int_equal(pass(&norms, 100, &err), FB_OK);
    for (int64_t i = 0; i < norms.grads.names.count; i++) {
        const struct fb_grad *grad = &norms.grads.item[i];
        const struct fb_grad *same = fb_grads_find(&all.grads, grad->name);
        assert_memory_equal(grad->data, same->data, (size_t)grad->cols * sizeof(float));
    }
    tear_down(&all);
    tear_down(&norms);
}

static void test_a_table_knows_its_used_rows(void **state) {
    struct fb_err err = {0};
    struct fixture f;
    struct fb_grad *wte, *wpe;
    bool used[40] = {false};
    int64_t distinct = 0;

    (void)state;
    set_up(&f, "default", NULL);
    assert_int_equal(pass(&f, 100, &err), FB_OK);
    wte = fb_grads_find(&f.grads, "wte.weight");
    wpe = fb_grads_find(&f.grads, "wpe.weight");
    for (int64_t i = 0; i < f.golden.sequences.offset[f.golden.sequences.count]; i++) {
        int32_t id = f.golden.sequences.id[i];
        distinct += !used[id];
        used[id] = true;
    }
    assert_int_equal(wte->used_count, distinct);
    assert_int_equal(wpe->used_count, 24);
    for (int64_t i = 0; i < wte->used_count; i++)
        assert_true(used[wte->used[i]]);
    fb_grads_zero(&f.grads);
    assert_int_equal(wte->used_count, 0);
    for (int64_t i = 0; i < wte->rows * wte->cols; i++)
        assert_true(wte->data[i] == 0.0f);
    tear_down(&f);
}

/* Twice the weight of the last norm: the gradient of the layers before it is twice as large. */
static void test_a_refreshed_model_has_the_new_weights(void **state) {
    struct fb_err err = {0};
    struct fixture f, fresh;

    (void)state;
    set_up(&f, "default", NULL);
    assert_int_equal(pass(&f, 100, &err), FB_OK);
    for (int64_t i = 0; i < f.golden.weights.names.count; i++) {
        struct fb_weight *w = &f.golden.weights.item[i];
        for (int64_t k = 0; k < w->numel; k++)
            ((float *)(uintptr_t)w->data)[k] *= 1.25f;
    }
    assert_int_equal(fb_gpt2_refresh(f.m, &f.golden.weights, &err), FB_OK);
    fb_tape_forget_weights(&f.tape);
    fb_grads_zero(&f.grads);
    fresh = (struct fixture){.golden = f.golden};
    assert_int_equal(begin(&fresh, NULL, &err), FB_OK);
    fb_packed_free(&f.head.weight);
    assert_int_equal(
        fb_gpt2_head(&f.head, fb_weights_find(&f.golden.weights, "score.weight"), 16, &err), FB_OK);
    assert_int_equal(pass(&f, 100, &err), FB_OK);
    assert_int_equal(pass(&fresh, 100, &err), FB_OK);
    assert_true(gradient_bits(&f.grads) == gradient_bits(&fresh.grads));
    end(&fresh);
    tear_down(&f);
}

/* Dropout of one step is the same both ways: the derivative along a direction agrees with the
 * difference of the loss, which has errors of about 1e-3 in f32. */
static double loss(struct fixture *f, struct fb_err *err) {
    int64_t labels = f->golden.config.num_labels;
    struct fb_batches plan = {0};
    struct fb_tensor *logits;
    double sum = 0;

    assert_int_equal(fb_batches_plan_unshared(&plan, &f->golden.sequences, 1000, 100, err), FB_OK);
    logits = fb_op_linear(&f->g, fb_gpt2_forward(f->m, &plan.batch[0], &f->g, err), &f->head,
                          FB_LINEAR, NULL, err);
    assert_non_null(logits);
    for (int64_t i = 0; i < logits->rows * labels; i++)
        sum += (double)logits->data[i] *
               (double)golden_weight("cotangent", 2, f->golden.sequences.count, (uint32_t)i);
    fb_batches_free(&plan);
    return sum;
}

/* Moves all parameters of a model by `step` along their gradients' signs; returns the slope. */
static double move(struct fixture *f, float step) {
    double slope = 0;

    for (int64_t i = 0; i < f->golden.weights.names.count; i++) {
        struct fb_weight *w = &f->golden.weights.item[i];
        const struct fb_grad *grad = fb_grads_find(&f->grads, w->name);
        for (int64_t k = 0; k < w->numel && strcmp(w->name, "score.weight"); k++) {
            float sign = grad->data[k] > 0 ? 1.0f : -1.0f;
            ((float *)(uintptr_t)w->data)[k] += step * sign;
            slope += fabs((double)grad->data[k]);
        }
    }
    return slope;
}

static void test_dropout_is_the_same_on_the_way_back(void **state) {
    struct fb_err err = {0};
    struct fixture f;
    double here, up, down, slope;

    (void)state;
    set_up(&f, "default", NULL);
    f.g.training = true;
    f.g.seed = 3;
    here = loss(&f, &err);
    assert_true(here == loss(&f, &err));
    f.g.seed = 4;
    assert_true(here != loss(&f, &err));
    f.g.seed = 3;
    assert_int_equal(pass(&f, 100, &err), FB_OK);
    slope = move(&f, 1e-4f);
    assert_int_equal(fb_gpt2_refresh(f.m, &f.golden.weights, &err), FB_OK);
    up = loss(&f, &err);
    move(&f, -2e-4f);
    assert_int_equal(fb_gpt2_refresh(f.m, &f.golden.weights, &err), FB_OK);
    down = loss(&f, &err);
    if (!(fabs((up - down) / 2e-4 - slope) < 5e-3 * slope))
        fail_msg("slope %g, differences %g", slope, (up - down) / 2e-4);
    tear_down(&f);
}

/* The value of a tensor, to be changed. */
static void clear(struct golden *g, const char *suffix) {
    for (int64_t i = 0; i < g->weights.names.count; i++) {
        struct fb_weight *w = &g->weights.item[i];
        size_t n = strlen(w->name), m = strlen(suffix);
        if (n < m || strcmp(w->name + n - m, suffix) != 0) continue;
        memset((float *)(uintptr_t)w->data, 0, (size_t)w->numel * sizeof *w->data);
    }
}

/* Everything of one kind dropped is a model without it: no embeddings; attention whose mixed values
 * are 0; branches that add nothing, not even their biases. */
static void test_dropout_is_where_transformers_has_it(void **state) {
    static const struct {
        double embd, attn, resid;
        const char *cleared[4];
    } cases[] = {{1, 0, 0, {"wte.weight", "wpe.weight"}},
                 {0, 1, 0, {"attn.c_proj.weight"}},
                 {0, 0, 1, {"c_proj.weight", "c_proj.bias"}}};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct fb_err err = {0};
        struct fixture f;
        double dropped;
        memset(&f, 0, sizeof f);
        golden_open(&f.golden, "default");
        f.golden.config.embd_pdrop = cases[i].embd;
        f.golden.config.attn_pdrop = cases[i].attn;
        f.golden.config.resid_pdrop = cases[i].resid;
        assert_int_equal(begin(&f, NULL, &err), FB_OK);
        f.g.training = true;
        dropped = loss(&f, &err);
        f.g.training = false;
        assert_true(dropped != loss(&f, &err));
        for (int k = 0; cases[i].cleared[k]; k++)
            clear(&f.golden, cases[i].cleared[k]);
        assert_int_equal(fb_gpt2_refresh(f.m, &f.golden.weights, &err), FB_OK);
        assert_true(fabs(dropped - loss(&f, &err)) < 1e-5);
        tear_down(&f);
    }
}

static int attempt(void *arg) {
    struct fixture f = {.golden = *(const struct golden *)arg};
    struct fb_err err = {0};

    if (!begin(&f, NULL, &err)) (void)!pass(&f, 3, &err);
    end(&f);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    struct golden g;

    (void)state;
    golden_open(&g, "default");
    assert_true(for_each_allocation_failure(attempt, &g, 4000) > 100);
    golden_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_are_those_of_torch),
        cmocka_unit_test(test_passes_add_up),
        cmocka_unit_test(test_bits_do_not_depend_on_threads),
        cmocka_unit_test(test_a_frozen_parameter_has_no_gradient),
        cmocka_unit_test(test_a_table_knows_its_used_rows),
        cmocka_unit_test(test_a_refreshed_model_has_the_new_weights),
        cmocka_unit_test(test_dropout_is_the_same_on_the_way_back),
        cmocka_unit_test(test_dropout_is_where_transformers_has_it),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
