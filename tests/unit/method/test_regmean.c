/* With a kind of model whose one layer is always given the same input: what is asked of a kind, and
 * when. Data and tokenizer are the demo's. */
#include "tiny_pool.h"

#include "method/regmean.h"
#include "scratch.h"

static int forwards;
static float input = 1;

static bool is_w(const struct fb_pool *pool, const struct fb_pool_key *key) {
    (void)pool;
    return strcmp(key->name, "w.weight") == 0;
}

static int encode(struct fb_regmean_expert *x, struct fb_err *err) {
    return fb_examples_encode(&x->examples, x->encoder, 512, -1, err);
}

static int identify(struct fb_digest *id, const struct fb_regmean_expert *x, struct fb_err *err) {
    return fb_digest_add_int(id, x->config ? 1 : 0, err);
}

/* As many rows as there are examples. */
static int forward(struct fb_regmean_expert *x, struct fb_err *err) {
    float rows[64];
    const struct fb_tensor t = {.data = rows, .rows = x->examples.count, .cols = 1};

    assert_in_range(x->examples.count, 1, 64);
    for (int i = 0; i < 64; i++)
        rows[i] = input;
    forwards++;
    return x->observer->linear(x->observer->self, "w", &t, err);
}

static int refuse(struct fb_regmean_expert *x, struct fb_err *err) {
    (void)x;
    return fb_fail(err, FB_EFORMAT, "no");
}

static const struct fb_regmean_kind kind = {.method = "fake",
                                            .data = {"train_datasets", "gpt2"},
                                            .wants = is_w,
                                            .encode = encode,
                                            .identify = identify,
                                            .forward = forward};

static struct fb_regmean_opts options_with(const char *folder) {
    return (struct fb_regmean_opts){.num_regmean_examples = 8,
                                    .batch_size = 8,
                                    .reduce_non_diagonal_ratio = 1,
                                    .statistics_dir = folder};
}

/* Models of one layer of 1 x 1: 2 and 6. Both see the same input, so that the result is 4. */
static void begin(struct tiny *t) {
    static const char *const names[] = {"_pretrained_", "cola", "sst2"};
    static const float values[] = {0, 2, 6};
    char path[64];

    tiny_begin(t);
    scratch_make();
    for (int i = 0; i < 3; i++) {
        const struct fb_entry e = {.name = "w.weight",
                                   .dtype = FB_F32,
                                   .ndim = 2,
                                   .shape = {1, 1},
                                   .numel = 1,
                                   .data = &values[i],
                                   .size = sizeof *values};
        struct fb_ckpt_writer *w;
        snprintf(path, sizeof path, "%s/config.json", names[i]);
        scratch_write(path, "{\"model_type\": \"none\"}");
        snprintf(path, sizeof path, "%s/model.safetensors", names[i]);
        assert_int_equal(fb_ckpt_create(&w, scratch_path(path), &e, 1, NULL, 0, &t->err), FB_OK);
        assert_int_equal(fb_ckpt_write_bytes(w, 0, 0, 1, &values[i], &t->err), FB_OK);
        assert_int_equal(fb_ckpt_commit(w, &t->err), FB_OK);
    }
    assert_return_code(chdir(scratch_path(".")), 0);
    tiny_pool(t, "{type: AutoModelPool, models: {_pretrained_: _pretrained_, cola: cola, sst2: "
                 "sst2}, tokenizer: 'embedded:demo/gpt2/tokenizer', data_dir: "
                 "'embedded:demo/data'}");
    assert_return_code(chdir(t->dir), 0);
    t->merge.stream_path = NULL;
    forwards = 0;
    input = 1;
}

static void end(struct tiny *t) {
    scratch_remove();
    tiny_end(t);
}

static int run(struct tiny *t, const struct fb_regmean_kind *k, const char *folder) {
    const struct fb_regmean_opts o = options_with(folder);

    fb_merge_free(&t->merge);
    memset(&t->err, 0, sizeof t->err);
    return fb_regmean_run(k, &o, &t->merge, &t->err);
}

static void test_every_expert_is_looked_at_once(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    assert_return_code(chdir(scratch_path(".")), 0);
    assert_int_equal(run(&t, &kind, NULL), FB_OK);
    assert_int_equal(forwards, 2);
    assert_true(tiny_value(&t, "w.weight")[0] == 4);
    assert_return_code(chdir(t.dir), 0);
    end(&t);
}

/* The second run takes the inputs of the first, whatever they would be now. */
static void test_kept_statistics_replace_the_forward_pass(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    assert_return_code(chdir(scratch_path(".")), 0);
    assert_int_equal(run(&t, &kind, "kept"), FB_OK);
    assert_int_equal(forwards, 2);
    input = 0;
    assert_int_equal(run(&t, &kind, "kept"), FB_OK);
    assert_int_equal(forwards, 2);
    assert_true(tiny_value(&t, "w.weight")[0] == 4);
    t.merge.seed = 5; /* in file order: the seed means nothing */
    assert_int_equal(run(&t, &kind, "kept"), FB_OK);
    assert_int_equal(forwards, 2);
    assert_return_code(chdir(t.dir), 0);
    end(&t);
}

static void test_what_goes_wrong_names_the_expert(void **state) {
    struct fb_regmean_kind bad = kind, silent = kind;
    struct tiny t;

    (void)state;
    begin(&t);
    assert_return_code(chdir(scratch_path(".")), 0);
    bad.forward = refuse;
    assert_int_equal(run(&t, &bad, NULL), FB_EFORMAT);
    assert_string_equal(t.err.msg, "expert 'cola': no");
    input = 0;
    assert_int_equal(run(&t, &silent, NULL), FB_EMISMATCH);
    assert_non_null(strstr(t.err.msg, "layer 'w': the sum of the Gram matrices is singular"));
    assert_return_code(chdir(t.dir), 0);
    end(&t);
}

static void test_data_are_looked_for_before_the_run(void **state) {
    const struct fb_regmean_opts o = options_with(NULL);
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_pool(&t, "{type: AutoModelPool, models: {_pretrained_: a, mine: b}}");
    assert_int_equal(fb_regmean_check(&kind, &o, &t.merge, &t.err), FB_ECONFIG);
    assert_string_equal(t.err.msg, "the expert 'mine' needs an entry in modelpool.train_datasets, "
                                   "as its name is not that of a GLUE task");
    tiny_pool(&t, "{type: AutoModelPool, models: {mine: b}}");
    assert_int_equal(fb_regmean_check(&kind, &o, &t.merge, &t.err), FB_ENOTFOUND);
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_expert_is_looked_at_once),
        cmocka_unit_test(test_kept_statistics_replace_the_forward_pass),
        cmocka_unit_test(test_what_goes_wrong_names_the_expert),
        cmocka_unit_test(test_data_are_looked_for_before_the_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
