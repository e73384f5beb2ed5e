#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernel/cpu.h"

static void test_the_plain_kernels_are_always_there_and_come_last(void **state) {
    int count = 0;

    (void)state;
    while (fb_cpu_isa_at(count))
        count++;
    assert_true(count >= 1);
    assert_ptr_equal(fb_cpu_isa_at(count - 1), &fb_isa_plain);
    assert_ptr_equal(fb_cpu_isa(), fb_cpu_isa_at(0));
}

static void test_tiles_fit_their_limits(void **state) {
    (void)state;
    for (int i = 0; fb_cpu_isa_at(i); i++) {
        assert_in_range(fb_cpu_isa_at(i)->rows, 1, FB_TILE_ROWS);
        assert_in_range(fb_cpu_isa_at(i)->cols, 1, FB_TILE_COLS);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_plain_kernels_are_always_there_and_come_last),
        cmocka_unit_test(test_tiles_fit_their_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
