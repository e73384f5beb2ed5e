#include "tiny_pool.h"

static void test_all_kinds_are_refused_by_name(void **state) {
    const char *const names[] = {"simple_ensemble", "weighted_ensemble", "max_model_predictor"};
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    for (int i = 0; i < 3; i++) {
        char config[64], message[128];
        snprintf(config, sizeof config, "{name: %s}", names[i]);
        snprintf(message, sizeof message,
                 "method %s: not available in this build: it evaluates one model at a time",
                 names[i]);
        assert_int_equal(tiny_run(&t, config), FB_EUNSUPPORTED);
        assert_string_equal(t.err.msg, message);
    }
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_kinds_are_refused_by_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
