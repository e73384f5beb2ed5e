#include "tiny_pool.h"

#include "alloc_faults.h"
#include "method/grams.h"

static const struct fb_gram layers[] = {{.layer = "one", .n = 1}, {.layer = "two", .n = 2}};

static void see(const struct fb_observer *o, const char *name, float *data, int64_t rows,
                int64_t cols) {
    const struct fb_tensor x = {.data = data, .rows = rows, .cols = cols};
    struct fb_err err = {0};

    assert_int_equal(o->linear(o->self, name, &x, &err), FB_OK);
}

/* (1, 2) and (3, 4), then (5, 6): sums 35, 44, 56 over three rows. */
static void test_inputs_are_averaged_over_rows(void **state) {
    static float one[] = {2}, two[] = {1, 2, 3, 4}, more[] = {5, 6};
    static const double want[] = {35 / 3.0, 44 / 3.0, 44 / 3.0, 56 / 3.0};
    struct fb_err err = {0};
    struct fb_grams g;
    struct fb_observer observer;

    (void)state;
    assert_int_equal(fb_grams_open(&g, layers, 2, &err), FB_OK);
    observer = fb_grams_observer(&g);
    for (int pass = 0; pass < 2; pass++) {
        fb_grams_clear(&g);
        see(&observer, "two", two, 2, 2);
        see(&observer, "another", two, 1, 4);
        see(&observer, "one", one, 1, 1);
        see(&observer, "two", more, 1, 2);
        assert_int_equal(fb_grams_finish(&g, &err), FB_OK);
        assert_true(g.item[0].matrix[0] == 4);
        assert_int_equal(g.item[1].rows, 3);
        for (int i = 0; i < 4; i++)
            assert_true(g.item[1].matrix[i] == (float)want[i]);
    }
    fb_grams_free(&g);
}

static void test_a_layer_that_was_not_seen_is_named(void **state) {
    static float one[] = {2};
    struct fb_err err = {0};
    struct fb_grams g;
    struct fb_observer observer;

    (void)state;
    assert_int_equal(fb_grams_open(&g, layers, 2, &err), FB_OK);
    observer = fb_grams_observer(&g);
    see(&observer, "one", one, 1, 1);
    assert_int_equal(fb_grams_finish(&g, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "the model has no linear layer 'two'");
    fb_grams_free(&g);
}

static void test_matrices_go_through_a_file(void **state) {
    static const float values[] = {1, 2, 3, 4, 5};
    struct fb_ckpt *file;
    struct fb_grams g;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    assert_int_equal(fb_grams_open(&g, layers, 2, &t.err), FB_OK);
    memcpy(g.item[0].matrix, values, sizeof *values);
    memcpy(g.item[1].matrix, values + 1, 4 * sizeof *values);
    tiny_write(&t, "kept", g.entry, g.count);
    g.item[0].matrix[0] = g.item[1].matrix[3] = 0;
    assert_int_equal(fb_ckpt_open(&file, "kept.safetensors", &t.err), FB_OK);
    fb_grams_read(&g, file);
    assert_true(g.item[0].matrix[0] == 1);
    assert_memory_equal(g.item[1].matrix, values + 1, 4 * sizeof *values);
    fb_ckpt_close(file);
    fb_grams_free(&g);
    tiny_end(&t);
}

static void test_more_than_memory_has_room_for_is_refused(void **state) {
    const struct fb_gram wide = {.layer = "wide", .n = (int64_t)1 << 40};
    struct fb_err err = {0};
    struct fb_grams g;

    (void)state;
    assert_int_equal(fb_grams_open(&g, &wide, 1, &err), FB_ENOMEM);
    assert_string_equal(err.msg, "out of memory: a matrix of 1099511627776 x 1099511627776");
    assert_int_equal(g.count, 0);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_grams g;
    int rc = fb_grams_open(&g, arg, 2, &err);

    fb_grams_free(&g);
    return rc;
}

static void test_every_allocation_may_fail(void **state) {
    struct fb_gram copy[2] = {layers[0], layers[1]};

    (void)state;
    assert_int_equal(for_each_allocation_failure(attempt, copy, 10), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs_are_averaged_over_rows),
        cmocka_unit_test(test_a_layer_that_was_not_seen_is_named),
        cmocka_unit_test(test_matrices_go_through_a_file),
        cmocka_unit_test(test_more_than_memory_has_room_for_is_refused),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
