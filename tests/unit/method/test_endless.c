#include "method/endless.h"

#include "base/rng.h"
#include "tiny_pool.h"

#define POOL                                                                                       \
    "{type: HF_GPT2ForSequenceClassification, models: {cola: 'embedded:demo/gpt2/cola', sst2: "    \
    "'embedded:demo/gpt2/sst2'}, tokenizer: 'embedded:demo/gpt2/tokenizer', data_dir: "            \
    "'embedded:demo/data'}"

static const struct fb_trainset_request request = {"test_datasets", "gpt2"};

/* Ids of all examples in file order, to compare with. */
static void whole(const struct fb_trainset *set, struct fb_examples *out, struct fb_err *err) {
    assert_int_equal(fb_examples_open(out, &set->item[0], set->data_dir, -1, err), FB_OK);
    assert_int_equal(fb_examples_encode(out, set->encoder, 512, -1, err), FB_OK);
}

static void assert_example(const struct fb_sequences *batch, int64_t i,
                           const struct fb_sequences *all, int64_t row) {
    int64_t n = batch->offset[i + 1] - batch->offset[i];

    assert_int_equal(n, all->offset[row + 1] - all->offset[row]);
    assert_memory_equal(batch->id + batch->offset[i], all->id + all->offset[row],
                        (size_t)n * sizeof *all->id);
}

/* 320 rows in batches of 150: 150, 150, 20, and then the next epoch's. */
static void test_epochs_follow_each_other(void **state) {
    static const int64_t sizes[] = {150, 150, 20, 150};
    struct fb_trainset set;
    struct fb_examples file;
    struct fb_sequences all, batch;
    struct tiny t;
    int64_t order[320], at = 0;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, POOL);
    t.merge.seed = 9;
    assert_int_equal(fb_trainset_open(&set, &t.merge, &request, &t.err), FB_OK);
    whole(&set, &file, &t.err);
    assert_int_equal(file.count, 320);
    all = fb_examples_inputs(&file);
    {
        struct fb_endless e = {.set = &set, .batch_size = 150, .batches = 4, .pad = -1};
        for (int b = 0; b < 4; b++, at += batch.count) {
            if (b == 0 || b == 3) fb_rng_shuffle(order, 320, 9, b == 3);
            if (b == 3) at = 0;
            assert_int_equal(fb_endless_next(&e, &batch, &t.err), FB_OK);
            assert_int_equal(batch.count, sizes[b]);
            for (int64_t i = 0; i < batch.count; i++)
                assert_example(&batch, i, &all, order[at + i]);
        }
        /* The last epoch had one batch to give: no more was tokenized. */
        assert_int_equal(e.examples.count, 150);
        fb_endless_free(&e);
    }
    fb_examples_free(&file);
    fb_trainset_close(&set);
    tiny_end(&t);
}

static void test_prompts_are_those_of_the_task(void **state) {
    struct fb_trainset set;
    struct fb_sequences batch;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, POOL);
    assert_int_equal(fb_trainset_open(&set, &t.merge, &request, &t.err), FB_OK);
    {
        struct fb_endless plain = {.set = &set, .batch_size = 1, .batches = 1, .pad = -1};
        struct fb_endless prompt = {.set = &set, .batch_size = 1, .batches = 1, .prompts = true};
        struct fb_sequences other;
        assert_int_equal(fb_endless_next(&plain, &batch, &t.err), FB_OK);
        assert_int_equal(fb_endless_next(&prompt, &other, &t.err), FB_OK);
        assert_true(other.offset[1] > batch.offset[1]); /* the task is described first */
        fb_endless_free(&plain);
        fb_endless_free(&prompt);
    }
    fb_trainset_close(&set);
    tiny_end(&t);
}

static void test_missing_data_name_the_expert(void **state) {
    struct fb_endless e = {.batch_size = 4, .batches = 1, .pad = -1};
    struct fb_trainset set;
    struct fb_sequences batch;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, POOL);
    assert_int_equal(fb_trainset_open(&set, &t.merge, &request, &t.err), FB_OK);
    e.set = &set;
    set.item[0].split = "nowhere";
    assert_true(fb_endless_next(&e, &batch, &t.err) < 0);
    assert_ptr_equal(strstr(t.err.msg, "expert 'cola': "), t.err.msg);
    fb_endless_free(&e);
    fb_trainset_close(&set);
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epochs_follow_each_other),
        cmocka_unit_test(test_prompts_are_those_of_the_task),
        cmocka_unit_test(test_missing_data_name_the_expert),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
