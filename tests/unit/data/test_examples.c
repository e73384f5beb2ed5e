#include "data/examples.h"

#include "alloc_faults.h"
#include "base/rng.h"
#include "scratch.h"
#include "text/tokenizer_choice.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct fb_tokenizer *tokenizer;
static struct fb_encoder *encoder;
static const char *folder;

static const char mrpc[] =
    "{\"sentence1\": \"the dog\", \"sentence2\": \"a cat\", \"label\": 1}\n"
    "{\"sentence1\": \"it\", \"sentence2\": \"it falls often\", \"label\": 0}\n"
    "{\"sentence1\": \"rain\", \"sentence2\": \"snow\", \"label\": -1}\n";

static int begin(void **state) {
    struct fb_tokenizer_choice choice = {NULL, "t", "embedded:demo/gpt2/tokenizer"};
    struct fb_err err = {0};

    (void)state;
    if (fb_tokenizer_open_chosen(&tokenizer, &choice, &err) ||
        fb_encoder_open(&encoder, tokenizer, &err))
        fail_msg("%s", err.msg);
    folder = scratch_make();
    scratch_write("glue/mrpc/train.jsonl", mrpc);
    return 0;
}

static int end(void **state) {
    (void)state;
    fb_encoder_close(encoder);
    fb_tokenizer_close(tokenizer);
    scratch_remove();
    return 0;
}

static struct fb_glue_item item(const char *name, const char *split) {
    return (struct fb_glue_item){name, fb_glue_find(name), split};
}

/* The text of a sequence. */
static void says(struct fb_sequences s, int64_t i, const char *text) {
    struct fb_str out = {0};
    struct fb_err err = {0};

    assert_int_equal(fb_tokenizer_decode(tokenizer, &out, s.id + s.offset[i],
                                         s.offset[i + 1] - s.offset[i], true, &err),
                     FB_OK);
    assert_string_equal(fb_str_text(&out), text);
    fb_str_free(&out);
}

/* A pair is two texts end to end, with nothing between them. */
static void test_texts_become_ids_in_file_order(void **state) {
    struct fb_glue_item train = item("mrpc", "train");
    struct fb_examples e;
    struct fb_err err = {0};
    struct fb_ids one = {0};
    int label;

    (void)state;
    assert_int_equal(fb_examples_open(&e, &train, folder, -1, &err), FB_OK);
    assert_int_equal(e.count, 3);
    assert_int_equal(fb_examples_encode(&e, encoder, 512, -1, &err), FB_OK);
    says(fb_examples_inputs(&e), 0, "the doga cat");
    says(fb_examples_inputs(&e), 1, "itit falls often");
    assert_int_equal(fb_encoder_encode(encoder, &one, "the dog", 7, true, &err), FB_OK);
    assert_int_equal(fb_encoder_encode(encoder, &one, "a cat", 5, true, &err), FB_OK);
    assert_int_equal(e.offset[1], one.count);
    assert_memory_equal(e.ids.id, one.id, (size_t)one.count * sizeof *one.id);
    fb_ids_free(&one);
    assert_int_equal(fb_examples_class(&e, 0, 2, &label, &err), FB_OK);
    assert_int_equal(label, 1);
    fb_examples_free(&e);
}

static void test_only_the_rows_that_were_picked_remain(void **state) {
    static const int64_t rows[] = {2, 0};
    struct fb_glue_item train = item("mrpc", "train");
    struct fb_examples e;
    struct fb_err err = {0};
    int label;

    (void)state;
    assert_int_equal(fb_examples_open(&e, &train, folder, -1, &err), FB_OK);
    assert_int_equal(fb_examples_pick(&e, rows, 2, &err), FB_OK);
    assert_int_equal(fb_examples_encode(&e, encoder, 2, -1, &err), FB_OK);
    assert_int_equal(fb_examples_inputs(&e).count, 2);
    assert_int_equal(e.offset[2], 4); /* two ids each */
    assert_int_equal(fb_examples_row(&e, 0), 2);
    assert_int_equal(fb_examples_class(&e, 1, 2, &label, &err), FB_OK);
    assert_int_equal(label, 1);
    assert_int_equal(fb_examples_class(&e, 0, 2, &label, &err), FB_EFORMAT);
    assert_non_null(strstr(err.msg,
                           "train.jsonl: row 2: label -1 is outside 0 .. 1 (the test splits "
                           "of GLUE have no labels)"));
    fb_examples_free(&e);
}

static void test_the_shuffled_order_is_that_of_the_seed(void **state) {
    struct fb_glue_item train = item("cola", "train");
    struct fb_examples e, few;
    struct fb_err err = {0};
    int64_t order[4096];

    (void)state;
    assert_int_equal(fb_examples_open(&e, &train, "embedded:demo/data", -1, &err), FB_OK);
    assert_in_range(e.data.rows, 10, 4096);
    assert_int_equal(fb_examples_shuffle(&e, 3, 1, 1 << 20, &err), FB_OK);
    assert_int_equal(e.count, e.data.rows);
    fb_rng_shuffle(order, e.count, 3, 1);
    assert_memory_equal(e.row, order, (size_t)e.count * sizeof *order);
    assert_int_equal(fb_examples_open(&few, &train, "embedded:demo/data", -1, &err), FB_OK);
    assert_int_equal(fb_examples_shuffle(&few, 3, 1, 5, &err), FB_OK);
    assert_int_equal(few.count, 5);
    assert_memory_equal(few.row, order, 5 * sizeof *order);
    fb_examples_free(&e);
    fb_examples_free(&few);
}

static void test_nothing_behind_padding_is_kept(void **state) {
    struct fb_glue_item train = item("mrpc", "train");
    struct fb_examples e;
    struct fb_err err = {0};
    int32_t second;

    (void)state;
    assert_int_equal(fb_examples_open(&e, &train, folder, 1, &err), FB_OK);
    assert_int_equal(fb_examples_encode(&e, encoder, 512, -1, &err), FB_OK);
    assert_true(e.ids.count > 2 && e.ids.id[0] != e.ids.id[1]);
    second = e.ids.id[1];
    assert_int_equal(fb_examples_encode(&e, encoder, 512, second, &err), FB_OK);
    assert_int_equal(e.ids.count, 1);
    assert_int_equal(fb_examples_encode(&e, encoder, 512, e.ids.id[0], &err), FB_EFORMAT);
    assert_non_null(strstr(err.msg, "train.jsonl: row 0: no token before the padding: the text is "
                                    "empty or begins with the padding token"));
    fb_examples_free(&e);
}

static void test_prompts_and_answers(void **state) {
    struct fb_glue_item train = item("mrpc", "train");
    int32_t *given;
    struct fb_examples e;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_examples_open(&e, &train, folder, 2, &err), FB_OK);
    assert_int_equal(fb_examples_encode_prompts(&e, encoder, 512, &err), FB_OK);
    assert_int_equal(fb_examples_encode_targets(&e, encoder, 512, &err), FB_OK);
    says(fb_examples_inputs(&e), 0,
         "Are the following sentences 'the dog' and 'a cat' conveying the same meaning? Answere "
         "with "
         "'yes' or 'no'.");
    assert_int_equal(fb_examples_targets(&e).count, 2);
    says(fb_examples_targets(&e), 0, "yes");
    says(fb_examples_targets(&e), 1, "no");
    given = fb_examples_decoder_ids(&e, 7, &err);
    assert_non_null(given);
    for (int i = 0; i < 2; i++) {
        int64_t at = e.target_offset[i], n = e.target_offset[i + 1] - at;
        assert_true(n > 0);
        assert_int_equal(given[at], 7);
        assert_memory_equal(given + at + 1, e.target_ids.id + at, (size_t)(n - 1) * sizeof *given);
    }
    free(given);
    fb_examples_free(&e);
}

static void test_data_is_looked_at_before_a_run(void **state) {
    struct fb_glue_item cola = item("cola", "validation");
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_examples_check(&cola, "embedded:demo/data", &err), FB_OK);
    cola.split = "nosuch";
    assert_int_equal(fb_examples_check(&cola, "embedded:demo/data", &err), FB_ENOTFOUND);
}

static int everything(void *arg) {
    struct fb_glue_item train = item("mrpc", "train");
    struct fb_examples e = {0};
    struct fb_err err = {0};
    int rc = fb_examples_open(&e, &train, folder, -1, &err);

    (void)arg;
    if (!rc) rc = fb_examples_shuffle(&e, 0, 0, 2, &err);
    if (!rc) rc = fb_examples_encode(&e, encoder, 512, -1, &err);
    if (!rc) rc = fb_examples_encode_prompts(&e, encoder, 512, &err);
    fb_examples_free(&e);
    return rc;
}

static void test_memory_that_runs_out_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(everything, NULL, 10000) > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_become_ids_in_file_order),
        cmocka_unit_test(test_only_the_rows_that_were_picked_remain),
        cmocka_unit_test(test_the_shuffled_order_is_that_of_the_seed),
        cmocka_unit_test(test_nothing_behind_padding_is_kept),
        cmocka_unit_test(test_prompts_and_answers),
        cmocka_unit_test(test_data_is_looked_at_before_a_run),
        cmocka_unit_test(test_memory_that_runs_out_is_reported),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
