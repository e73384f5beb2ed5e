#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "text/unigram.h"

#include "alloc_faults.h"

#include <string.h>

#define SP FB_UNIGRAM_SPACE

static void fill(struct fb_unigram *u) {
    static const struct {
        const char *piece;
        double score;
    } pieces[] = {{"<unk>", 0}, {SP, -2},   {SP "a", -3}, {"a", -4},
                  {"b", -4},    {"ab", -5}, {SP "ab", -9}};
    struct fb_err err = {0};

    *u = (struct fb_unigram){.prefix = FB_UNIGRAM_ALWAYS, .join_spaces = true};
    for (int i = 0; i < 7; i++)
        assert_int_equal(
            fb_unigram_add(u, pieces[i].piece, strlen(pieces[i].piece), pieces[i].score, i, &err),
            FB_OK);
    assert_int_equal(fb_unigram_finish(u, &err), FB_OK);
}

static void expect(const struct fb_unigram *u, const char *word, const int32_t *ids, size_t n) {
    struct fb_unigram_work work = {0};
    struct fb_err err = {0};

    assert_int_equal(fb_unigram_encode(u, &work, word, strlen(word), &err), FB_OK);
    assert_int_equal(work.count, n);
    assert_memory_equal(work.id, ids, n * sizeof *ids);
    fb_unigram_work_free(&work);
}

/* " ab": "_a" "b" -7, "_" "ab" -7 and "_ab" -9: the way that was found first stays. */
static void test_the_most_probable_pieces_are_found(void **state) {
    struct fb_unigram u;

    (void)state;
    fill(&u);
    expect(&u, " ab", (const int32_t[]){1, 5}, 2);
    expect(&u, " aab", (const int32_t[]){2, 5}, 2);
    expect(&u, "b", (const int32_t[]){4}, 1);
    expect(&u, "", NULL, 0);
    fb_unigram_free(&u);
}

static void test_unknown_neighbours_become_one(void **state) {
    struct fb_unigram u;

    (void)state;
    fill(&u);
    expect(&u, " xyz", (const int32_t[]){1, 0}, 2);
    expect(&u,
           "x\xc3\xa9"
           "ax",
           (const int32_t[]){0, 3, 0}, 3);
    fb_unigram_free(&u);
}

static void expect_words(struct fb_unigram *u, const char *text, bool first, const char *words) {
    struct fb_str out = {0}, scratch = {0};
    struct fb_err err = {0};

    assert_int_equal(fb_unigram_words(u, &out, &scratch, text, strlen(text), first, &err), FB_OK);
    assert_string_equal(fb_str_text(&out), words);
    fb_str_free(&out);
    fb_str_free(&scratch);
}

static void test_spaces_are_marked_joined_and_stripped(void **state) {
    struct fb_unigram u = {.prefix = FB_UNIGRAM_ALWAYS};

    (void)state;
    expect_words(&u, "a  b ", true, " a  b ");
    expect_words(&u, " a", true, " a");
    expect_words(&u, SP "a", true, " a");
    u.join_spaces = true;
    expect_words(&u, "  a   b  ", true, " a b ");
    expect_words(&u, "a" SP SP "b", true, " a  b"); /* marks are no spaces */
    u.strip_right = true;
    expect_words(&u, "a b \xe3\x80\x80\t", true, " a b");
    u.strip_left = true;
    expect_words(&u, " \n ", true, "");
    u.prefix = FB_UNIGRAM_FIRST;
    expect_words(&u, "a", true, " a");
    expect_words(&u, "a", false, "a");
    u.prefix = FB_UNIGRAM_NEVER;
    expect_words(&u, "a b", true, "a b");
    u = (struct fb_unigram){.prefix = FB_UNIGRAM_ALWAYS, .split_spaces = true};
    expect_words(&u, " a \n b ", true, " a b");
}

static int attempt(void *arg) {
    struct fb_unigram u = {0};
    struct fb_unigram_work work = {0};
    struct fb_err err = {0};

    (void)arg;
    if (!fb_unigram_add(&u, "ab", 2, -1, 1, &err) && !fb_unigram_finish(&u, &err))
        if (fb_unigram_encode(&u, &work, "ab", 2, &err)) (void)0;
    fb_unigram_work_free(&work);
    fb_unigram_free(&u);
    return err.code;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    assert_in_range(for_each_allocation_failure(attempt, NULL, 20), 3, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_most_probable_pieces_are_found),
        cmocka_unit_test(test_unknown_neighbours_become_one),
        cmocka_unit_test(test_spaces_are_marked_joined_and_stripped),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
