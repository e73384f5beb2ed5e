#include "golden_t5.h"

#include "alloc_faults.h"
#include "golden_gradients.h"
#include "model/decoder.h"

#include <omp.h>

static const char *const names[] = {"flan", "v1_0", "gated_silu", "buckets"};
enum { NAMES = (int)(sizeof names / sizeof *names) };

/* A model, its prompts, and what the decoder is given: the start token and the first 1 + i % 5
 * tokens of prompt i. */
struct fixture {
    struct golden golden;
    struct fb_sequences targets;
    struct fb_grads grads;
    struct fb_tape tape;
    struct fb_graph g;
};

static void make_targets(struct fixture *f) {
    struct fb_err err = {0};
    const struct fb_sequences *from = &f->golden.sequences;
    int64_t count = from->count, *offset;
    int32_t *id;

    offset = fb_arena_calloc(&f->golden.arena, (size_t)count + 1, sizeof *offset, &err);
    id = fb_arena_calloc(&f->golden.arena, (size_t)count * 6, sizeof *id, &err);
    assert_true(offset && id);
    for (int64_t i = 0; i < count; i++) {
        int64_t given = 1 + i % 5, length = from->offset[i + 1] - from->offset[i];
        int32_t *to = id + offset[i];
        *to++ = (int32_t)f->golden.config.decoder_start_token_id;
        if (given > length) given = length;
        memcpy(to, from->id + from->offset[i], (size_t)given * sizeof *to);
        offset[i + 1] = offset[i] + 1 + given;
    }
    f->targets = (struct fb_sequences){count, id, offset};
}

static int begin(struct fixture *f, const struct fb_grads_filter *filter, struct fb_err *err) {
    f->tape.grads = &f->grads;
    if (fb_t5_grads(&f->grads, f->golden.model, filter, err)) return err->code;
    fb_grads_zero(&f->grads);
    return FB_OK;
}

static void end(struct fixture *f) {
    fb_graph_free(&f->g);
    fb_tape_free(&f->tape);
    fb_grads_free(&f->grads);
}

static void set_up(struct fixture *f, const char *name) {
    struct fb_err err = {0};

    memset(f, 0, sizeof *f);
    golden_open(&f->golden, name);
    make_targets(f);
    assert_int_equal(begin(f, NULL, &err), FB_OK);
    f->g.tape = &f->tape;
}

static void tear_down(struct fixture *f) {
    end(f);
    golden_close(&f->golden);
}

/* Adds the gradients of sum(cotangent * logits) over all sequences, `most` at a time. */
static int pass(struct fixture *f, int64_t most, struct fb_err *err) {
    const struct fb_t5 *m = f->golden.model;
    int64_t vocab = f->golden.config.vocab_size, row = 0;
    struct fb_batches inputs = {0}, targets = {0};
    float *cotangent = malloc((size_t)(f->targets.offset[f->targets.count] * vocab) * 4);

    if (!cotangent) return fb_fail(err, FB_ENOMEM, "no memory");
    if (fb_batches_plan_unshared(&inputs, &f->golden.sequences, 1 << 20, most, err) ||
        fb_batches_plan_unshared(&targets, &f->targets, 1 << 20, most, err))
        goto done;
    for (int64_t b = 0; b < inputs.count; b++) {
        struct fb_tensor *states =
            fb_t5_forward(m, &inputs.batch[b], &targets.batch[b], &f->g, err);
        struct fb_tensor *logits = fb_t5_head(m, states, &f->g, err);
        if (!logits) break;
        for (int64_t i = 0; i < logits->rows * vocab; i++)
            cotangent[i] = golden_weight("cotangent", 1, vocab, (uint32_t)(row * vocab + i));
        row += logits->rows;
        if (fb_backward(&f->g, logits, cotangent, err)) break;
    }
done:
    fb_batches_free(&inputs);
    fb_batches_free(&targets);
    free(cotangent);
    return err->code;
}

static void test_gradients_are_those_of_torch(void **state) {
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct fb_err err = {0};
        struct fixture f;
        char name[64];
        set_up(&f, names[i]);
        assert_int_equal(pass(&f, 100, &err), FB_OK);
        snprintf(name, sizeof name, "t5_%s", names[i]);
        compare_gradients(&f.grads, name);
        assert_int_equal(f.grads.names.count, f.golden.weights.names.count);
        tear_down(&f);
    }
}

static void test_passes_add_up(void **state) {
    struct fb_err err = {0};
    struct fixture f;

    (void)state;
    set_up(&f, "v1_0");
    assert_int_equal(pass(&f, 5, &err), FB_OK);
    fb_grads_zero(&f.grads);
    assert_int_equal(pass(&f, 3, &err), FB_OK);
    compare_gradients(&f.grads, "t5_v1_0");
    tear_down(&f);
}

/* Squares that are added as soon as a matrix's gradient is known, against torch: their roots, which
 * take the signs of the gradient, are what the gradient has to be. All else has its gradient as
 * ever, a tied embedding with its three uses among it. */
static void check_squares(const char *name, const char *golden) {
    struct fb_err err = {0};
    struct fixture f, signs;
    int at_once = 0;

    set_up(&signs, name);
    assert_int_equal(pass(&signs, 100, &err), FB_OK);
    set_up(&f, name);
    for (int64_t i = 0; i < f.grads.names.count; i++) {
        struct fb_grad *g = &f.grads.item[i];
        g->squares = calloc((size_t)(g->rows * g->cols), sizeof *g->squares);
        assert_non_null(g->squares);
    }
    fb_grads_zero_to_square(&f.grads);
    assert_int_equal(pass(&f, 100, &err), FB_OK);
    for (int64_t i = 0; i < f.grads.names.count; i++) {
        struct fb_grad *g = &f.grads.item[i];
        for (int64_t j = 0; g->squared && j < g->rows * g->cols; j++)
            g->data[j] = copysignf(sqrtf(g->squares[j]), signs.grads.item[i].data[j]);
        at_once += g->squared > 0;
        free(g->squares);
    }
    assert_int_equal(fb_grads_find(&f.grads, "shared.weight")->squared, 0);
    assert_true(at_once > 20);
    compare_gradients(&f.grads, golden);
    tear_down(&f);
    tear_down(&signs);
}

static void test_squares_are_those_of_torchs_gradients(void **state) {
    (void)state;
    check_squares("flan", "t5_flan");
    check_squares("v1_0", "t5_v1_0");
}

/* A tied embedding is used whole by the head; one that is not, by its tokens alone. */
static void test_the_embedding_collects_from_its_uses(void **state) {
    for (int tied = 0; tied < 2; tied++) {
        struct fb_err err = {0};
        struct fixture f;
        const struct fb_grad *shared;
        set_up(&f, tied ? "v1_0" : "flan");
        assert_int_equal(pass(&f, 100, &err), FB_OK);
        shared = fb_grads_find(&f.grads, "shared.weight");
        assert_true(shared->is_table);
        assert_int_equal(shared->used_count == shared->rows, tied);
        tear_down(&f);
    }
    (void)state;
}

static void test_bits_do_not_depend_on_threads(void **state) {
    uint64_t first = 0;

    (void)state;
    for (int threads = 1; threads <= 4; threads *= 2) {
        struct fb_err err = {0};
        struct fixture f;
        omp_set_num_threads(threads);
        set_up(&f, "flan");
        f.g.training = true;
        f.g.seed = 5;
        assert_int_equal(pass(&f, 100, &err), FB_OK);
        if (threads == 1) first = gradient_bits(&f.grads);
        assert_true(gradient_bits(&f.grads) == first);
        tear_down(&f);
    }
}

/* Logits of the last token of each target as the decoder computes them step by step. */
static void compare_with_steps(const struct fixture *f, const struct fb_batch *inputs,
                               const struct fb_batch *targets, const struct fb_tensor *states) {
    const struct fb_t5 *m = f->golden.model;
    int64_t n = f->golden.config.d_model;
    const struct fb_decoder_room room = {inputs->sequences, inputs->tokens + 6 * inputs->sequences,
                                         6};
    struct fb_err err = {0};
    struct fb_decoder *d;
    struct fb_graph g = {0};
    float *encoded = malloc((size_t)(inputs->tokens * n) * sizeof *encoded);
    float *hidden = malloc((size_t)(inputs->sequences * n) * sizeof *hidden);
    int32_t id[16];
    /* v1.0 scales what goes to its head. */
    float scale = f->golden.config.tie_word_embeddings ? (float)(1 / sqrt((double)n)) : 1.0f;

    assert_true(encoded && hidden);
    assert_int_equal(fb_t5_encode(m, inputs, encoded, &g, &err), FB_OK);
    assert_int_equal(fb_decoder_open(&d, m, &room, &err), FB_OK);
    assert_int_equal(fb_decoder_add(d, inputs, encoded, &err), FB_OK);
    for (int64_t step = 0; step < 6; step++) {
        for (int64_t i = 0; i < inputs->sequences; i++) {
            const struct fb_segment *s = &targets->segment[i];
            id[i] = targets->id[s->row + (step < s->count ? step : 0)];
        }
        assert_int_equal(fb_decoder_step(d, id, hidden, &err), FB_OK);
        for (int64_t i = 0; i < inputs->sequences; i++) {
            const struct fb_segment *s = &targets->segment[i];
            for (int64_t k = 0; k < n && step < s->count; k++)
                assert_float_equal(states->data[(s->row + step) * n + k] * scale, hidden[i * n + k],
                                   1e-5);
        }
    }
    fb_decoder_free(d);
    fb_graph_free(&g);
    free(encoded);
    free(hidden);
}

static void test_states_are_those_of_the_decoder_step_by_step(void **state) {
    (void)state;
    for (int i = 0; i < GOLDENS; i++) {
        struct fb_err err = {0};
        struct fb_batches inputs, targets;
        struct fb_tensor *states;
        struct fixture f;
        set_up(&f, golden_names[i]);
        assert_int_equal(fb_batches_plan_unshared(&inputs, &f.golden.sequences, 1 << 20, 100, &err),
                         FB_OK);
        assert_int_equal(fb_batches_plan_unshared(&targets, &f.targets, 1 << 20, 100, &err), FB_OK);
        /* With and without a tape: the same bits, though values are kept in other places. */
        for (int taped = 0; taped < 2; taped++) {
            f.g.tape = taped ? &f.tape : NULL;
            states = fb_t5_forward(f.golden.model, &inputs.batch[0], &targets.batch[0], &f.g, &err);
            assert_non_null(states);
            compare_with_steps(&f, &inputs.batch[0], &targets.batch[0], states);
        }
        fb_batches_free(&inputs);
        fb_batches_free(&targets);
        tear_down(&f);
    }
}

/* Updates of low rank: every linear layer gets one, the head as well. */
struct updates {
    struct fb_lora_layer lora[64];
    int count;
};

static void attach(struct updates *u, struct fb_linear *layer) {
    struct fb_lora_layer *lora = &u->lora[u->count++];
    struct fb_err err = {0};
    float a[2 * 64], b[64 * 2];

    assert_true(u->count <= 64 && layer->weight.in <= 64 && layer->weight.out <= 64);
    for (uint32_t i = 0; i < 2 * 64; i++) {
        a[i] = golden_weight("lora_A", 1, 16, i);
        b[i] = golden_weight("lora_B", 1, 16, i);
    }
    *lora = (struct fb_lora_layer){.scale = 0.5f, .a.order = FB_OUT_IN, .b.order = FB_OUT_IN};
    assert_int_equal(fb_pack(&lora->a.weight, a, FB_OUT_IN, NULL, layer->weight.in, 2, NULL, &err),
                     FB_OK);
    assert_int_equal(fb_pack(&lora->b.weight, b, FB_OUT_IN, NULL, 2, layer->weight.out, NULL, &err),
                     FB_OK);
    layer->lora = lora;
}

static void test_updates_count_in_every_way_to_compute(void **state) {
    struct fb_err err = {0};
    struct updates u = {.count = 0};
    struct fb_batches inputs, targets;
    struct fb_tensor *states, *logits;
    struct fixture f;
    float *plain, step[12 * 60];
    int32_t best[12];

    (void)state;
    set_up(&f, "flan");
    assert_int_equal(fb_batches_plan_unshared(&inputs, &f.golden.sequences, 1 << 20, 100, &err),
                     FB_OK);
    assert_int_equal(fb_batches_plan_unshared(&targets, &f.targets, 1 << 20, 100, &err), FB_OK);
    f.g.tape = NULL;
    states = fb_t5_forward(f.golden.model, &inputs.batch[0], &targets.batch[0], &f.g, &err);
    assert_non_null(states);
    plain = malloc((size_t)(states->rows * states->cols) * sizeof *plain);
    assert_non_null(plain);
    memcpy(plain, states->data, (size_t)(states->rows * states->cols) * sizeof *plain);
    for (int64_t i = 0; i < f.golden.weights.names.count; i++) {
        char name[128];
        const char *full = f.golden.weights.item[i].name;
        struct fb_linear *layer;
        snprintf(name, sizeof name, "%.*s", (int)(strlen(full) - strlen(".weight")), full);
        if ((layer = fb_t5_linear(f.golden.model, name))) attach(&u, layer);
    }
    assert_int_equal(u.count, 2 * (4 + 3) + 2 * (8 + 3) + 1);
    states = fb_t5_forward(f.golden.model, &inputs.batch[0], &targets.batch[0], &f.g, &err);
    assert_non_null(states);
    assert_memory_not_equal(plain, states->data, (size_t)states->cols * sizeof *plain);
    compare_with_steps(&f, &inputs.batch[0], &targets.batch[0], states);
    /* The three ways to the logits: all at once, as a value, and the largest alone. */
    assert_true(states->rows >= 12);
    logits = fb_t5_head(f.golden.model, states, &f.g, &err);
    assert_non_null(logits);
    assert_int_equal(fb_t5_logits(f.golden.model, states->data, 12, step, &err), FB_OK);
    assert_memory_equal(logits->data, step, sizeof step);
    assert_int_equal(fb_t5_argmax(f.golden.model, states->data, 12, best, &err), FB_OK);
    for (int i = 0; i < 12; i++)
        for (int k = 0; k < 60; k++)
            assert_true(step[i * 60 + best[i]] >= step[i * 60 + k]);
    free(plain);
    for (int i = 0; i < u.count; i++) {
        fb_packed_free(&u.lora[i].a.weight);
        fb_packed_free(&u.lora[i].b.weight);
    }
    fb_batches_free(&inputs);
    fb_batches_free(&targets);
    tear_down(&f);
}

static void test_a_refreshed_model_has_the_new_weights(void **state) {
    struct fb_err err = {0};
    struct fixture f;
    struct fb_t5 *fresh;
    uint64_t bits;

    (void)state;
    set_up(&f, "v1_0");
    assert_int_equal(pass(&f, 100, &err), FB_OK);
    for (int64_t i = 0; i < f.golden.weights.names.count; i++)
        for (int64_t k = 0; k < f.golden.weights.item[i].numel; k++)
            f.golden.weights.item[i].owned[k] *= 0.75f;
    assert_int_equal(fb_t5_refresh(f.golden.model, &f.golden.weights, &err), FB_OK);
    fb_tape_forget_weights(&f.tape);
    fb_grads_zero(&f.grads);
    assert_int_equal(pass(&f, 100, &err), FB_OK);
    bits = gradient_bits(&f.grads);
    assert_int_equal(fb_t5_create(&fresh, &f.golden.config, &f.golden.weights, &err), FB_OK);
    fb_t5_free(f.golden.model);
    f.golden.model = fresh;
    fb_tape_free(&f.tape);
    f.tape.grads = &f.grads;
    fb_grads_zero(&f.grads);
    assert_int_equal(pass(&f, 100, &err), FB_OK);
    assert_true(gradient_bits(&f.grads) == bits);
    tear_down(&f);
}

static void test_ids_outside_the_vocabulary_are_refused(void **state) {
    struct fb_err err = {0};
    struct fixture f;
    struct fb_batches inputs, targets;

    (void)state;
    set_up(&f, "flan");
    assert_int_equal(fb_batches_plan_unshared(&inputs, &f.golden.sequences, 1 << 20, 2, &err),
                     FB_OK);
    assert_int_equal(fb_batches_plan_unshared(&targets, &f.targets, 1 << 20, 2, &err), FB_OK);
    targets.batch[0].id[1] = 60;
    assert_null(fb_t5_forward(f.golden.model, &inputs.batch[0], &targets.batch[0], &f.g, &err));
    assert_int_equal(err.code, FB_EMISMATCH);
    assert_string_equal(err.msg, "token id 60 is outside the vocabulary of 60");
    fb_batches_free(&inputs);
    fb_batches_free(&targets);
    tear_down(&f);
}

/* Loss of the sum of cotangent * logits with dropout. */
static double loss(struct fixture *f) {
    struct fb_batches inputs, targets;
    struct fb_err err = {0};
    struct fb_tensor *logits;
    double sum = 0;

    assert_int_equal(fb_batches_plan_unshared(&inputs, &f->golden.sequences, 1 << 20, 100, &err),
                     FB_OK);
    assert_int_equal(fb_batches_plan_unshared(&targets, &f->targets, 1 << 20, 100, &err), FB_OK);
    logits =
        fb_t5_head(f->golden.model,
                   fb_t5_forward(f->golden.model, &inputs.batch[0], &targets.batch[0], &f->g, &err),
                   &f->g, &err);
    assert_non_null(logits);
    for (int64_t i = 0; i < logits->rows * logits->cols; i++)
        sum += (double)logits->data[i] *
               (double)golden_weight("cotangent", 1, logits->cols, (uint32_t)i);
    fb_batches_free(&inputs);
    fb_batches_free(&targets);
    return sum;
}

/* Moves all parameters by `step` along the signs of their gradients; returns the slope. */
static double move(struct fixture *f, float step) {
    struct fb_err err = {0};
    double slope = 0;

    for (int64_t i = 0; i < f->golden.weights.names.count; i++) {
        struct fb_weight *w = &f->golden.weights.item[i];
        const struct fb_grad *grad = fb_grads_find(&f->grads, w->name);
        for (int64_t k = 0; k < w->numel; k++) {
            w->owned[k] += grad->data[k] > 0 ? step : -step;
            slope += fabs((double)grad->data[k]);
        }
    }
    assert_int_equal(fb_t5_refresh(f->golden.model, &f->golden.weights, &err), FB_OK);
    return slope;
}

static void test_dropout_is_the_same_on_the_way_back(void **state) {
    struct fb_err err = {0};
    struct fixture f;
    double here, up, down, slope;

    (void)state;
    set_up(&f, "flan");
    here = loss(&f);
    f.g.training = true;
    f.g.seed = 3;
    assert_true(here != loss(&f));
    assert_int_equal(pass(&f, 100, &err), FB_OK);
    slope = move(&f, 2e-5f);
    up = loss(&f);
    move(&f, -4e-5f);
    down = loss(&f);
    if (!(fabs((up - down) / 4e-5 - slope) < 5e-3 * slope))
        fail_msg("slope %g, differences %g", slope, (up - down) / 4e-5);
    tear_down(&f);
}

static int attempt(void *arg) {
    const struct fixture *given = arg;
    struct fixture f = {.golden = given->golden, .targets = given->targets};
    struct fb_err err = {0};

    f.g.tape = &f.tape;
    if (!begin(&f, NULL, &err)) (void)!pass(&f, 6, &err);
    end(&f);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    struct fixture f;

    (void)state;
    set_up(&f, "flan");
    assert_true(for_each_allocation_failure(attempt, &f, 6000) > 100);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_are_those_of_torch),
        cmocka_unit_test(test_passes_add_up),
        cmocka_unit_test(test_squares_are_those_of_torchs_gradients),
        cmocka_unit_test(test_the_embedding_collects_from_its_uses),
        cmocka_unit_test(test_bits_do_not_depend_on_threads),
        cmocka_unit_test(test_states_are_those_of_the_decoder_step_by_step),
        cmocka_unit_test(test_updates_count_in_every_way_to_compute),
        cmocka_unit_test(test_a_refreshed_model_has_the_new_weights),
        cmocka_unit_test(test_dropout_is_the_same_on_the_way_back),
        cmocka_unit_test(test_ids_outside_the_vocabulary_are_refused),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
