#include "text/vocab.h"

#include "alloc_faults.h"
#include "golden.h"

static struct fb_vocab vocab;
static struct fb_bpe bpe;

static int setup(void **state) {
    (void)state;
    vocab = (struct fb_vocab){0};
    bpe = (struct fb_bpe){0};
    return 0;
}

static int teardown(void **state) {
    (void)state;
    fb_vocab_free(&vocab);
    fb_bpe_free(&bpe);
    return 0;
}

static int read_text(const char *json, struct fb_err *err) {
    json_t *object = json_loads(json, JSON_DECODE_ANY, NULL);
    int rc = fb_vocab_read(&vocab, object, err);

    json_decref(object);
    return rc;
}

static void test_ids_and_pieces_are_found_both_ways(void **state) {
    struct fb_err err = {0};
    int64_t b;

    (void)state;
    assert_int_equal(read_text("{\"a\": 0, \"b\": 5, \"Ġc\": 2}", &err), FB_OK);
    b = fb_names_find(&vocab.pieces, "b");
    assert_int_equal(vocab.id_of[b], 5);
    assert_int_equal(fb_vocab_piece(&vocab, 5), b);
    assert_int_equal(vocab.ids, 6);
    assert_int_equal(vocab.count, 3);
}

static void test_hole_and_out_of_range_ids_have_no_piece(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(read_text("{\"a\": 0, \"b\": 5}", &err), FB_OK);
    assert_int_equal(fb_vocab_piece(&vocab, 3), -1);
    assert_int_equal(fb_vocab_piece(&vocab, 6), -1);
    assert_int_equal(fb_vocab_piece(&vocab, -1), -1);
}

static void test_repeated_id_belongs_to_the_last_piece(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(read_text("{\"a\": 1, \"b\": 1}", &err), FB_OK);
    assert_string_equal(vocab.pieces.name[fb_vocab_piece(&vocab, 1)], "b");
    assert_int_equal(vocab.id_of[fb_names_find(&vocab.pieces, "a")], 1);
}

static void assert_refused(const char *json, const char *message) {
    struct fb_err err = {0};

    assert_int_equal(read_text(json, &err), FB_EFORMAT);
    assert_string_equal(err.msg, message);
}

static void test_bad_vocabularies_are_refused(void **state) {
    (void)state;
    assert_refused("[1]", "the vocabulary is not an object of pieces and ids");
    assert_refused("{\"x\": -1}", "'x' has the id -1, limit 0 to 16777215");
    assert_refused("{\"x\": 16777216}", "'x' has the id 16777216, limit 0 to 16777215");
    assert_refused("{\"x\": 9223372036854775807}",
                   "'x' has the id 9223372036854775807, limit 0 to 16777215");
    assert_refused("{\"x\": 1.0}", "the id of 'x' is not a whole number");
    assert_refused("{\"x\": \"1\"}", "the id of 'x' is not a whole number");
}

static void test_piece_of_too_many_bytes_is_refused(void **state) {
    struct fb_err err = {0};
    char *json = malloc(70010);

    (void)state;
    memcpy(json, "{\"", 2);
    memset(json + 2, 'x', 65536);
    memcpy(json + 2 + 65536, "\": 1}", 6);
    assert_int_equal(read_text(json, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "a piece of 65536 bytes, limit 65535");
    free(json);
}

static int32_t joined(const char *left, const char *right) {
    const struct fb_merge *m = fb_bpe_find(&bpe, (int32_t)fb_names_find(&vocab.pieces, left),
                                           (int32_t)fb_names_find(&vocab.pieces, right));

    return m ? m->rank : -1;
}

static int read_merges(const char *text, struct fb_err *err) {
    return fb_vocab_merges(&vocab, &bpe, text, strlen(text), err);
}

static void test_first_and_last_line_of_merges_do_not_count(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(read_merges("a b\nc d\ne f\ng h", &err), FB_OK);
    assert_int_equal(joined("a", "b"), -1);
    assert_int_equal(joined("c", "d"), 0);
    assert_int_equal(joined("e", "f"), 1);
    assert_int_equal(joined("g", "h"), -1);
    assert_true(fb_names_find(&vocab.pieces, "cd") >= 0);
}

static void test_lines_that_are_not_two_words_keep_their_rank_and_join_nothing(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(read_merges("#\na\na b c\n\n  d \t e  \nf\xc2\xa0g\n", &err), FB_OK);
    assert_int_equal(bpe.count, 2);
    assert_int_equal(joined("d", "e"), 3);
    assert_int_equal(joined("f", "g"), 4);
}

static void test_all_line_ends_of_python_end_lines(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(read_merges("#\r\na b\rc d\n\re f\r\n", &err), FB_OK);
    assert_int_equal(joined("a", "b"), 0);
    assert_int_equal(joined("c", "d"), 1);
    assert_int_equal(joined("e", "f"), 3);
}

static void test_repeated_merge_takes_the_last_rank(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(read_merges("#\na b\nc d\na b\n", &err), FB_OK);
    assert_int_equal(joined("a", "b"), 2);
}

static void test_merge_with_a_zero_byte_joins_nothing(void **state) {
    struct fb_err err = {0};
    static const char text[] = "#\na\0x b\nc d\n";

    (void)state;
    assert_int_equal(fb_vocab_merges(&vocab, &bpe, text, sizeof text - 1, &err), FB_OK);
    assert_int_equal(bpe.count, 1);
    assert_int_equal(joined("c", "d"), 1);
}

static void test_merges_that_are_not_utf8_are_refused(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(read_merges("#\na \xff\n", &err), FB_EFORMAT);
    assert_string_equal(err.msg, "the merges are not UTF-8");
}

static void test_merge_of_a_very_long_piece_is_refused(void **state) {
    struct fb_err err = {0};
    char *text = malloc(70010);

    (void)state;
    memcpy(text, "#\na ", 4);
    memset(text + 4, 'x', 65536);
    memcpy(text + 4 + 65536, "\n", 2);
    assert_int_equal(read_merges(text, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "line 2: merge 0 names a piece of 65536 bytes, limit 65535");
    free(text);
}

static int build(void *arg) {
    struct fb_err err = {0};
    int rc = fb_vocab_read(&vocab, arg, &err);

    if (!rc) rc = fb_vocab_bytes(&vocab, &bpe, &err);
    if (!rc) rc = read_merges("#\na b\nab c\n", &err);
    fb_vocab_free(&vocab);
    fb_bpe_free(&bpe);
    return rc;
}

static void test_memory_failure_is_reported(void **state) {
    json_t *object = json_loads("{\"a\": 0, \"b\": 300}", 0, NULL);

    (void)state;
    assert_true(for_each_allocation_failure(build, object, 1000) > 256);
    json_decref(object);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_ids_and_pieces_are_found_both_ways),
        TEST(test_hole_and_out_of_range_ids_have_no_piece),
        TEST(test_repeated_id_belongs_to_the_last_piece),
        TEST(test_bad_vocabularies_are_refused),
        TEST(test_piece_of_too_many_bytes_is_refused),
        TEST(test_first_and_last_line_of_merges_do_not_count),
        TEST(test_lines_that_are_not_two_words_keep_their_rank_and_join_nothing),
        TEST(test_all_line_ends_of_python_end_lines),
        TEST(test_repeated_merge_takes_the_last_rank),
        TEST(test_merge_with_a_zero_byte_joins_nothing),
        TEST(test_merges_that_are_not_utf8_are_refused),
        TEST(test_merge_of_a_very_long_piece_is_refused),
        TEST(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
