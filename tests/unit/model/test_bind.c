#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/bind.h"

static void test_tensors_are_found_and_released(void **state) {
    struct fb_weights w = {0};
    struct fb_err err = {0};
    struct fb_weight *matrix = fb_weights_add(&w, "a.weight", 2, (int64_t[]){2, 3}, &err);

    (void)state;
    assert_non_null(matrix);
    assert_ptr_equal(fb_bind(&w, "a", "weight", 2, 3, &err), matrix->data);
    assert_null(fb_bind(&w, "a", "weight", 3, 2, &err));
    assert_string_equal(err.msg, "tensor 'a.weight' has the shape [2, 3], expected [3, 2]");
    assert_null(fb_bind(&w, "a", "weight", 0, 6, &err));
    assert_string_equal(err.msg, "tensor 'a.weight' has the shape [2, 3], expected [6]");
    assert_null(fb_bind(&w, "a", "bias", 0, 3, &err));
    assert_int_equal(err.code, FB_ENOTFOUND);
    assert_string_equal(err.msg, "the model has no tensor 'a.bias'");
    fb_bind_release(&w, "a", "weight");
    assert_null(fb_weights_find(&w, "a.weight")->data);
    fb_weights_free(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_are_found_and_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
