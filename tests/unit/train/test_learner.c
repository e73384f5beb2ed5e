#include "golden_train.h"

#include "alloc_faults.h"
#include "train/schedule.h"

#include <omp.h>

static const char *const names[] = {"gpt2_full", "gpt2_lora", "gpt2_accumulated", "gpt2_language",
                                    "t5_full",   "t5_tied",   "t5_lora"};
enum { NAMES = (int)(sizeof names / sizeof *names) };

/* The recipe of a golden file. */
struct recipe {
    struct fb_adamw rule;
    struct fb_schedule schedule;
    int64_t accumulation, shown;
};

static struct recipe recipe_of(const struct golden *g) {
    const struct fb_node *r = fb_node_get(g->json, "recipe");

    return (struct recipe){.rule = {0.9, 0.999, 1e-8, golden_number(r, "weight_decay"),
                                    golden_number(r, "max_grad_norm")},
                           .schedule = {FB_SCHEDULE_LINEAR, golden_number(r, "learning_rate"),
                                        (int64_t)golden_number(r, "warmup"),
                                        (int64_t)golden_number(r, "steps")},
                           .accumulation = (int64_t)golden_number(r, "accumulation"),
                           .shown = (int64_t)golden_number(r, "shown")};
}

/* One step of the golden order; returns its loss. */
static double step(struct fb_learner *l, const struct golden *g, const struct recipe *r, int64_t at,
                   double *norm) {
    struct fb_err err = {0};
    struct fb_loss loss;
    int64_t row[64];
    double sum = 0;

    for (int64_t micro = 0; micro < r->accumulation; micro++) {
        int64_t n = golden_batch(row, g, at * r->accumulation + micro);
        assert_int_equal(fb_learner_gradients(l, &g->corpus, row, n, 1.0 / (double)r->accumulation,
                                              1, &loss, &err),
                         FB_OK);
        sum += loss.sum / (double)loss.labels / (double)r->accumulation;
    }
    assert_int_equal(fb_learner_step(l, &r->rule, fb_schedule_rate(&r->schedule, at), norm, &err),
                     FB_OK);
    return sum;
}

static void compare_parameters(struct fb_learner *l, const struct golden *g, const char *name) {
    const struct fb_node *shown = fb_node_get(g->json, "parameters");

    assert_true(shown->count > 0);
    for (int64_t i = 0; i < shown->count; i++) {
        int64_t count;
        const float *values = fb_learner_values(l, shown->key[i].text, &count);
        assert_non_null(values);
        for (int64_t j = 0; j < shown->item[i]->count; j++) {
            double want = golden_at(shown->item[i], j);
            if (fabs((double)values[j] - want) > 1e-4)
                fail_msg("%s: %s[%d]: %.9g, expected %.9g", name, shown->key[i].text, (int)j,
                         (double)values[j], want);
        }
    }
}

/* 1e-4: gradients differ in the last bits, and AdamW divides by their size, so that a gradient that
 * is nearly nothing may move its parameter by a step of its own. */
static void test_the_first_steps_are_those_of_torch(void **state) {
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct golden g;
        struct fb_learner l;
        struct recipe r;
        golden_open(&g, names[i]);
        golden_learner(&l, &g);
        r = recipe_of(&g);
        for (int64_t at = 0; at < r.shown; at++) {
            double norm, loss = step(&l, &g, &r, at, &norm);
            double want = golden_at(fb_node_get(g.json, "losses"), at);
            double want_norm = golden_at(fb_node_get(g.json, "norms"), at);
            if (fabs(loss - want) > 1e-4 || fabs(norm - want_norm) > 1e-3 * (1 + want_norm))
                fail_msg("%s step %d: loss %.9g, expected %.9g; norm %.9g, expected %.9g", names[i],
                         (int)at, loss, want, norm, want_norm);
        }
        compare_parameters(&l, &g, names[i]);
        fb_learner_free(&l);
        golden_close(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_steps_are_those_of_torch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
