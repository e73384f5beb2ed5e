#include "method/threshold.h"

#include "alloc_faults.h"
#include "golden_merge.h"
#include "method/each.h"
#include "tiny_pool.h"

#include <math.h>

static const char pool[] = "{type: AutoModelPool, models: {_pretrained_: base.safetensors, a: "
                           "a.safetensors, b: b.safetensors}}";

/* Differences of a: 1, 2, 3 in `v` and 0.5, 7 in `w`; of b ten times as much. */
static void begin(struct tiny *t) {
    struct fb_entry base[] = {tiny_tensor("v", (const float[]){5, 5, 5}, 3),
                              tiny_tensor("w", (const float[]){0, 0}, 2)};
    struct fb_entry a[] = {tiny_tensor("v", (const float[]){6, 3, 8}, 3),
                           tiny_tensor("w", (const float[]){0.5f, -7}, 2)};
    struct fb_entry b[] = {tiny_tensor("v", (const float[]){15, 25, -25}, 3),
                           tiny_tensor("w", (const float[]){5, 70}, 2)};

    tiny_begin(t);
    tiny_write(t, "base", base, 2);
    tiny_write(t, "a", a, 2);
    tiny_write(t, "b", b, 2);
    tiny_pool(t, pool);
    t->merge.block = 2;
    assert_int_equal(fb_each_align(&t->merge, true, &t->err), FB_OK);
}

static void test_each_expert_has_its_own_threshold_over_all_keys(void **state) {
    const float sorted_a[] = {0, 0.5f, 1, 2, 3, 7}, sorted_b[] = {0, 5, 10, 20, 30, 70};
    const bool removed[2] = {false, false};
    float least[2];
    struct tiny t;

    (void)state;
    begin(&t);
    for (int64_t k = 0; k <= 5; k++) {
        assert_int_equal(fb_threshold_find(&t.merge, removed, k, least, &t.err), FB_OK);
        assert_true(least[0] == sorted_a[k]);
        assert_true(least[1] == sorted_b[k]);
    }
    tiny_end(&t);
}

static void test_removed_keys_do_not_count(void **state) {
    const bool removed[2] = {false, true};
    float least[2];
    struct tiny t;

    (void)state;
    begin(&t);
    assert_int_equal(fb_threshold_find(&t.merge, removed, 3, least, &t.err), FB_OK);
    assert_true(least[0] == 3 && least[1] == 30);
    tiny_end(&t);
}

static void test_infinity_is_refused_even_if_all_is_kept(void **state) {
    const bool removed[1] = {false};
    float least[2];
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_model(&t, "base", "w", (const float[]){0, 0, 0, 0, 0}, 5);
    tiny_model(&t, "a", "w", (const float[]){1, 1, 1, 1, -INFINITY}, 5);
    tiny_model(&t, "b", "w", (const float[]){1, 1, 1, NAN, 1}, 5);
    tiny_pool(&t, pool);
    t.merge.block = 2;
    assert_int_equal(fb_each_align(&t.merge, true, &t.err), FB_OK);
    assert_int_equal(fb_threshold_find(&t.merge, removed, 0, least, &t.err), FB_EFORMAT);
    assert_string_equal(t.err.msg, "tensor 'w', element 3: the difference between 'b' and the base "
                                   "is not a finite number, so its magnitude has no rank");
    tiny_end(&t);
}

/* ---- against sorting, where the sample knows little or lies ---------------------------------- */

static const char one[] =
    "{type: AutoModelPool, models: {_pretrained_: base.safetensors, a: a.safetensors}}";

enum { PIECES = 2 * FB_EACH_STRIDE + 5, LONG = PIECES * FB_EACH_PIECE + 77 };

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* Differences from 0, `n` = LONG of them. */
static void check_ranks(float *x) {
    const int64_t k[] = {1, LONG / 5, LONG / 2, LONG - LONG / 5, LONG - 1, LONG};
    const bool removed[1] = {false};
    float *zero = calloc(LONG, sizeof *zero), least;
    struct tiny t;

    assert_non_null(zero);
    tiny_begin(&t);
    tiny_model(&t, "base", "w", zero, LONG);
    tiny_model(&t, "a", "w", x, LONG);
    tiny_pool(&t, one);
    assert_int_equal(fb_each_align(&t.merge, true, &t.err), FB_OK);
    for (int i = 0; i < LONG; i++)
        x[i] = fabsf(x[i]);
    qsort(x, LONG, sizeof *x, by_size);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(fb_threshold_find(&t.merge, removed, k[i], &least, &t.err), FB_OK);
        assert_memory_equal(&least, &x[k[i] - 1], sizeof least);
    }
    tiny_end(&t);
    free(zero);
}

static float *fill(float (*value)(int i)) {
    float *x = malloc(LONG * sizeof *x);

    assert_non_null(x);
    for (int i = 0; i < LONG; i++)
        x[i] = value(i);
    return x;
}

static float sorted(int i) {
    return (float)i * 1e-6f;
}

static float none(int i) {
    (void)i;
    return 0;
}

static float few_kinds(int i) {
    return (float)(i % 97 % 5 - 2) * 0.125f;
}

static float noise(int i) {
    uint32_t h = (uint32_t)i * 2654435761u;

    return (float)((h ^ h >> 15) * 2246822519u >> 8) * 1e-8f - 0.05f;
}

/* The pieces that the sample takes are a thousand times larger than all others, or smaller. */
static float misleading(int i) {
    return noise(i) * (i / FB_EACH_PIECE % FB_EACH_STRIDE ? 1 : 1000.0f);
}

static float misleading_too(int i) {
    return i / FB_EACH_PIECE % FB_EACH_STRIDE ? noise(i) : 0;
}

static void test_every_threshold_equals_that_of_a_sorted_list(void **state) {
    float (*const shapes[])(int) = {sorted, none, few_kinds, noise, misleading, misleading_too};

    (void)state;
    for (int s = 0; s < 6; s++) {
        float *x = fill(shapes[s]);
        check_ranks(x);
        free(x);
    }
}

static int attempt(void *arg) {
    struct tiny *t = arg;
    const bool removed[2] = {false, false};
    struct fb_arena arena = {0};
    float least[2];
    int rc;

    t->err = (struct fb_err){0};
    t->merge.arena = &arena;
    rc = fb_threshold_find(&t->merge, removed, 3, least, &t->err);
    fb_arena_free(&arena);
    return rc;
}

static void test_every_failed_allocation_is_reported(void **state) {
    struct tiny t;

    (void)state;
    begin(&t);
    assert_true(for_each_allocation_failure(attempt, &t, 1000) > 10);
    t.merge.arena = &t.arena;
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_expert_has_its_own_threshold_over_all_keys),
        cmocka_unit_test(test_removed_keys_do_not_count),
        cmocka_unit_test(test_infinity_is_refused_even_if_all_is_kept),
        cmocka_unit_test(test_every_threshold_equals_that_of_a_sorted_list),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
