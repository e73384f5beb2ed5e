#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "model/weights.h"

#include <stdio.h>

static void test_tensors_are_kept_in_order_and_aligned(void **state) {
    const int64_t shape[] = {3, 5};
    struct fb_err err = {0};
    struct fb_weights w = {0};
    char name[16];

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct fb_weight *item;
        snprintf(name, sizeof name, "t%d", i);
        item = fb_weights_add(&w, name, 2, shape, &err);
        assert_non_null(item);
        assert_int_equal((uintptr_t)item->data % 64, 0);
        item->owned[14] = (float)i;
    }
    assert_int_equal(w.names.count, 100);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "t%d", i);
        assert_string_equal(w.item[i].name, name);
        assert_int_equal(w.item[i].numel, 15);
        assert_int_equal(w.item[i].shape[1], 5);
        assert_true(w.item[i].trainable && w.item[i].data == w.item[i].owned);
        assert_true(fb_weights_find(&w, name)->data[14] == (float)i);
    }
    assert_null(fb_weights_find(&w, "t100"));
    fb_weights_free(&w);
    assert_int_equal(w.names.count, 0);
    assert_null(fb_weights_find(&w, "t0"));
}

static void test_borrowed_values_are_not_ours(void **state) {
    static const float values[] = {1, 2};
    const int64_t shape[] = {2};
    struct fb_err err = {0};
    struct fb_weights w = {0};

    (void)state;
    assert_non_null(fb_weights_borrow(&w, "a", 1, shape, values, &err));
    assert_non_null(fb_weights_borrow(&w, "scalar", 0, NULL, values, &err));
    assert_ptr_equal(fb_weights_find(&w, "a")->data, values);
    assert_null(fb_weights_find(&w, "a")->owned);
    assert_int_equal(fb_weights_find(&w, "scalar")->numel, 1);
    fb_weights_free(&w);
}

static void test_released_values_are_gone_and_the_shapes_stay(void **state) {
    static const float values[] = {1, 2};
    const int64_t shape[] = {2};
    struct fb_err err = {0};
    struct fb_weights w = {0};

    (void)state;
    assert_non_null(fb_weights_add(&w, "copied", 1, shape, &err));
    assert_non_null(fb_weights_add(&w, "kept", 1, shape, &err));
    assert_non_null(fb_weights_borrow(&w, "not ours", 1, shape, values, &err));
    fb_weights_release(&w, "copied");
    fb_weights_release(&w, "not ours");
    fb_weights_release(&w, "not there");
    assert_null(fb_weights_find(&w, "copied")->data);
    assert_null(fb_weights_find(&w, "copied")->owned);
    assert_int_equal(fb_weights_find(&w, "copied")->numel, 2);
    assert_non_null(fb_weights_find(&w, "kept")->data);
    assert_ptr_equal(fb_weights_find(&w, "not ours")->data, values);
    fb_weights_release(&w, "copied");
    fb_weights_free(&w);
}

static void test_a_name_is_taken_once(void **state) {
    const int64_t shape[] = {2};
    struct fb_err err = {0};
    struct fb_weights w = {0};

    (void)state;
    assert_non_null(fb_weights_add(&w, "a", 1, shape, &err));
    assert_null(fb_weights_add(&w, "a", 1, shape, &err));
    assert_int_equal(err.code, FB_EMISMATCH);
    assert_string_equal(err.msg, "two tensors 'a'");
    assert_int_equal(w.names.count, 1);
    fb_weights_free(&w);
}

static void test_shapes_beyond_memory_are_refused(void **state) {
    const int64_t negative[] = {2, -1}, huge[] = {INT64_MAX / 4, 2}, empty[] = {0, 7};
    struct fb_err err = {0};
    struct fb_weights w = {0};

    (void)state;
    assert_null(fb_weights_add(&w, "a", 2, negative, &err));
    assert_string_equal(err.msg, "tensor 'a': dimension 1 of -1 is out of range");
    assert_null(fb_weights_add(&w, "a", 2, huge, &err));
    assert_int_equal(err.code, FB_EFORMAT);
    assert_int_equal(fb_weights_add(&w, "a", 2, empty, &err)->numel, 0);
    fb_weights_free(&w);
}

static int attempt(void *arg) {
    const int64_t shape[] = {2};
    struct fb_err err = {0};
    struct fb_weights w = {0};
    char name[16];

    (void)arg;
    for (int i = 0; i < 40 && !err.code; i++) {
        snprintf(name, sizeof name, "t%d", i);
        if (!fb_weights_add(&w, name, 1, shape, &err)) assert_int_not_equal(err.code, FB_OK);
    }
    fb_weights_free(&w);
    return err.code;
}

static void test_failed_allocations_are_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(attempt, NULL, 1000) >= 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_are_kept_in_order_and_aligned),
        cmocka_unit_test(test_borrowed_values_are_not_ours),
        cmocka_unit_test(test_released_values_are_gone_and_the_shapes_stay),
        cmocka_unit_test(test_a_name_is_taken_once),
        cmocka_unit_test(test_shapes_beyond_memory_are_refused),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
