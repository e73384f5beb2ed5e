/* On the demo pool: models are never opened, data are. */
#include "method/trainset.h"

#include "base/rng.h"
#include "tiny_pool.h"

#define DEMO                                                                                       \
    "type: HF_GPT2ForSequenceClassification, models: {cola: 'embedded:demo/gpt2/cola', sst2: "     \
    "'embedded:demo/gpt2/sst2'}, tokenizer: 'embedded:demo/gpt2/tokenizer'"

static const struct fb_trainset_request train = {"train_datasets", "gpt2"};
static const struct fb_trainset_request test = {"test_datasets", "gpt2"};

static void test_each_expert_has_the_entry_of_its_name(void **state) {
    static const char *const pools[] = {
        "{" DEMO ", data_dir: 'embedded:demo/data', train_datasets: [{name: sst2, dataset: {name: "
        "sst2, split: train}}, {name: cola, dataset: {name: qnli, split: validation}}]}",
        "{" DEMO ", data_dir: 'embedded:demo/data', train_datasets: {sst2: {name: sst2, split: "
        "train}, cola: {name: qnli, split: validation}}}"};
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    for (int i = 0; i < 2; i++) {
        struct fb_trainset set;
        tiny_pool(&t, pools[i]);
        assert_int_equal(fb_trainset_check(&t.merge, &train, &t.err), FB_OK);
        assert_int_equal(fb_trainset_open(&set, &t.merge, &train, &t.err), FB_OK);
        assert_string_equal(set.item[0].task->name, "qnli");
        assert_string_equal(set.item[0].split, "validation");
        assert_string_equal(set.item[1].task->name, "sst2");
        assert_string_equal(set.item[1].split, "train");
        fb_trainset_close(&set);
    }
    tiny_end(&t);
}

/* Without the key, the names of the experts are looked at; data come from the run's folder. */
static void test_a_pool_without_datasets_has_those_of_its_names(void **state) {
    struct fb_trainset set;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{" DEMO "}");
    t.merge.data_dir = "embedded:demo/data";
    assert_int_equal(fb_trainset_open(&set, &t.merge, &train, &t.err), FB_OK);
    assert_string_equal(set.item[1].split, "train");
    assert_string_equal(set.data_dir, "embedded:demo/data");
    fb_trainset_close(&set);
    assert_int_equal(fb_trainset_open(&set, &t.merge, &test, &t.err), FB_OK);
    assert_string_equal(set.item[0].split, "validation");
    fb_trainset_close(&set);
    tiny_end(&t);
}

static void refused(struct tiny *t, const char *pool, int code, const char *message) {
    tiny_pool(t, pool);
    assert_int_equal(fb_trainset_check(&t->merge, &train, &t->err), code);
    assert_ptr_equal(strstr(t->err.msg, message), t->err.msg);
}

static void test_what_is_missing_is_named(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    refused(&t, "{" DEMO ", train_datasets: {cola: {name: cola, split: train}}}", FB_ECONFIG,
            "modelpool.train_datasets has no entry for the expert 'sst2'");
    refused(&t, "{type: AutoModelPool, models: {mine: a}}", FB_ECONFIG,
            "the expert 'mine' needs an entry in modelpool.train_datasets, as its name is not that "
            "of a GLUE task");
    refused(&t, "{" DEMO ", train_datasets: {cola: {name: cole}}}", FB_ECONFIG,
            "modelpool.train_datasets: test.yaml:1:");
    refused(&t, "{type: AutoModelPool, models: {cola: a}, tokenizer: 'embedded:nowhere'}",
            FB_ENOTFOUND, "modelpool.tokenizer 'embedded:nowhere': ");
    refused(&t,
            "{" DEMO ", data_dir: 'embedded:demo/data', train_datasets: {cola: {name: cola, "
            "split: train}, sst2: {name: sst2, split: none}}}",
            FB_ENOTFOUND, "expert 'sst2': ");
    tiny_end(&t);
}

/* 10 examples in batches of 4 are 12; the order is that of the seed, or of the file. */
static void test_whole_batches_are_picked(void **state) {
    struct fb_trainset_order order = {.examples = 10, .batch_size = 4};
    struct fb_trainset set;
    struct fb_examples e;
    int64_t all[4096];
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{" DEMO ", data_dir: 'embedded:demo/data'}");
    t.merge.seed = 9;
    assert_int_equal(fb_trainset_open(&set, &t.merge, &train, &t.err), FB_OK);
    assert_int_equal(fb_trainset_pick(&set, 0, &order, &e, &t.err), FB_OK);
    assert_int_equal(e.count, 12);
    assert_int_equal(fb_examples_row(&e, 11), 11);
    fb_examples_free(&e);
    order = (struct fb_trainset_order){.examples = 8, .batch_size = 4, .shuffle = true, .epoch = 2};
    assert_int_equal(fb_trainset_pick(&set, 1, &order, &e, &t.err), FB_OK);
    assert_int_equal(e.count, 8);
    assert_in_range(e.data.rows, 8, 4096);
    fb_rng_shuffle(all, e.data.rows, 9, 2);
    assert_memory_equal(e.row, all, 8 * sizeof *all);
    fb_examples_free(&e);
    order.examples = 1 << 30; /* more than there are: all */
    assert_int_equal(fb_trainset_pick(&set, 1, &order, &e, &t.err), FB_OK);
    assert_int_equal(e.count, e.data.rows);
    fb_examples_free(&e);
    fb_trainset_close(&set);
    tiny_end(&t);
}

static void test_other_models_than_t5_are_named(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{" DEMO "}");
    assert_int_equal(fb_trainset_need_t5(t.merge.pool, &t.err), FB_ECONFIG);
    assert_string_equal(t.err.msg,
                        "merges T5 models (AutoModelForSeq2SeqLMPool, PeftModelForSeq2SeqLMPool), "
                        "and the model pool is HF_GPT2ForSequenceClassification");
    tiny_pool(&t, "{type: AutoModelForSeq2SeqLMPool, models: {cola: a}}");
    assert_int_equal(fb_trainset_need_t5(t.merge.pool, &t.err), FB_OK);
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_expert_has_the_entry_of_its_name),
        cmocka_unit_test(test_a_pool_without_datasets_has_those_of_its_names),
        cmocka_unit_test(test_what_is_missing_is_named),
        cmocka_unit_test(test_whole_batches_are_picked),
        cmocka_unit_test(test_other_models_than_t5_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
