/* A kind of model whose gradients are made up: worked examples. */
#include "method/fisher.h"

#include "tiny_pool.h"

#include <math.h>

struct toy {
    struct fb_grads grads;
    int opened, closed;
    float scale, now; /* of gradients: `scale` times the model's index in the pool */
    bool is_table, fails, squares;
};

/* fb_fisher_kind has no state of its own, so a test's is here. */
static struct toy toy;

static int check(struct fb_pool *pool, int model, struct fb_err *err) {
    (void)pool;
    return model == 2 && toy.fails ? fb_fail(err, FB_EFORMAT, "is no toy") : FB_OK;
}

static int encode(struct fb_examples *e, struct fb_pool *pool, int model,
                  struct fb_encoder *encoder, struct fb_err *err) {
    (void)pool;
    (void)model;
    return fb_examples_encode(e, encoder, 8, -1, err);
}

static int open_toy(void **expert, struct fb_pool *pool, int model, const struct fb_examples *e,
                    struct fb_err *err) {
    (void)pool;
    assert_int_equal(e->count, 4); /* 3, in whole batches of 2 */
    toy.now = toy.scale * (float)model;
    toy.opened++;
    *expert = &toy;
    fb_grads_free(&toy.grads);
    return fb_grads_add(&toy.grads, "w", toy.is_table ? 2 : 1, toy.is_table ? 1 : 2, toy.is_table,
                        err);
}

static void close_toy(void *expert) {
    if (expert) toy.closed++;
}

static struct fb_grads *grads_of(void *expert) {
    assert_ptr_equal(expert, &toy);
    return &toy.grads;
}

/* (count, first) times the scale; of a table the second row alone is used. */
static int derive(void *expert, int64_t first, int64_t count, struct fb_err *err) {
    struct fb_grad *g = &toy.grads.item[0];
    const float d[] = {(float)count * toy.now, (float)first * toy.now};
    float *squares;

    (void)err;
    assert_ptr_equal(expert, &toy);
    (toy.squares ? fb_grads_zero_to_square : fb_grads_zero)(&toy.grads);
    if (toy.is_table) fb_grad_use(g, (int64_t[]){1}, 1);
    if ((squares = fb_grad_squares(g, 2))) {
        squares[0] += d[0] * d[0];
        squares[1] += d[1] * d[1];
        return FB_OK;
    }
    fb_grad_begin(g);
    memcpy(g->data, d, sizeof d);
    return FB_OK;
}

static const struct fb_fisher_kind kind = {
    .name = "toy",
    .data = {"train_datasets", "gpt2"},
    .check = check,
    .encode = encode,
    .open = open_toy,
    .close = close_toy,
    .grads = grads_of,
    .derive = derive,
};

static struct fb_fisher_opts options(void) {
    return (struct fb_fisher_opts){.normalize_fisher_weight = true,
                                   .minimal_fisher_weight = 0.5,
                                   .num_fisher_examples = 3,
                                   .batch_size = 2};
}

static void open_pool(struct tiny *t) {
    toy = (struct toy){.scale = 1};
    tiny_begin(t);
    tiny_model(t, "base", "w", (float[]){9, 9}, 2);
    tiny_model(t, "a", "w", (float[]){1, -2}, 2);
    tiny_model(t, "b", "w", (float[]){3, 4}, 2);
    tiny_pool(t, "{type: AutoModelPool, models: {_pretrained_: base.safetensors, cola: "
                 "a.safetensors, sst2: b.safetensors}, tokenizer: 'embedded:demo/gpt2/tokenizer', "
                 "data_dir: 'embedded:demo/data'}");
}

static void close_pool(struct tiny *t) {
    fb_grads_free(&toy.grads);
    tiny_end(t);
}

static int run(struct tiny *t, const struct fb_fisher_opts *o) {
    fb_merge_free(&t->merge);
    t->merge.weights = (struct fb_weights){0};
    memset(&t->err, 0, sizeof t->err);
    if (fb_fisher_check(&kind, o, &t->merge, &t->err)) return t->err.code;
    return fb_fisher_run(&kind, o, &t->merge, &t->err);
}

static void has(const struct tiny *t, double first, double second) {
    assert_true(fabs((double)tiny_value(t, "w")[0] - first) < 1e-6);
    assert_true(fabs((double)tiny_value(t, "w")[1] - second) < 1e-6);
}

/* Batches (0, 1) and (2, 3) give (2, 0) and (2, 2): F of the first expert is (4 + 4, 0 + 4) / 4 =
 * (2, 1), of the second, whose gradients are twice as large, (8, 4). With the minimum of 0.5 the
 * weights are (2.5, 1.5) and (8.5, 4.5), times c. */
static void test_the_mean_is_weighed_as_the_formula_says(void **state) {
    struct fb_fisher_opts o = options();
    double a = 1 / (sqrt(5) + 0.5), b = 1 / (sqrt(80) + 0.5);
    struct tiny t;

    (void)state;
    open_pool(&t);
    assert_int_equal(run(&t, &o), FB_OK);
    has(&t, (a * 2.5 * 1 + b * 8.5 * 3) / (a * 2.5 + b * 8.5),
        (a * 1.5 * -2 + b * 4.5 * 4) / (a * 1.5 + b * 4.5));
    assert_int_equal(toy.opened, 2);
    assert_int_equal(toy.closed, 2);
    o.normalize_fisher_weight = false;
    assert_int_equal(run(&t, &o), FB_OK);
    has(&t, (2.5 * 1 + 8.5 * 3) / 11, (1.5 * -2 + 4.5 * 4) / 6);
    /* Squares that the way back adds itself. */
    toy.squares = true;
    assert_int_equal(run(&t, &o), FB_OK);
    has(&t, (2.5 * 1 + 8.5 * 3) / 11, (1.5 * -2 + 4.5 * 4) / 6);
    close_pool(&t);
}

/* F of an element whose row was never used is zero: the minimum alone counts. */
static void test_rows_of_a_table_that_were_not_used_weigh_the_minimum(void **state) {
    struct fb_fisher_opts o = options();
    struct tiny t;

    (void)state;
    open_pool(&t);
    toy.is_table = true;
    o.normalize_fisher_weight = false;
    assert_int_equal(run(&t, &o), FB_OK);
    has(&t, (0.5 * 1 + 0.5 * 3) / 1, (1.5 * -2 + 4.5 * 4) / 6);
    close_pool(&t);
}

static void test_excluded_keys_are_those_of_the_base(void **state) {
    static const char *const patterns[] = {"w"};
    struct fb_fisher_opts o = options();
    struct tiny t;

    (void)state;
    open_pool(&t);
    o.exclude_param_names_regex = (struct fb_texts){patterns, 1};
    assert_int_equal(run(&t, &o), FB_OK);
    has(&t, 9, 9);
    close_pool(&t);
}

static void test_without_any_fisher_weight_the_experts_are_averaged(void **state) {
    struct fb_fisher_opts o = options();
    struct tiny t;

    (void)state;
    open_pool(&t);
    o.minimal_fisher_weight = 0;
    toy.scale = 0;
    assert_int_equal(run(&t, &o), FB_OK);
    has(&t, 2, 1);
    close_pool(&t);
}

static void test_weights_that_are_no_numbers_are_refused(void **state) {
    struct fb_fisher_opts o = options();
    struct tiny t;

    (void)state;
    open_pool(&t);
    toy.scale = NAN;
    assert_int_equal(run(&t, &o), FB_EFORMAT);
    assert_string_equal(t.err.msg, "expert 'cola': its Fisher weights are not finite numbers");
    toy.fails = true;
    assert_int_equal(run(&t, &o), FB_EFORMAT);
    assert_string_equal(t.err.msg, "expert 'sst2': is no toy");
    assert_int_equal(toy.opened, toy.closed);
    close_pool(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_mean_is_weighed_as_the_formula_says),
        cmocka_unit_test(test_rows_of_a_table_that_were_not_used_weigh_the_minimum),
        cmocka_unit_test(test_excluded_keys_are_those_of_the_base),
        cmocka_unit_test(test_without_any_fisher_weight_the_experts_are_averaged),
        cmocka_unit_test(test_weights_that_are_no_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
