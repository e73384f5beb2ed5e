#include "text/split.h"

#include "alloc_faults.h"
#include "golden.h"
#include "text/utf8.h"

static void assert_words(const char *text, const char *expected) {
    struct fb_err err = {0};
    struct fb_str found = {0};
    size_t size = strlen(text), at = 0;

    while (at < size) {
        size_t n = fb_gpt2_word(text + at, size - at);
        assert_true(n > 0 && n <= size - at);
        assert_int_equal(fb_str_printf(&found, &err, "%.*s|", (int)n, text + at), FB_OK);
        at += n;
    }
    assert_string_equal(found.data, expected);
    fb_str_free(&found);
}

static void test_words_by_example(void **state) {
    (void)state;
    assert_words("Hello world", "Hello| world|");
    assert_words("it's they'll 'S we've''s", "it|'s| they|'ll| '|S| we|'ve|''|s|");
    assert_words("a1b2 34", "a|1|b|2| 34|");
    assert_words("a   b", "a|  | b|");
    assert_words("a \n b", "a| \n| b|");
    assert_words("a\n\nb", "a|\n|\n|b|");
    assert_words("a  ", "a|  |");
    assert_words(" ", " |");
    assert_words(" '", " '|");
    assert_words("'", "'|");
    assert_words("'r", "'|r|");
    assert_words("a\xe3\x80\x80\xe3\x80\x80"
                 "b",
                 "a|\xe3\x80\x80|\xe3\x80\x80|b|");
}

static void test_words_of_generated_texts_are_those_of_the_reference(void **state) {
    struct golden_pool pool;
    struct fb_str text = {0}, clean = {0};
    struct fb_err err = {0};

    (void)state;
    golden_read_pool(&pool);
    for (uint64_t block = 0; block < GOLDEN_BLOCKS; block++) {
        struct golden_random r = {block};
        uint64_t digest = GOLDEN_DIGEST_START;
        for (int i = 0; i < GOLDEN_BLOCK; i++) {
            golden_text(&r, &pool, &text);
            clean.size = 0;
            if (text.size)
                assert_int_equal(fb_utf8_append_replaced(&clean, text.data, text.size, &err),
                                 FB_OK);
            for (size_t at = 0, n; at < clean.size; at += n) {
                n = fb_gpt2_word(clean.data + at, clean.size - at);
                digest = golden_digest(digest, (int32_t)n);
            }
            digest = golden_digest(digest, -1);
        }
        assert_int_equal(digest, golden_expected("digests.txt", "words", block));
    }
    fb_str_free(&text);
    fb_str_free(&clean);
}

static struct fb_pattern *open_pattern(const char *regex, bool jit) {
    struct fb_err err = {0};
    struct fb_pattern *p;

    if (fb_pattern_open(&p, regex, jit, &err)) fail_msg("%s", err.msg);
    return p;
}

static void assert_same_words(const struct fb_pattern *p, struct fb_matcher *m, const char *text,
                              size_t size) {
    struct fb_err err = {0};

    for (size_t at = 0, begin, end; at < size; at = end) {
        assert_int_equal(fb_pattern_find(p, m, text, size, at, &begin, &end, &err), FB_OK);
        assert_int_equal(begin, at);
        if (end - at != fb_gpt2_word(text + at, size - at))
            fail_msg("'%.*s' at %zu", (int)size, text, at);
    }
}

/* Letters that matter to the pattern, and one of each other class. */
static const char alphabet[] = "  \n'strevmldaZ09.-";

static void test_scanner_equals_the_pattern_on_all_short_ascii_strings(void **state) {
    struct fb_err err = {0};
    struct fb_matcher *m;
    struct fb_pattern *p = open_pattern(FB_GPT2_PATTERN, true);
    size_t letters = strlen(alphabet);
    char text[5];

    (void)state;
    assert_int_equal(fb_matcher_open(&m, &err), FB_OK);
    for (int a = 0; a < 128; a++)
        for (int b = 0; b < 128; b++) {
            text[0] = (char)a;
            text[1] = (char)b;
            assert_same_words(p, m, text, 2);
        }
    for (size_t n = 0; n < letters * letters * letters * letters; n++) {
        size_t rest = n;
        for (int i = 0; i < 4; i++, rest /= letters)
            text[i] = alphabet[rest % letters];
        assert_same_words(p, m, text, 4);
    }
    fb_matcher_close(m);
    fb_pattern_close(p);
}

static void test_scanner_equals_the_pattern_on_random_ascii(void **state) {
    struct fb_err err = {0};
    struct fb_matcher *m;
    struct fb_pattern *p = open_pattern(FB_GPT2_PATTERN, false);
    struct golden_random r = {7};
    char text[40];

    (void)state;
    assert_int_equal(fb_matcher_open(&m, &err), FB_OK);
    for (int i = 0; i < 20000; i++) {
        size_t size = 1 + golden_below(&r, sizeof text);
        for (size_t j = 0; j < size; j++)
            text[j] = (char)(i % 2 ? (int)golden_below(&r, 128)
                                   : alphabet[golden_below(&r, sizeof alphabet - 1)]);
        assert_same_words(p, m, text, size);
    }
    fb_matcher_close(m);
    fb_pattern_close(p);
}

static void test_pattern_finds_matches_and_gaps(void **state) {
    struct fb_err err = {0};
    struct fb_matcher *m;
    struct fb_pattern *p = open_pattern("\\d+|x*", true);
    size_t begin, end;

    (void)state;
    assert_int_equal(fb_matcher_open(&m, &err), FB_OK);
    assert_int_equal(fb_pattern_find(p, m, "ab12cx", 6, 0, &begin, &end, &err), FB_OK);
    assert_int_equal(begin, 2);
    assert_int_equal(end, 4);
    assert_int_equal(fb_pattern_find(p, m, "ab12cx", 6, 4, &begin, &end, &err), FB_OK);
    assert_int_equal(begin, 5);
    assert_int_equal(fb_pattern_find(p, m, "ab", 2, 0, &begin, &end, &err), FB_OK);
    assert_int_equal(begin, 2);
    assert_int_equal(end, 2);
    fb_matcher_close(m);
    fb_pattern_close(p);
}

static void test_bad_pattern_names_the_place(void **state) {
    struct fb_err err = {0};
    struct fb_pattern *p;

    (void)state;
    assert_int_equal(fb_pattern_open(&p, "a(b", true, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "pattern, byte 3: missing closing parenthesis");
    assert_null(p);
}

static void test_pattern_that_explodes_ends_with_an_error(void **state) {
    struct fb_err err = {0};
    struct fb_matcher *m;
    struct fb_pattern *p = open_pattern("(a+)+$", false);
    char text[64];
    size_t begin, end;

    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    assert_int_equal(fb_matcher_open(&m, &err), FB_OK);
    assert_int_equal(fb_pattern_find(p, m, text, sizeof text, 0, &begin, &end, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "pattern at byte 0 of the text: match limit exceeded");
    fb_matcher_close(m);
    fb_pattern_close(p);
}

static int open_both(void *arg) {
    struct fb_err err = {0};
    struct fb_pattern *p;
    struct fb_matcher *m = NULL;
    int rc = fb_pattern_open(&p, arg, true, &err);

    if (!rc) rc = fb_matcher_open(&m, &err);
    fb_matcher_close(m);
    fb_pattern_close(p);
    return rc;
}

static void test_memory_failure_is_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(open_both, "a+", 10) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_by_example),
        cmocka_unit_test(test_words_of_generated_texts_are_those_of_the_reference),
        cmocka_unit_test(test_scanner_equals_the_pattern_on_all_short_ascii_strings),
        cmocka_unit_test(test_scanner_equals_the_pattern_on_random_ascii),
        cmocka_unit_test(test_pattern_finds_matches_and_gaps),
        cmocka_unit_test(test_bad_pattern_names_the_place),
        cmocka_unit_test(test_pattern_that_explodes_ends_with_an_error),
        cmocka_unit_test(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
