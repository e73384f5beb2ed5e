#include "metric/accuracy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_argmax_takes_the_lowest_index_of_equals(void **state) {
    const float tie[] = {1, 3, 3}, nan_wins[] = {1, NAN, 9};

    (void)state;
    assert_int_equal(fb_argmax(tie, 3), 1);
    assert_int_equal(fb_argmax(nan_wins, 3), 1);
    assert_int_equal(fb_argmax(tie, 1), 0);
}

/* 322 / 1043 in f32, widened: the value in the reference's own table. */
static void test_accuracy_is_divided_in_single_precision(void **state) {
    (void)state;
    assert_true(fb_accuracy(322, 1043) == 0.3087248206138611);
    assert_true(fb_accuracy(5, 5) == 1.0);
    assert_true(isnan(fb_accuracy(0, 0)));
}

/* Two equal logits: log 2. A difference of ln 3 for the label: -log(3/4). */
static void test_cross_entropy_of_worked_examples(void **state) {
    const float equal[] = {5, 5}, apart[] = {0, 1.0986123f}, huge[] = {-1e30f, 1e30f};

    (void)state;
    assert_true(fabs(fb_cross_entropy(equal, 2, 0) - 0.6931471805599453) < 1e-15);
    assert_true(fabs(fb_cross_entropy(apart, 2, 1) - 0.2876820724517809) < 1e-7);
    assert_true(fb_cross_entropy(huge, 2, 1) == 0.0);
}

/* Batches of 2 over 1, 3, 5: the means are 2 and 5, so the result is 3.5 and not 3. */
static void test_the_last_short_batch_weighs_as_much_as_a_full_one(void **state) {
    struct fb_batch_mean mean = {.batch = 2}, empty = {.batch = 2};

    (void)state;
    fb_batch_mean_add(&mean, 1);
    fb_batch_mean_add(&mean, 3);
    fb_batch_mean_add(&mean, 5);
    assert_true(fb_batch_mean_result(&mean) == 3.5);
    assert_true(isnan(fb_batch_mean_result(&empty)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_argmax_takes_the_lowest_index_of_equals),
        cmocka_unit_test(test_accuracy_is_divided_in_single_precision),
        cmocka_unit_test(test_cross_entropy_of_worked_examples),
        cmocka_unit_test(test_the_last_short_batch_weighs_as_much_as_a_full_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
