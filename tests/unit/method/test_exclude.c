#include "tiny_pool.h"

#include "alloc_faults.h"
#include "method/exclude.h"

/* A pool with the keys "a.bias", "b.a" and "b.bias". */
static void open_pool(struct tiny *t) {
    static const float one = 1.0f;
    const struct fb_entry e[] = {tiny_tensor("a.bias", &one, 1), tiny_tensor("b.a", &one, 1),
                                 tiny_tensor("b.bias", &one, 1)};
    const int model = 0;

    tiny_begin(t);
    tiny_write(t, "m", e, 3);
    tiny_pool(t, "{type: AutoModelPool, models: {m: m.safetensors}}");
    if (fb_pool_align(t->merge.pool, &model, 1, &t->err)) fail_msg("%s", t->err.msg);
}

static const bool *find(struct tiny *t, const char *const *item, int64_t count) {
    const struct fb_texts patterns = {item, count};
    bool *out;

    if (fb_exclude_find(&out, &patterns, t->merge.pool, &t->arena, &t->err))
        fail_msg("%s", t->err.msg);
    return out;
}

static void test_names_are_matched_from_their_beginning(void **state) {
    static const char *const a[] = {"a"}, *const bias[] = {".*bias"},
                             *const two[] = {"b$", "b\\.a"};
    struct tiny t;
    const bool *out;

    (void)state;
    open_pool(&t);
    out = find(&t, a, 1);
    assert_true(out[0] && !out[1] && !out[2]);
    out = find(&t, bias, 1);
    assert_true(out[0] && !out[1] && out[2]);
    out = find(&t, two, 2);
    assert_true(!out[0] && out[1] && !out[2]);
    out = find(&t, NULL, 0);
    assert_true(!out[0] && !out[1] && !out[2]);
    tiny_end(&t);
}

static void test_a_pattern_that_is_none_is_shown(void **state) {
    static const char *const item[] = {"h\\.", "(wte"};
    const struct fb_texts patterns = {item, 2};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_exclude_check(&(struct fb_texts){item, 1}, &err), FB_OK);
    assert_int_equal(fb_exclude_check(&patterns, &err), FB_ECONFIG);
    assert_string_equal(err.msg, "option 'exclude_param_names_regex': '(wte' is not a regular "
                                 "expression: at 4: missing closing parenthesis");
}

static void test_a_pattern_that_does_not_end_is_stopped(void **state) {
    static const char *const item[] = {"(?:(?:(?:.*)*)*)*\\d"};
    const struct fb_texts patterns = {item, 1};
    struct tiny t;
    bool *out;

    (void)state;
    open_pool(&t);
    assert_int_equal(fb_exclude_find(&out, &patterns, t.merge.pool, &t.arena, &t.err), FB_ECONFIG);
    assert_string_equal(t.err.msg,
                        "option 'exclude_param_names_regex': '(?:(?:(?:.*)*)*)*\\d' takes more "
                        "than 1000000 steps on 'a.bias'");
    tiny_end(&t);
}

static int attempt(void *arg) {
    static const char *const item[] = {"a"};
    const struct fb_texts patterns = {item, 1};
    struct fb_arena arena = {0};
    struct fb_err err = {0};
    bool *out;
    int rc = fb_exclude_find(&out, &patterns, arg, &arena, &err);

    fb_arena_free(&arena);
    return rc;
}

static void test_every_allocation_may_fail(void **state) {
    struct tiny t;

    (void)state;
    open_pool(&t);
    assert_true(for_each_allocation_failure(attempt, t.merge.pool, 10) > 0);
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_matched_from_their_beginning),
        cmocka_unit_test(test_a_pattern_that_is_none_is_shown),
        cmocka_unit_test(test_a_pattern_that_does_not_end_is_stopped),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
