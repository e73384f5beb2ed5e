#include "data/columns.h"

#include "alloc_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static int build(struct fb_dataset *d, struct fb_err *err) {
    struct fb_columns c = {0};
    int rc = FB_OK;

    for (int row = 0; row < 40 && !rc; row++) {
        int64_t n = fb_columns_find(&c, "n", err), late = -1;
        rc = n < 0 ? (int)n : FB_OK;
        if (!rc)
            rc = row == 20 ? fb_columns_real(&c, n, 0.5, err) : fb_columns_int(&c, n, row, err);
        if (!rc && row >= 30 && (late = fb_columns_find(&c, "late", err)) < 0) rc = (int)late;
        if (!rc && row == 30) rc = fb_columns_text(&c, late, "thirty", 6, err);
        if (!rc) rc = fb_columns_end_row(&c, err);
    }
    if (!rc && fb_columns_find(&c, "never", err) < 0) rc = err->code;
    if (!rc) rc = fb_columns_finish(&c, d, err);
    fb_columns_free(&c);
    return rc;
}

static void test_columns_widen_and_fill_with_nulls(void **state) {
    struct fb_err err = {0};
    struct fb_dataset d;
    size_t size;

    (void)state;
    assert_int_equal(build(&d, &err), FB_OK);
    assert_int_equal(d.rows, 40);
    assert_int_equal(d.columns, 3);
    assert_int_equal(d.column[0].kind, FB_COLUMN_REAL);
    assert_true(d.column[0].real[19] == 19 && d.column[0].real[20] == 0.5);
    assert_true(d.column[0].real[39] == 39);
    assert_null(d.column[0].valid);
    assert_int_equal(d.column[1].valid[29], 0);
    assert_int_equal(d.column[1].valid[30], 1);
    assert_memory_equal(fb_column_text(&d.column[1], 30, &size), "thirty", 6);
    assert_int_equal(d.column[1].valid[31], 0);
    assert_int_equal(d.column[2].kind, FB_COLUMN_TEXT);
    assert_int_equal(d.column[2].valid[39], 0);
    fb_dataset_free(&d);
}

static void test_other_mixtures_are_refused(void **state) {
    struct fb_columns c = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_columns_find(&c, "x", &err), 0);
    assert_int_equal(fb_columns_bool(&c, 0, true, &err), FB_OK);
    assert_int_equal(fb_columns_end_row(&c, &err), FB_OK);
    assert_int_equal(fb_columns_real(&c, 0, 1.5, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "column 'x' holds a real number here and a boolean above");
    fb_columns_free(&c);
}

static void test_too_many_columns_are_refused(void **state) {
    struct fb_columns c = {0};
    struct fb_err err = {0};
    char name[16];

    (void)state;
    for (int i = 0; i < FB_COLUMNS_MAX; i++) {
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(fb_columns_find(&c, name, &err), i);
    }
    assert_int_equal(fb_columns_find(&c, "999", &err), 999);
    assert_int_equal(fb_columns_find(&c, "more", &err), FB_EFORMAT);
    assert_string_equal(err.msg, "more than 1000 columns");
    fb_columns_free(&c);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_dataset d = {0};
    int rc = build(&d, &err);

    (void)arg;
    fb_dataset_free(&d);
    return rc;
}

static void test_survives_every_allocation_failure(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(attempt, NULL, 1000) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_widen_and_fill_with_nulls),
        cmocka_unit_test(test_other_mixtures_are_refused),
        cmocka_unit_test(test_too_many_columns_are_refused),
        cmocka_unit_test(test_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
