#include "tiny_pool.h"

static void test_every_row_is_complete(void **state) {
    (void)state;
    for (int i = 0; fb_pool_types[i]; i++) {
        const struct fb_pool_type *p = fb_pool_types[i];
        assert_true(*p->name && fb_ends_with(p->summary, "."));
        assert_non_null(p->targets[0]);
        assert_non_null(p->canonical);
        assert_true(p->opts_size > 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(p->name, fb_pool_types[j]->name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_row_is_complete)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
