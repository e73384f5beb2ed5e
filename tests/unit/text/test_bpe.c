#include "text/bpe.h"

#include "alloc_faults.h"
#include "golden.h"

/* Symbols are letters; a joined pair gets the next number from 256 on. */
static struct fb_bpe with_merges(int n, const int (*pairs)[2]) {
    struct fb_err err = {0};
    struct fb_bpe bpe = {0};

    for (int i = 0; i < 256; i++)
        bpe.byte[i] = i;
    for (int i = 0; i < n; i++)
        assert_int_equal(fb_bpe_add(&bpe, pairs[i][0], pairs[i][1], i, 256 + i, &err), FB_OK);
    return bpe;
}

static void assert_symbols(const struct fb_bpe *bpe, const char *word, int n, ...) {
    struct fb_err err = {0};
    struct fb_bpe_work work = {0};
    size_t count;
    va_list args;

    assert_int_equal(fb_bpe_encode(bpe, &work, word, strlen(word), &count, &err), FB_OK);
    assert_int_equal(count, n);
    va_start(args, n);
    for (int i = 0; i < n; i++)
        assert_int_equal(work.symbol[i], va_arg(args, int));
    va_end(args);
    fb_bpe_work_free(&work);
}

static void test_pairs_join_in_the_order_of_their_ranks(void **state) {
    static const int merges[][2] = {{'b', 'c'}, {'a', 'b'}, {'a', 256}};
    struct fb_bpe bpe = with_merges(3, merges);

    (void)state;
    assert_symbols(&bpe, "abc", 1, 258);
    assert_symbols(&bpe, "ab", 1, 257);
    assert_symbols(&bpe, "bcab", 2, 256, 257);
    assert_symbols(&bpe, "x", 1, 'x');
    fb_bpe_free(&bpe);
}

static void test_overlapping_pairs_join_from_the_left(void **state) {
    static const int merges[][2] = {{'a', 'a'}};
    struct fb_bpe bpe = with_merges(1, merges);

    (void)state;
    assert_symbols(&bpe, "aaa", 2, 256, 'a');
    assert_symbols(&bpe, "aaaa", 2, 256, 256);
    fb_bpe_free(&bpe);
}

/* "ab"+"a" has the lower rank, but it appears only in the round that joins every a+b. */
static void test_new_pair_of_lower_rank_waits_for_the_round_to_end(void **state) {
    static const int merges[][2] = {{257, 'a'}, {'a', 'b'}};
    struct fb_bpe bpe = with_merges(2, merges);

    (void)state;
    assert_symbols(&bpe, "abab", 2, 257, 257);
    assert_symbols(&bpe, "aba", 1, 256);
    fb_bpe_free(&bpe);
}

static void test_repeated_merge_takes_the_new_rank(void **state) {
    static const int merges[][2] = {{'a', 'b'}, {'b', 'c'}, {'a', 'b'}};
    struct fb_bpe bpe = with_merges(3, merges);

    (void)state;
    assert_int_equal(bpe.count, 2);
    assert_symbols(&bpe, "abc", 2, 'a', 257);
    fb_bpe_free(&bpe);
}

static void test_table_without_merges_joins_nothing(void **state) {
    struct fb_bpe bpe = with_merges(0, NULL);

    (void)state;
    assert_symbols(&bpe, "ab", 2, 'a', 'b');
    assert_null(fb_bpe_find(&bpe, 'a', 'b'));
    fb_bpe_free(&bpe);
}

/* The definition, word for word: min over pairs, then one pass over the word. */
static size_t define(const struct fb_bpe *bpe, int32_t *symbol, size_t n) {
    for (;;) {
        const struct fb_merge *best = NULL;
        size_t to = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            const struct fb_merge *m = fb_bpe_find(bpe, symbol[i], symbol[i + 1]);
            if (m && (!best || m->rank < best->rank)) best = m;
        }
        if (!best) return n;
        for (size_t i = 0; i < n; to++) {
            int joins = i + 1 < n && symbol[i] == best->left && symbol[i + 1] == best->right;
            symbol[to] = joins ? best->joined : symbol[i];
            i += joins ? 2 : 1;
        }
        n = to;
    }
}

static void test_short_and_long_words_follow_the_definition(void **state) {
    struct golden_random r = {11};
    struct fb_err err = {0};
    struct fb_bpe_work work = {0};

    (void)state;
    for (int round = 0; round < 400; round++) {
        int merges[40][2];
        struct fb_bpe bpe;
        char word[300];
        int32_t expected[300];
        size_t size = 1 + golden_below(&r, round % 2 ? 300 : 40), count;
        /* Later merges may name what only they make: orders that no training gives. */
        for (int i = 0; i < 40; i++)
            for (int side = 0; side < 2; side++)
                merges[i][side] = golden_below(&r, 2) ? (int)('a' + golden_below(&r, 3))
                                                      : (int)(256 + golden_below(&r, 40));
        bpe = with_merges(40, merges);
        for (size_t i = 0; i < size; i++)
            expected[i] = word[i] = (char)('a' + golden_below(&r, 3));
        assert_int_equal(fb_bpe_encode(&bpe, &work, word, size, &count, &err), FB_OK);
        assert_int_equal(count, define(&bpe, expected, size));
        assert_memory_equal(work.symbol, expected, count * sizeof *expected);
        fb_bpe_free(&bpe);
    }
    fb_bpe_work_free(&work);
}

static int build_and_encode(void *arg) {
    struct fb_err err = {0};
    struct fb_bpe bpe = {0};
    struct fb_bpe_work work = {0};
    size_t count;
    int rc = FB_OK;

    for (int i = 0; i < 200 && !rc; i++)
        rc = fb_bpe_add(&bpe, i, i + 1, i, i + 2, &err);
    if (!rc) rc = fb_bpe_encode(&bpe, &work, arg, 10, &count, &err);
    if (!rc) rc = fb_bpe_encode(&bpe, &work, arg, strlen(arg), &count, &err);
    fb_bpe_free(&bpe);
    fb_bpe_work_free(&work);
    return rc;
}

static void test_memory_failure_is_reported(void **state) {
    char word[301];

    (void)state;
    memset(word, 'a', 300);
    word[300] = '\0';
    assert_int_equal(for_each_allocation_failure(build_and_encode, word, 20), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_join_in_the_order_of_their_ranks),
        cmocka_unit_test(test_overlapping_pairs_join_from_the_left),
        cmocka_unit_test(test_new_pair_of_lower_rank_waits_for_the_round_to_end),
        cmocka_unit_test(test_repeated_merge_takes_the_new_rank),
        cmocka_unit_test(test_table_without_merges_joins_nothing),
        cmocka_unit_test(test_short_and_long_words_follow_the_definition),
        cmocka_unit_test(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
