#include "golden_t5.h"

#include "model/decoder.h"

static void add(struct golden *g, struct fb_decoder *d, const struct fb_batch *batch) {
    struct fb_graph graph = {0};
    struct fb_err err = {0};
    float *states = calloc((size_t)batch->tokens, (size_t)g->config.d_model * sizeof *states);

    assert_int_equal(fb_t5_encode(g->model, batch, states, &graph, &err), FB_OK);
    assert_int_equal(fb_decoder_add(d, batch, states, &err), FB_OK);
    free(states);
    fb_graph_free(&graph);
}

static void begin(struct golden *g, struct fb_decoder **d, struct fb_batches *batches,
                  int64_t steps) {
    struct fb_decoder_room room;
    struct fb_err err = {0};

    assert_int_equal(fb_batches_plan_unshared(batches, &g->sequences, 100000, 1000, &err), FB_OK);
    room =
        (struct fb_decoder_room){batches->batch->sequences,
                                 batches->batch->tokens + batches->batch->sequences * steps, steps};
    assert_int_equal(fb_decoder_open(d, g->model, &room, &err), FB_OK);
    add(g, *d, batches->batch);
}

static void test_first_logits_are_those_of_transformers(void **state) {
    (void)state;
    for (int i = 0; i < GOLDENS; i++) {
        struct golden g;
        struct fb_batches batches = {0};
        struct fb_decoder *d;
        struct fb_err err = {0};
        float hidden[12 * 16], logits[12 * 60];
        int32_t id[12];
        golden_open(&g, golden_names[i]);
        begin(&g, &d, &batches, 1);
        assert_int_equal(fb_decoder_rows(d), 12);
        for (int r = 0; r < 12; r++)
            id[r] = (int32_t)g.config.decoder_start_token_id;
        assert_int_equal(fb_decoder_step(d, id, hidden, &err), FB_OK);
        assert_int_equal(fb_t5_logits(g.model, hidden, 12, logits, &err), FB_OK);
        for (int r = 0; r < 12; r++)
            golden_close_to(logits + r * 60, fb_node_get(g.json, "logits")->item[r]);
        assert_int_equal(fb_decoder_step(d, id, hidden, &err), FB_EMISMATCH);
        assert_string_equal(err.msg, "more than the 1 steps agreed");
        fb_decoder_free(d);
        fb_batches_free(&batches);
        golden_close(&g);
    }
}

static void test_rows_that_are_dropped_change_nothing_for_the_others(void **state) {
    struct golden g;
    struct fb_batches batches = {0};
    struct fb_decoder *all, *some;
    struct fb_err err = {0};
    float hidden[12 * 16], left[12 * 16];
    int32_t id[12] = {0}, next[12] = {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, kept[6];
    bool keep[12];

    (void)state;
    golden_open(&g, "deeper_decoder");
    begin(&g, &all, &batches, 3);
    fb_batches_free(&batches);
    batches = (struct fb_batches){0};
    begin(&g, &some, &batches, 3);
    assert_int_equal(fb_decoder_step(all, id, hidden, &err), FB_OK);
    assert_int_equal(fb_decoder_step(some, id, left, &err), FB_OK);
    for (int r = 0; r < 12; r++) {
        keep[r] = r % 2;
        if (r % 2) kept[r / 2] = next[r];
    }
    fb_decoder_keep(some, keep);
    assert_int_equal(fb_decoder_rows(some), 6);
    assert_int_equal(fb_decoder_sequence(some, 2), 5);
    assert_int_equal(fb_decoder_step(all, next, hidden, &err), FB_OK);
    assert_int_equal(fb_decoder_step(some, kept, left, &err), FB_OK);
    for (int r = 0; r < 6; r++)
        assert_memory_equal(left + r * 16, hidden + (2 * r + 1) * 16, 16 * sizeof *left);
    fb_decoder_free(all);
    fb_decoder_free(some);
    fb_batches_free(&batches);
    golden_close(&g);
}

static void test_several_batches_are_decoded_together(void **state) {
    struct golden g;
    struct fb_batches all = {0}, some = {0};
    struct fb_decoder *whole, *parts;
    struct fb_err err = {0};
    float hidden[12 * 16], other[12 * 16];
    int32_t id[12] = {0};

    (void)state;
    golden_open(&g, "flan");
    begin(&g, &whole, &all, 2);
    begin(&g, &parts, &some, 2);
    fb_batches_free(&some);
    some = (struct fb_batches){0};
    assert_int_equal(fb_batches_plan_unshared(&some, &g.sequences, 1, 1, &err), FB_OK);
    assert_int_equal(some.count, 12);
    /* The second time in the same memory, after steps. */
    for (int pass = 0; pass < 2; pass++) {
        fb_decoder_clear(parts);
        assert_int_equal(fb_decoder_rows(parts), 0);
        for (int64_t b = 0; b < some.count; b++)
            add(&g, parts, &some.batch[b]);
        assert_int_equal(fb_decoder_rows(parts), 12);
        assert_int_equal(fb_decoder_sequence(parts, 7), 7);
        assert_int_equal(fb_decoder_step(parts, id, other, &err), FB_OK);
    }
    assert_int_equal(fb_decoder_step(whole, id, hidden, &err), FB_OK);
    assert_memory_equal(hidden, other, sizeof hidden);
    assert_int_equal(fb_decoder_step(parts, id, other, &err), FB_OK);
    assert_int_equal(fb_decoder_step(whole, id, hidden, &err), FB_OK);
    assert_memory_equal(hidden, other, sizeof hidden);
    fb_decoder_free(whole);
    fb_decoder_free(parts);
    fb_batches_free(&all);
    fb_batches_free(&some);
    golden_close(&g);
}

static void test_more_than_there_is_room_for_is_refused(void **state) {
    struct golden g;
    struct fb_batches batches = {0};
    struct fb_decoder *d;
    struct fb_err err = {0};
    float states[12 * 16] = {0};
    char want[80];

    (void)state;
    golden_open(&g, "flan");
    begin(&g, &d, &batches, 1);
    snprintf(want, sizeof want, "no room for %d tokens of 12 sequences more",
             (int)batches.batch->tokens);
    assert_int_equal(fb_decoder_add(d, batches.batch, states, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, want);
    fb_decoder_free(d);
    assert_int_equal(
        fb_decoder_open(&d, g.model, &(struct fb_decoder_room){1, INT64_MAX / 4, 1}, &err),
        FB_ENOMEM);
    snprintf(want, sizeof want, "out of memory: keys and values of %jd tokens",
             (intmax_t)(INT64_MAX / 4));
    assert_string_equal(err.msg, want);
    assert_null(d);
    fb_batches_free(&batches);
    golden_close(&g);
}

/* The head of "flan" is [60, 16]; a hidden state of zeros gives equal logits. */
static void test_the_lowest_of_equal_logits_and_the_first_nan_win(void **state) {
    struct golden g;
    struct fb_err err = {0};
    float hidden[2 * 16] = {0}, logits[2 * 60];
    int32_t id[2] = {-1, -1};
    int most = 0;

    (void)state;
    golden_open(&g, "flan");
    for (int i = 16; i < 32; i++)
        hidden[i] = (float)(i % 5) - 2.0f;
    assert_int_equal(fb_t5_argmax(g.model, hidden, 2, id, &err), FB_OK);
    assert_int_equal(fb_t5_logits(g.model, hidden, 2, logits, &err), FB_OK);
    for (int j = 0; j < 60; j++)
        if (logits[60 + j] > logits[60 + most]) most = j;
    assert_int_equal(id[0], 0);
    assert_int_equal(id[1], most);
    hidden[20] = NAN;
    assert_int_equal(fb_t5_argmax(g.model, hidden, 2, id, &err), FB_OK);
    assert_int_equal(id[1], 0);
    golden_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_logits_are_those_of_transformers),
        cmocka_unit_test(test_rows_that_are_dropped_change_nothing_for_the_others),
        cmocka_unit_test(test_several_batches_are_decoded_together),
        cmocka_unit_test(test_more_than_there_is_room_for_is_refused),
        cmocka_unit_test(test_the_lowest_of_equal_logits_and_the_first_nan_win),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
