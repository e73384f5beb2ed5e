#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "nn/turned.h"

#include "alloc_faults.h"

#include <stdlib.h>

enum { IN = 37, OUT = 70 };

static float value(int64_t p, int64_t j) {
    return (float)(p * 100 + j);
}

static int pack(struct fb_packed *packed, float factor, struct fb_err *err) {
    float w[IN * OUT];

    for (int64_t p = 0; p < IN; p++)
        for (int64_t j = 0; j < OUT; j++)
            w[p * OUT + j] = factor * value(p, j);
    if (!packed->block) return fb_pack(packed, w, FB_IN_OUT, NULL, IN, OUT, NULL, err);
    fb_pack_again(packed, w, FB_IN_OUT, NULL);
    return FB_OK;
}

/* Unit row o times the turned matrix is column o of W. */
static void check(const struct fb_packed *turned, int64_t column, int64_t columns, float factor) {
    struct fb_err err = {0};

    assert_int_equal(turned->in, columns);
    assert_int_equal(turned->out, IN);
    for (int64_t o = 0; o < columns; o++) {
        float x[OUT] = {0}, y[IN];
        const struct fb_gemm how = {
            .y = y, .ldy = IN, .x = x, .ldx = columns, .rows = 1, .weight = turned, .columns = IN};
        x[o] = 1.0f;
        assert_int_equal(fb_gemm(&how, &err), FB_OK);
        for (int64_t p = 0; p < IN; p++)
            assert_true(y[p] == factor * value(p, column + o));
    }
}

static void test_columns_become_rows(void **state) {
    static const int64_t parts[][2] = {{0, OUT}, {0, 1}, {5, 33}, {64, 6}, {31, 2}};
    struct fb_err err = {0};
    struct fb_turned turned = {0};
    struct fb_packed w = {0};

    (void)state;
    assert_int_equal(pack(&w, 1, &err), FB_OK);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct fb_packed *t = fb_turned_get(&turned, &w, parts[i][0], parts[i][1], &err);
        assert_non_null(t);
        check(t, parts[i][0], parts[i][1], 1);
    }
    assert_int_equal(turned.count, 5);
    fb_turned_free(&turned);
    fb_packed_free(&w);
}

static void test_it_is_made_once_until_the_weights_change(void **state) {
    struct fb_err err = {0};
    struct fb_turned turned = {0};
    struct fb_packed w = {0};
    const float *data;

    (void)state;
    assert_int_equal(pack(&w, 1, &err), FB_OK);
    data = fb_turned_get(&turned, &w, 0, OUT, &err)->data;
    assert_int_equal(pack(&w, 2, &err), FB_OK);
    check(fb_turned_get(&turned, &w, 0, OUT, &err), 0, OUT, 1);
    fb_turned_forget(&turned);
    check(fb_turned_get(&turned, &w, 0, OUT, &err), 0, OUT, 2);
    assert_ptr_equal(fb_turned_get(&turned, &w, 0, OUT, &err)->data, data);
    fb_turned_free(&turned);
    fb_packed_free(&w);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_turned turned = {0};

    (void)!fb_turned_get(&turned, arg, 0, OUT, &err);
    fb_turned_free(&turned);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    struct fb_err err = {0};
    struct fb_packed w = {0};

    (void)state;
    assert_int_equal(pack(&w, 1, &err), FB_OK);
    assert_int_equal(for_each_allocation_failure(attempt, &w, 10), 2);
    fb_packed_free(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_become_rows),
        cmocka_unit_test(test_it_is_made_once_until_the_weights_change),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
