#include "tiny_pool.h"

static void test_every_row_is_complete_and_its_defaults_are_valid(void **state) {
    struct fb_arena arena = {0};
    struct fb_err err = {0};

    (void)state;
    for (int i = 0; fb_methods[i]; i++) {
        const struct fb_method *m = fb_methods[i];
        void *opts = fb_arena_calloc(&arena, 1, m->opts_size + 1, &err);
        assert_true(*m->name && fb_ends_with(m->summary, ".") && *m->formula);
        assert_true(m->aliases && m->aliases[0]);
        assert_non_null(m->run);
        if (fb_opts_read(m->opts, opts, NULL, NULL, &arena, &err)) fail_msg("%s", err.msg);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(m->name, fb_methods[j]->name);
    }
    fb_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_complete_and_its_defaults_are_valid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
