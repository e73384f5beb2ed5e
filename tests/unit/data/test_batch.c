#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "data/batch.h"

#include <string.h>

/* "b c", "a b c d", "a b", "a b c e f", "a b c d", "a" */
static const int32_t ids[] = {2, 3, 1, 2, 3, 4, 1, 2, 1, 2, 3, 5, 6, 1, 2, 3, 4, 1};
static const int64_t offset[] = {0, 2, 6, 8, 13, 17, 18};
static const struct fb_sequences six = {6, ids, offset};

/* The tokens that end with the last row of a segment, from the first position on. */
static int64_t follow(const struct fb_batch *b, int64_t segment, int32_t out[8]) {
    int64_t count = b->segment[segment].position + b->segment[segment].count, end = count;

    assert_in_range(count, 1, 8);
    for (; segment >= 0; segment = b->segment[segment].parent) {
        const struct fb_segment *s = &b->segment[segment];
        for (int64_t p = s->position; p < end; p++) {
            int64_t row = s->row + p - s->position;
            assert_in_range(row, s->row, s->row + s->count - 1);
            assert_int_equal(b->position[row], p);
            out[p] = b->id[row];
        }
        if (s->position < end) end = s->position;
        assert_true(s->parent < segment);
    }
    assert_int_equal(end, 0);
    return count;
}

static void check_plan(const struct fb_batches *plan, const struct fb_sequences *sequences) {
    int seen[16] = {0};

    for (int64_t k = 0; k < plan->count; k++) {
        const struct fb_batch *b = &plan->batch[k];
        for (int64_t i = 0; i < b->sequences; i++) {
            int64_t index = b->sequence[i], begin = sequences->offset[index];
            int64_t length = sequences->offset[index + 1] - begin;
            int32_t found[8];
            seen[index]++;
            assert_int_equal(follow(b, b->end[i], found), length);
            assert_memory_equal(found, sequences->id + begin, (size_t)length * sizeof *found);
        }
    }
    for (int64_t i = 0; i < sequences->count; i++)
        assert_int_equal(seen[i], 1);
}

static void test_shared_beginnings_are_one_row(void **state) {
    struct fb_err err = {0};
    struct fb_batches plan;

    (void)state;
    assert_int_equal(fb_batches_plan(&plan, &six, 100, 100, &err), FB_OK);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.tokens, 18);
    /* a, b, c d, e f, b c */
    assert_int_equal(plan.rows, 8);
    assert_int_equal(plan.longest, 5);
    assert_int_equal(plan.batch[0].tokens, 8);
    assert_int_equal(plan.batch[0].segments, 5);
    check_plan(&plan, &six);
    fb_batches_free(&plan);
}

static void test_every_limit_gives_every_sequence_once(void **state) {
    (void)state;
    for (int64_t tokens = 1; tokens <= 20; tokens++)
        for (int64_t most = 1; most <= 7; most++)
            for (int shared = 0; shared < 2; shared++) {
                struct fb_err err = {0};
                struct fb_batches plan;
                assert_int_equal((shared ? fb_batches_plan : fb_batches_plan_unshared)(
                                     &plan, &six, tokens, most, &err),
                                 FB_OK);
                check_plan(&plan, &six);
                for (int64_t b = 0; b < plan.count; b++) {
                    assert_true(plan.batch[b].sequences <= most);
                    assert_true(plan.batch[b].tokens <= tokens || plan.batch[b].sequences == 1);
                }
                fb_batches_free(&plan);
            }
}

static void test_nothing_is_shared_on_request(void **state) {
    struct fb_err err = {0};
    struct fb_batches plan;

    (void)state;
    assert_int_equal(fb_batches_plan_unshared(&plan, &six, 100, 100, &err), FB_OK);
    assert_int_equal(plan.rows, 18);
    assert_int_equal(plan.batch[0].segments, 6);
    for (int64_t i = 0; i < 6; i++)
        assert_int_equal(plan.batch[0].sequence[i], i);
    assert_memory_equal(plan.batch[0].id, ids, sizeof ids);
    fb_batches_free(&plan);
}

/* Of five tokens each, so that two of the six fit into a batch of 14 rows. */
static void test_padded_sequences_show_their_real_tokens(void **state) {
    static const int32_t padded[][5] = {{2, 3, 9, 9, 9}, {1, 2, 3, 4, 9}, {1, 2, 9, 9, 9},
                                        {1, 2, 3, 5, 6}, {1, 2, 3, 4, 9}, {1, 9, 9, 9, 9}};
    struct fb_err err = {0};
    struct fb_batches plan;

    (void)state;
    assert_int_equal(fb_batches_plan_padded(&plan, &six, 5, 9, 14, &err), FB_OK);
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.rows, 30);
    for (int64_t i = 0; i < 6; i++) {
        const struct fb_batch *b = &plan.batch[i / 2];
        const struct fb_segment *s = &b->segment[i % 2];
        assert_int_equal(b->sequence[i % 2], i);
        assert_int_equal(b->end[i % 2], i % 2);
        assert_int_equal(s->parent, -1);
        assert_int_equal(s->position, 0);
        assert_int_equal(s->count, 5);
        assert_int_equal(s->visible, offset[i + 1] - offset[i]);
        assert_memory_equal(b->id + s->row, padded[i], sizeof padded[i]);
        for (int t = 0; t < 5; t++)
            assert_int_equal(b->position[s->row + t], t);
    }
    fb_batches_free(&plan);
}

static void test_a_sequence_longer_than_the_padding_is_refused(void **state) {
    struct fb_err err = {0};
    struct fb_batches plan;

    (void)state;
    assert_int_equal(fb_batches_plan_padded(&plan, &six, 4, 9, 100, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "sequence 3 has 5 tokens, limit 1 to 4");
    assert_int_equal(plan.count, 0);
}

static int attempt_padded(void *arg) {
    struct fb_err err = {0};
    struct fb_batches plan;
    int rc = fb_batches_plan_padded(&plan, arg, 5, 9, 100, &err);

    fb_batches_free(&plan);
    return rc;
}

static void test_every_allocation_for_padding_may_fail(void **state) {
    struct fb_sequences sequences = six;

    (void)state;
    assert_true(for_each_allocation_failure(attempt_padded, &sequences, 50) > 2);
}

static void test_an_empty_sequence_is_refused(void **state) {
    static const int64_t gap[] = {0, 2, 2};
    const struct fb_sequences two = {2, ids, gap};
    struct fb_err err = {0};
    struct fb_batches plan;

    (void)state;
    assert_int_equal(fb_batches_plan(&plan, &two, 100, 100, &err), FB_EMISMATCH);
    assert_string_equal(err.msg, "sequence 1 has 0 tokens, expected at least 1");
}

static void test_no_sequences_are_no_batches(void **state) {
    static const int64_t none[] = {0};
    const struct fb_sequences empty = {0, ids, none};
    struct fb_err err = {0};
    struct fb_batches plan;

    (void)state;
    assert_int_equal(fb_batches_plan(&plan, &empty, 100, 100, &err), FB_OK);
    assert_int_equal(plan.count, 0);
    fb_batches_free(&plan);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_batches plan;
    int rc = fb_batches_plan(&plan, arg, 4, 2, &err);

    fb_batches_free(&plan);
    return rc;
}

static void test_a_decoder_is_given_what_comes_before(void **state) {
    const struct fb_sequences s = {3, (const int32_t[]){5, 6, 1, 7, 1},
                                   (const int64_t[]){0, 3, 3, 5}};
    const int32_t want[] = {9, 5, 6, 9, 7};
    int32_t out[5];

    (void)state;
    fb_sequences_shift(out, &s, 9);
    assert_memory_equal(out, want, sizeof want);
}

static void test_every_allocation_may_fail(void **state) {
    struct fb_sequences sequences = six;

    (void)state;
    assert_true(for_each_allocation_failure(attempt, &sequences, 100) >= 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_beginnings_are_one_row),
        cmocka_unit_test(test_every_limit_gives_every_sequence_once),
        cmocka_unit_test(test_nothing_is_shared_on_request),
        cmocka_unit_test(test_padded_sequences_show_their_real_tokens),
        cmocka_unit_test(test_a_sequence_longer_than_the_padding_is_refused),
        cmocka_unit_test(test_every_allocation_for_padding_may_fail),
        cmocka_unit_test(test_an_empty_sequence_is_refused),
        cmocka_unit_test(test_no_sequences_are_no_batches),
        cmocka_unit_test(test_a_decoder_is_given_what_comes_before),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
