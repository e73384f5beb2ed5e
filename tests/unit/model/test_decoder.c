#include "golden_t5.h"

#include "model/decoder.h"

static void begin(struct golden *g, struct fb_decoder **d, struct fb_batches *batches,
                  int64_t steps) {
    struct fb_graph graph = {0};
    struct fb_err err = {0};
    float *states;

    assert_int_equal(fb_batches_plan_unshared(batches, &g->sequences, 100000, 1000, &err), FB_OK);
    states = calloc((size_t)batches->batch->tokens, (size_t)g->config.d_model * sizeof *states);
    assert_int_equal(fb_t5_encode(g->model, batches->batch, states, &graph, &err), FB_OK);
    assert_int_equal(fb_decoder_begin(d, g->model, batches->batch, states, steps, &err), FB_OK);
    free(states);
    fb_graph_free(&graph);
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
        cmocka_unit_test(test_the_lowest_of_equal_logits_and_the_first_nan_win),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
