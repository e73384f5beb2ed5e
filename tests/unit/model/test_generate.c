#include "golden_t5.h"

#include <omp.h>

static void generate(struct golden *g, struct fb_generated *out, int64_t tokens, int64_t sequences,
                     int64_t places) {
    struct fb_generation how = {.max_length = 10,
                                .start = (int32_t)g->config.decoder_start_token_id,
                                .eos = {(int32_t)g->config.eos_token_id},
                                .eos_count = 1};
    struct fb_generate_limits limits = {tokens, sequences, places};
    struct fb_generator *generator;
    struct fb_err err = {0};

    assert_int_equal(fb_generator_open(&generator, g->model, &err), FB_OK);
    assert_int_equal(fb_generate(out, generator, &how, &g->sequences, &limits, NULL, &err), FB_OK);
    fb_generator_free(generator);
}

static void test_generated_ids_are_those_of_transformers(void **state) {
    (void)state;
    for (int i = 0; i < GOLDENS; i++) {
        struct golden g;
        struct fb_generated out;
        golden_open(&g, golden_names[i]);
        generate(&g, &out, 0, 0, 0);
        for (int64_t s = 0; s < g.sequences.count; s++) {
            const struct fb_node *want = fb_node_get(g.json, "generated")->item[s];
            assert_int_equal(out.length[s], want->count);
            for (int64_t t = 0; t < want->count; t++)
                assert_int_equal(out.id[s * out.most + t], want->item[t]->value.integer);
        }
        fb_generated_free(&out);
        golden_close(&g);
    }
}

static void test_ids_do_not_depend_on_batches_or_threads(void **state) {
    /* Batches and groups of one; groups of several batches; one group. */
    static const struct fb_generate_limits limits[] = {
        {4096, 1, 0}, {8, 8, 60}, {8, 32, 200}, {1, 5, 4096}, {4096, 32, 4096}};
    static const int threads[] = {1, 2, 4};
    struct golden g;
    struct fb_generated first, other;

    (void)state;
    golden_open(&g, "flan");
    omp_set_num_threads(1);
    generate(&g, &first, 1, 1, 1);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (int t = 0; t < 3; t++) {
            omp_set_num_threads(threads[t]);
            generate(&g, &other, limits[i].batch_tokens, limits[i].batch_sequences,
                     limits[i].places);
            assert_memory_equal(first.id, other.id,
                                (size_t)(first.count * first.most) * sizeof *first.id);
            assert_memory_equal(first.length, other.length,
                                (size_t)first.count * sizeof *first.length);
            fb_generated_free(&other);
        }
    fb_generated_free(&first);
    golden_close(&g);
}

/* More prompts and more steps than before, then fewer, then just as many. */
static void test_ids_do_not_depend_on_what_was_generated_before(void **state) {
    static const struct {
        int64_t prompts, length;
    } calls[] = {{3, 10}, {12, 10}, {12, 5}, {2, 5}, {12, 10}, {12, 10}};
    const struct fb_generate_limits limits = {.places = 64};
    struct golden g;
    struct fb_generator *generator;
    struct fb_generated first, other;
    struct fb_err err = {0};

    (void)state;
    golden_open(&g, "flan");
    generate(&g, &first, 0, 0, 0);
    assert_int_equal(fb_generator_open(&generator, g.model, &err), FB_OK);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct fb_generation how = {.max_length = calls[i].length,
                                    .start = (int32_t)g.config.decoder_start_token_id,
                                    .eos = {(int32_t)g.config.eos_token_id},
                                    .eos_count = 1};
        g.sequences.count = calls[i].prompts;
        assert_int_equal(fb_generate(&other, generator, &how, &g.sequences, &limits, NULL, &err),
                         FB_OK);
        for (int64_t s = 0; s < other.count; s++) {
            int64_t n = first.length[s] < other.most ? first.length[s] : other.most;
            assert_int_equal(other.length[s], n);
            assert_memory_equal(other.id + s * other.most, first.id + s * first.most,
                                (size_t)n * sizeof *other.id);
        }
        fb_generated_free(&other);
    }
    fb_generator_free(generator);
    fb_generated_free(&first);
    golden_close(&g);
}

static void test_a_start_outside_the_vocabulary_is_refused(void **state) {
    struct golden g;
    struct fb_generation how = {.max_length = 4, .start = 60};
    struct fb_generator *generator;
    struct fb_generated out;
    struct fb_err err = {0};

    (void)state;
    golden_open(&g, "flan");
    assert_int_equal(fb_generator_open(&generator, g.model, &err), FB_OK);
    assert_int_equal(fb_generate(&out, generator, &how, &g.sequences,
                                 &(struct fb_generate_limits){0}, NULL, &err),
                     FB_EMISMATCH);
    fb_generator_free(generator);
    assert_string_equal(err.msg, "token id 60 is outside the vocabulary of 60");
    assert_null(out.id);
    golden_close(&g);
}

static void test_no_prompts_give_no_ids(void **state) {
    struct golden g;
    struct fb_generated out;

    (void)state;
    golden_open(&g, "flan");
    g.sequences.count = 0;
    generate(&g, &out, 0, 0, 0);
    assert_int_equal(out.count, 0);
    fb_generated_free(&out);
    golden_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_ids_are_those_of_transformers),
        cmocka_unit_test(test_ids_do_not_depend_on_batches_or_threads),
        cmocka_unit_test(test_ids_do_not_depend_on_what_was_generated_before),
        cmocka_unit_test(test_a_start_outside_the_vocabulary_is_refused),
        cmocka_unit_test(test_no_prompts_give_no_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
