#include "method/cascade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static float row_value(const void *column, int row) {
    return ((const float *)column)[row];
}

static float grouped(const float *x, int rows) {
    static struct fb_cascade c;

    fb_cascade_begin(&c, 1, rows);
    for (int i = 0; i < rows; i++)
        fb_cascade_add(&c, &x[i], 1);
    return fb_cascade_end(&c, 1)[0];
}

/* 1 + 1 + 1 = 3; 3 + 2^24 lies between 2^24 + 2 and 2^24 + 4 and is rounded to the even one; the
 * last 1 is lost. */
static void test_few_rows_are_added_one_by_one(void **state) {
    const float x[] = {1, 1, 1, 16777216, 1};

    (void)state;
    assert_true(grouped(x, 5) == 16777220.0f);
}

/* One by one, 1 + 2^24 = 2^24 and the later ones are lost. In four parts the first part and the
 * rest give 1 + 1 = 2; 2 + 2^24 is exact, + 1 is rounded to 2^24 + 4, and the last 1 is lost. */
static void test_left_over_columns_are_added_in_four_parts(void **state) {
    const float x[] = {1, 16777216, 1, 1, 1};

    (void)state;
    assert_true(grouped(x, 5) == 16777216.0f);
    assert_true(fb_column_sum(row_value, x, 5) == 16777220.0f);
}

/* 2^24 swallows the fifteen ones that follow it in its group of sixteen, but the three that come
 * after the carry are added up first: 3 + 2^24 is rounded to 2^24 + 4. */
static void test_sixteen_rows_are_carried(void **state) {
    float x[19];

    (void)state;
    for (int i = 0; i < 19; i++)
        x[i] = 1;
    x[0] = 16777216;
    assert_true(grouped(x, 19) == 16777220.0f);
}

static void test_every_row_counts_once(void **state) {
    float x[300];

    (void)state;
    for (int i = 0; i < 300; i++)
        x[i] = (float)i;
    for (int rows = 1; rows <= 300; rows++) {
        float sum = (float)(rows * (rows - 1) / 2);
        assert_true(grouped(x, rows) == sum);
        assert_true(fb_column_sum(row_value, x, rows) == sum);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_rows_are_added_one_by_one),
        cmocka_unit_test(test_left_over_columns_are_added_in_four_parts),
        cmocka_unit_test(test_sixteen_rows_are_carried),
        cmocka_unit_test(test_every_row_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
