#include "method/merging_weights.h"

#include "tiny_pool.h"

#include <errno.h>

static void set_up(struct tiny *t) {
    static const float base[] = {1, 2}, one[] = {2, 4}, two[] = {1, -2};
    const struct fb_entry models[3][2] = {
        {tiny_tensor("h.0.a", base, 2), tiny_tensor("out", base, 2)},
        {tiny_tensor("h.0.a", one, 2), tiny_tensor("out", two, 2)},
        {tiny_tensor("h.0.a", two, 2), tiny_tensor("out", one, 2)}};

    tiny_begin(t);
    tiny_write(t, "base", models[0], 2);
    tiny_write(t, "one", models[1], 2);
    tiny_write(t, "two", models[2], 2);
    tiny_pool(t, "{type: AutoModelPool, models: {_pretrained_: base.safetensors, one: "
                 "one.safetensors, two: two.safetensors}}");
    assert_int_equal(fb_each_align(&t->merge, true, &t->err), FB_OK);
}

/* h.0.a: 1 + 0.5 (2 - 1) + 0.25 (1 - 1), 2 + 0.5 (4 - 2) + 0.25 (-2 - 2)
 * out:   1 - 1 (1 - 1) + 2 (2 - 1),      2 - 1 (-2 - 2) + 2 (4 - 2) */
static void test_each_tensor_has_weights_of_its_own(void **state) {
    struct fb_merging_weights w;
    struct tiny t;

    (void)state;
    set_up(&t);
    assert_int_equal(fb_merging_weights_create(&w, t.merge.pool, 0.5, false, &t.err), FB_OK);
    assert_int_equal(w.experts, 2);
    assert_int_equal(w.tensors, 2);
    w.value[1] = -1.0f;
    w.value[2] = 0.25f;
    w.value[3] = 2.0f;
    assert_int_equal(fb_merge_each(&t.merge, true, fb_merging_weights_block, &w, &t.err), FB_OK);
    assert_true(tiny_value(&t, "h.0.a")[0] == 1.5f && tiny_value(&t, "h.0.a")[1] == 2.0f);
    assert_true(tiny_value(&t, "out")[0] == 3.0f && tiny_value(&t, "out")[1] == 10.0f);
    /* Clamped: 0 and 1 in the place of -1 and 2. */
    w.clamp = true;
    assert_int_equal(
        fb_merge_into(&t.merge, &t.merge.weights, true, fb_merging_weights_block, &w, &t.err),
        FB_OK);
    assert_true(tiny_value(&t, "out")[0] == 2.0f && tiny_value(&t, "out")[1] == 4.0f);
    assert_true(fb_merging_weight(&w, 0, 1) == 0.0f);
    assert_int_equal(fb_merging_weights_show(&w, t.merge.pool, NULL, &t.err), FB_OK);
    fb_merging_weights_free(&w);
    tiny_end(&t);
}

static void test_a_file_holds_them(void **state) {
    struct fb_merging_weights w, other;
    struct tiny t;

    (void)state;
    set_up(&t);
    assert_int_equal(fb_merging_weights_create(&w, t.merge.pool, 0.3, false, &t.err), FB_OK);
    assert_int_equal(fb_merging_weights_create(&other, t.merge.pool, 0, false, &t.err), FB_OK);
    w.value[3] = 7;
    assert_int_equal(fb_merging_weights_check("w.safetensors", &t.err), FB_OK);
    assert_int_equal(fb_merging_weights_save(&w, "w.safetensors", &t.err), FB_OK);
    assert_int_equal(fb_merging_weights_load(&other, "w.safetensors", &t.err), FB_OK);
    assert_memory_equal(w.value, other.value, 4 * sizeof *w.value);
    other.tensors = 3;
    assert_int_equal(fb_merging_weights_load(&other, "w.safetensors", &t.err), FB_EMISMATCH);
    assert_string_equal(
        t.err.msg, "merging weights 'w.safetensors': 'merging_weights' is not a matrix of [2, 3]: "
                   "one row for each expert, one column for each tensor of the model");
    fb_merging_weights_free(&w);
    fb_merging_weights_free(&other);
    tiny_end(&t);
}

static void test_other_files_are_refused(void **state) {
    struct fb_merging_weights w;
    struct tiny t;
    const int64_t whole[4] = {0};
    struct fb_entry e = {.name = "merging_weights",
                         .dtype = FB_I64,
                         .ndim = 2,
                         .shape = {2, 2},
                         .numel = 4,
                         .data = whole,
                         .size = sizeof whole};

    (void)state;
    set_up(&t);
    assert_int_equal(fb_merging_weights_create(&w, t.merge.pool, 0.3, false, &t.err), FB_OK);
    assert_int_equal(fb_merging_weights_load(&w, "base.safetensors", &t.err), FB_ENOTFOUND);
    assert_string_equal(t.err.msg, "merging weights 'base.safetensors': there is no tensor "
                                   "'merging_weights' among the 2 of the file");
    t.err.code = FB_OK;
    tiny_write(&t, "whole", &e, 1);
    assert_int_equal(fb_merging_weights_load(&w, "whole.safetensors", &t.err), FB_EMISMATCH);
    assert_string_equal(t.err.msg, "merging weights 'whole.safetensors': 'merging_weights' holds "
                                   "I64, expected floating-point numbers");
    assert_int_equal(fb_merging_weights_load(&w, "none.safetensors", &t.err), FB_ENOTFOUND);
    assert_int_equal(fb_merging_weights_check("w.pt", &t.err), FB_EUNSUPPORTED);
    assert_string_equal(t.err.msg, "merging_weights_save_path 'w.pt': torch pickles are not "
                                   "written; name a .safetensors file");
    fb_merging_weights_free(&w);
    tiny_end(&t);
}

/* Two blocks of keys, and a name that has no number. */
static void test_the_table_has_a_row_for_each_block(void **state) {
    const struct fb_log log = {.level = 1};
    struct fb_merging_weights w;
    struct tiny t;
    char text[512] = "";
    FILE *file;
    int kept;

    (void)state;
    set_up(&t);
    assert_int_equal(fb_merging_weights_create(&w, t.merge.pool, 0.25, false, &t.err), FB_OK);
    fflush(stderr);
    kept = dup(STDERR_FILENO);
    assert_non_null(freopen("table.txt", "w", stderr));
    assert_int_equal(fb_merging_weights_show(&w, t.merge.pool, &log, &t.err), FB_OK);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_non_null(file = fopen("table.txt", "r"));
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, "merging weights                   one        two\n"
                              "h.0                            0.2500     0.2500\n"
                              "out                            0.2500     0.2500\n");
    fb_merging_weights_free(&w);
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_tensor_has_weights_of_its_own),
        cmocka_unit_test(test_a_file_holds_them),
        cmocka_unit_test(test_other_files_are_refused),
        cmocka_unit_test(test_the_table_has_a_row_for_each_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
