#include "tiny_pool.h"

static void test_keys_and_shapes_that_differ_are_listed(void **state) {
    const float v[6] = {0};
    struct fb_entry a[] = {tiny_tensor("both", v, 2), tiny_tensor("only_a", v, 2),
                           tiny_tensor("shape", v, 6)};
    struct fb_entry b[] = {tiny_tensor("both", v, 2), tiny_tensor("only_b", v, 3),
                           tiny_tensor("shape", v, 6)};
    struct tiny t;

    (void)state;
    b[2].ndim = 2;
    b[2].shape[0] = 2;
    b[2].shape[1] = 3;
    tiny_begin(&t);
    tiny_write(&t, "a", a, 3);
    tiny_write(&t, "b", b, 3);
    tiny_pool(&t, "{type: AutoModelPool, models: {a: a.safetensors, b: b.safetensors}}");
    assert_int_equal(tiny_run(&t, "{name: simple_average}"), FB_EMISMATCH);
    assert_string_equal(t.err.msg, "method simple_average: the models do not fit together:\n"
                                   "  only_a: a [2], b lacks it\n"
                                   "  shape: a [6], b [2, 3]\n"
                                   "  only_b: a lacks it, b [3]");
    tiny_end(&t);
}

/* 25 keys that the second model lacks (and one that both have): 20 lines, the rest as a count. */
static void test_a_long_table_is_cut(void **state) {
    struct fb_entry e[26];
    char names[26][16];
    const float v[1] = {0};
    struct tiny t;

    (void)state;
    for (int i = 0; i < 26; i++) {
        snprintf(names[i], sizeof names[i], "k%02d", i);
        e[i] = tiny_tensor(names[i], v, 1);
    }
    tiny_begin(&t);
    tiny_write(&t, "a", e, 26);
    tiny_write(&t, "b", e, 1);
    tiny_pool(&t, "{type: AutoModelPool, models: {a: a.safetensors, b: b.safetensors}}");
    assert_int_equal(tiny_run(&t, "{name: simple_average}"), FB_EMISMATCH);
    assert_non_null(strstr(t.err.msg, "\n  k20: a [1], b lacks it\n  and 5 more keys"));
    assert_null(strstr(t.err.msg, "k21"));
    tiny_end(&t);
}

static void test_many_models_are_named_up_to_four(void **state) {
    const float v[2] = {0};
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "a", "w", v, 1);
    tiny_model(&t, "b", "w", v, 2);
    tiny_pool(&t, "{type: AutoModelPool, models: {a: a.safetensors, b: b.safetensors, c: "
                  "b.safetensors, d: b.safetensors, e: b.safetensors, f: b.safetensors}}");
    assert_int_equal(tiny_run(&t, "{name: simple_average}"), FB_EMISMATCH);
    assert_string_equal(t.err.msg, "method simple_average: the models do not fit together:\n"
                                   "  w: a [1], b [2], c [2], d [2], e [2] and 1 more models");
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_and_shapes_that_differ_are_listed),
        cmocka_unit_test(test_a_long_table_is_cut),
        cmocka_unit_test(test_many_models_are_named_up_to_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
