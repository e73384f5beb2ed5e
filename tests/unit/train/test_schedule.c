#include "train/schedule.h"

#include "golden_optimizer.h"

#include <math.h>
#include <string.h>

static enum fb_schedule_kind kind_of(const char *name) {
    static const char *const names[] = {"linear", "constant", "constant_with_warmup", "cosine"};

    for (int i = 0; i < 4; i++)
        if (!strcmp(names[i], name)) return (enum fb_schedule_kind)i;
    fail_msg("no schedule '%s'", name);
    return FB_SCHEDULE_LINEAR;
}

static void test_rates_are_those_of_transformers(void **state) {
    struct fb_arena arena = {0};
    const struct fb_node *list = golden_load(&arena, "schedules");

    (void)state;
    for (int64_t i = 0; i < list->count; i++) {
        const struct fb_node *one = list->item[i], *rates = fb_node_get(one, "rates");
        struct fb_schedule s = {.kind = kind_of(fb_node_get(one, "kind")->text),
                                .learning_rate = 3e-4,
                                .warmup_steps = fb_node_get(one, "warmup")->value.integer,
                                .steps = fb_node_get(one, "steps")->value.integer};
        for (int64_t step = 0; step < rates->count; step++) {
            double want = golden_real(rates->item[step]);
            /* the cosine of another C library may differ in the last bit */
            if (fabs(fb_schedule_rate(&s, step) - want) >
                (s.kind == FB_SCHEDULE_COSINE ? 1e-19 : 0.0))
                fail_msg("schedule %d step %d: %.17g, expected %.17g", (int)i, (int)step,
                         fb_schedule_rate(&s, step), want);
        }
    }
    fb_arena_free(&arena);
}

/* 10 percent of 105 steps are 10.5, so 11; a number of steps wins over a ratio. */
static void test_warm_up_is_given_in_steps_or_as_a_share(void **state) {
    (void)state;
    assert_int_equal(fb_schedule_warmup(0, 0.1, 105), 11);
    assert_int_equal(fb_schedule_warmup(7, 0.1, 105), 7);
    assert_int_equal(fb_schedule_warmup(0, 0.0, 105), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_are_those_of_transformers),
        cmocka_unit_test(test_warm_up_is_given_in_steps_or_as_a_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
