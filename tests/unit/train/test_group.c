#include "train/group.h"

#include "alloc_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Three sequences of 2, 3 and 1 tokens, with answers of 1, 2 and 2. */
static const int32_t ids[] = {11, 12, 21, 22, 23, 31}, answers[] = {1, 52, 1, 62, 1};
static const int64_t offsets[] = {0, 2, 5, 6}, answer_offsets[] = {0, 1, 3, 5};
static int32_t classes[] = {1, 0, 1};

static struct fb_corpus corpus(enum fb_objective objective) {
    return (struct fb_corpus){.objective = objective,
                              .count = 3,
                              .input = {3, ids, offsets},
                              .target = {3, answers, answer_offsets},
                              .label = classes};
}

static void assert_labels(const struct fb_group *g, const int32_t *want, int64_t rows) {
    assert_int_equal(g->rows, rows);
    assert_memory_equal(g->label, want, (size_t)rows * sizeof *want);
}

static void test_every_sequence_has_a_class(void **state) {
    struct fb_corpus c = corpus(FB_CLASSIFICATION);
    const int64_t rows[] = {2, 1};
    const int32_t want_ids[] = {31, 21, 22, 23}, want[] = {1, 0};
    struct fb_group g = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_group_make(&g, &c, rows, 2, -1, &err), FB_OK);
    assert_int_equal(g.input->tokens, 4);
    assert_memory_equal(g.input->id, want_ids, sizeof want_ids);
    assert_labels(&g, want, 2);
    assert_null(g.target);
    assert_int_equal(fb_group_labels(&c, 1), 1);
    fb_group_free(&g);
}

static void test_every_token_tells_the_next_one(void **state) {
    struct fb_corpus c = corpus(FB_LANGUAGE_MODEL);
    const int64_t rows[] = {1, 2, 0};
    const int32_t want[] = {22, 23, -1, -1, 12, -1};
    struct fb_group g = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_group_make(&g, &c, rows, 3, -1, &err), FB_OK);
    assert_labels(&g, want, 6);
    assert_int_equal(fb_group_labels(&c, 1), 2);
    assert_int_equal(fb_group_labels(&c, 2), 0);
    fb_group_free(&g);
}

/* start a b for a b end. */
static void test_the_decoder_is_one_token_behind(void **state) {
    struct fb_corpus c = corpus(FB_TEXT_TO_TEXT);
    const int64_t rows[] = {1, 0};
    const int32_t given[] = {9, 52, 9}, want[] = {52, 1, 1};
    struct fb_group g = {0};
    struct fb_err err = {0};

    (void)state;
    for (int round = 0; round < 2; round++) { /* a struct is used again */
        assert_int_equal(fb_group_make(&g, &c, rows, 2, 9, &err), FB_OK);
        assert_int_equal(g.target->tokens, 3);
        assert_int_equal(g.target->segments, 2);
        assert_memory_equal(g.target->id, given, sizeof given);
        assert_labels(&g, want, 3);
    }
    assert_int_equal(fb_group_labels(&c, 1), 2);
    fb_group_free(&g);
}

static void test_groups_are_bounded(void **state) {
    struct fb_corpus classification = corpus(FB_CLASSIFICATION), answer = corpus(FB_TEXT_TO_TEXT);
    const int64_t rows[] = {0, 1, 2};

    (void)state;
    assert_int_equal(fb_group_fit(&classification, rows, 3, &(struct fb_group_limits){100, 100}),
                     3);
    assert_int_equal(fb_group_fit(&classification, rows, 3, &(struct fb_group_limits){5, 100}), 2);
    assert_int_equal(fb_group_fit(&classification, rows, 3, &(struct fb_group_limits){4, 100}), 1);
    assert_int_equal(fb_group_fit(&classification, rows, 3, &(struct fb_group_limits){1, 100}), 1);
    assert_int_equal(fb_group_fit(&classification, rows, 3, &(struct fb_group_limits){100, 2}), 2);
    assert_int_equal(fb_group_fit(&answer, rows, 3, &(struct fb_group_limits){100, 3}), 2);
}

static int make(void *arg) {
    const int64_t rows[] = {0, 1, 2};
    struct fb_group g = {0};
    struct fb_err err = {0};
    int rc = FB_OK;

    for (int objective = 0; !rc && objective < 3; objective++) {
        struct fb_corpus c = corpus((enum fb_objective)objective);
        rc = fb_group_make(&g, &c, rows, 3, 0, &err);
    }
    fb_group_free(&g);
    (void)arg;
    return rc;
}

static void test_running_out_of_memory_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(make, NULL, 200) > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_sequence_has_a_class),
        cmocka_unit_test(test_every_token_tells_the_next_one),
        cmocka_unit_test(test_the_decoder_is_one_token_behind),
        cmocka_unit_test(test_groups_are_bounded),
        cmocka_unit_test(test_running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
