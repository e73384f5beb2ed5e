#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "config/json.h"
#include "method/min_norm.h"

#include <math.h>

static double real(const struct fb_node *node) {
    return node->kind == FB_INT ? (double)node->value.integer : node->value.real;
}

static void test_weights_are_those_of_the_reference(void **state) {
    struct fb_arena arena = {0};
    struct fb_err err = {0};
    struct fb_node *cases;

    (void)state;
    assert_int_equal(fb_json_load(&cases, &arena, FB_GOLDEN_DIR "/adamerging/min_norm.json", &err),
                     FB_OK);
    assert_true(cases->count >= 5);
    for (int64_t i = 0; i < cases->count; i++) {
        const struct fb_node *rows = fb_node_get(cases->item[i], "dot");
        const struct fb_node *want = fb_node_get(cases->item[i], "weights");
        int n = (int)rows->count;
        double dot[64], c[8], sum = 0;
        for (int r = 0; r < n; r++)
            for (int k = 0; k < n; k++)
                dot[r * n + k] = real(rows->item[r]->item[k]);
        assert_int_equal(fb_min_norm(c, dot, n, &err), FB_OK);
        for (int k = 0; k < n; k++) {
            assert_true(fabs(c[k] - real(want->item[k])) < 1e-5); /* less than a last step */
            sum += c[k];
        }
        assert_true(fabs(sum - 1) < 1e-12);
    }
    fb_arena_free(&arena);
}

static void test_one_vector_has_all_the_weight(void **state) {
    struct fb_err err = {0};
    const double dot = 3;
    double c;

    (void)state;
    assert_int_equal(fb_min_norm(&c, &dot, 1, &err), FB_OK);
    assert_true(c == 1);
}

/* Three equal vectors: every combination is the shortest. */
static void test_equal_vectors_are_no_harm(void **state) {
    const double dot[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct fb_err err = {0};
    double c[3];

    (void)state;
    assert_int_equal(fb_min_norm(c, dot, 3, &err), FB_OK);
    assert_true(fabs(c[0] + c[1] + c[2] - 1) < 1e-12);
}

/* Vectors that are all 0, as the gradients of a model that is quite sure. */
static void test_zero_vectors_are_no_harm(void **state) {
    const double dot[9] = {0};
    struct fb_err err = {0};
    double c[3];

    (void)state;
    assert_int_equal(fb_min_norm(c, dot, 3, &err), FB_OK);
    assert_true(fabs(c[0] + c[1] + c[2] - 1) < 1e-12);
}

static int attempt(void *arg) {
    const double dot[4] = {1, 0, 0, 1};
    struct fb_err err = {0};
    double c[2];

    (void)arg;
    return fb_min_norm(c, dot, 2, &err);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    assert_int_equal(for_each_allocation_failure(attempt, NULL, 10), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_are_those_of_the_reference),
        cmocka_unit_test(test_one_vector_has_all_the_weight),
        cmocka_unit_test(test_equal_vectors_are_no_harm),
        cmocka_unit_test(test_zero_vectors_are_no_harm),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
