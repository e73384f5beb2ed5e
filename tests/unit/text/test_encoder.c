#include "text/tokenizer.h"

#include "alloc_faults.h"
#include "folder.h"
#include "golden.h"

#include <jansson.h>

static struct fb_encoder *open_encoder(const struct fb_tokenizer *t) {
    struct fb_err err = {0};
    struct fb_encoder *e;

    if (fb_encoder_open(&e, t, &err)) fail_msg("%s", err.msg);
    return e;
}

static uint64_t digest_ids(uint64_t digest, const struct fb_ids *ids) {
    for (int64_t i = 0; i < ids->count; i++)
        digest = golden_digest(digest, ids->id[i]);
    return golden_digest(digest, -1);
}

static void test_generated_texts_give_the_ids_of_the_reference(void **state) {
    struct fb_tokenizer *t = open_folder(SMALL);
    struct fb_encoder *e = open_encoder(t);
    struct golden_pool pool;
    struct fb_str text = {0};
    struct fb_ids ids = {0};
    struct fb_err err = {0};

    (void)state;
    golden_read_pool(&pool);
    for (uint64_t block = 0; block < GOLDEN_BLOCKS; block++) {
        struct golden_random r = {block};
        uint64_t digest = GOLDEN_DIGEST_START;
        for (int i = 0; i < GOLDEN_BLOCK; i++) {
            golden_text(&r, &pool, &text);
            ids.count = 0;
            assert_int_equal(fb_encoder_encode(e, &ids, fb_str_text(&text), text.size, true, &err),
                             FB_OK);
            digest = digest_ids(digest, &ids);
        }
        assert_int_equal(digest, golden_expected("digests.txt", "ids", block));
    }
    fb_str_free(&text);
    fb_ids_free(&ids);
    fb_encoder_close(e);
    fb_tokenizer_close(t);
}

static void test_pairs_are_cut_as_by_the_reference(void **state) {
    struct fb_tokenizer *t = open_folder(SMALL);
    struct golden_pool pool;
    struct golden_random r = {1000};
    struct fb_str a = {0}, b = {0};
    struct fb_ids ids = {0};
    struct fb_err err = {0};
    uint64_t digest = GOLDEN_DIGEST_START;

    (void)state;
    golden_read_pool(&pool);
    for (int i = 0; i < 1500; i++) {
        int64_t length;
        golden_text(&r, &pool, &a);
        golden_text(&r, &pool, &b);
        length = 1 + golden_below(&r, 40);
        ids.count = 0;
        assert_int_equal(fb_tokenizer_encode_pair(t, &ids, fb_str_text(&a), a.size, fb_str_text(&b),
                                                  b.size, length, &err),
                         FB_OK);
        assert_true(ids.count <= length);
        digest = digest_ids(digest, &ids);
    }
    assert_int_equal(digest, golden_expected("digests.txt", "pairs", 1000));
    fb_str_free(&a);
    fb_str_free(&b);
    fb_ids_free(&ids);
    fb_tokenizer_close(t);
}

/* ---- the recorded cases of every folder ---- */

static void assert_decoded(const struct fb_tokenizer *t, const struct fb_ids *ids, bool skip,
                           const json_t *expected) {
    struct fb_err err = {0};
    struct fb_str text = {0};

    if (fb_tokenizer_decode(t, &text, ids->id, ids->count, skip, &err)) fail_msg("%s", err.msg);
    assert_string_equal(fb_str_text(&text), json_string_value(expected));
    fb_str_free(&text);
}

static void assert_case(const struct fb_tokenizer *t, struct fb_encoder *e, const json_t *row) {
    struct fb_err err = {0};
    struct fb_ids ids = {0};
    const json_t *text = json_object_get(row, "text"), *pair = json_object_get(row, "pair");
    const json_t *expected = json_object_get(row, "ids");

    if (fb_encoder_encode_pair(e, &ids, json_string_value(text), json_string_length(text),
                               json_string_value(pair), json_string_length(pair),
                               json_integer_value(json_object_get(row, "max_length")), true, &err))
        fail_msg("%s", err.msg);
    if (ids.count != (int64_t)json_array_size(expected))
        fail_msg("'%s': %d ids", json_string_value(text), (int)ids.count);
    for (int64_t i = 0; i < ids.count; i++)
        assert_int_equal(ids.id[i], json_integer_value(json_array_get(expected, (size_t)i)));
    assert_decoded(t, &ids, false, json_object_get(row, "decoded"));
    assert_decoded(t, &ids, true, json_object_get(row, "skipped"));
    fb_ids_free(&ids);
}

/* Every line of <name>/cases.jsonl, in the small folder with the files of <name> in it. */
static void assert_cases(const char *name) {
    char path[512], line[8192];
    char *folder = new_folder();
    struct fb_tokenizer *t;
    struct fb_encoder *e;
    FILE *f;
    int count = 0;

    copy_file(folder, SMALL, "vocab.json");
    copy_file(folder, SMALL, "merges.txt");
    snprintf(path, sizeof path, "%s/text/%s", FB_GOLDEN_DIR, name);
    copy_files(folder, path);
    t = open_folder(folder);
    e = open_encoder(t);
    snprintf(path, sizeof path, "%s/text/%s/cases.jsonl", FB_GOLDEN_DIR, name);
    assert_non_null(f = fopen(path, "r"));
    for (; fgets(line, sizeof line, f); count++) {
        json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_case(t, e, row);
        json_decref(row);
    }
    fclose(f);
    assert_true(count >= 20);
    fb_encoder_close(e);
    fb_tokenizer_close(t);
    remove_folder(folder);
}

static void test_plain_folder(void **state) {
    (void)state;
    assert_cases("small");
}

static void test_folder_with_prefix_space_and_clean_up(void **state) {
    (void)state;
    assert_cases("prefix");
}

static void test_folder_with_bos(void **state) {
    (void)state;
    assert_cases("bos");
}

static void test_folder_that_cuts_on_the_left(void **state) {
    (void)state;
    assert_cases("left");
}

static void test_folder_with_flagged_tokens(void **state) {
    (void)state;
    assert_cases("flags");
}

static void test_folder_with_the_old_files_of_added_tokens(void **state) {
    (void)state;
    assert_cases("legacy");
}

static void test_folder_whose_added_tokens_are_in_tokenizer_json(void **state) {
    (void)state;
    assert_cases("fast");
}

static void test_folder_that_splits_special_tokens(void **state) {
    (void)state;
    assert_cases("split");
}

static void test_folder_with_merges_in_an_order_that_no_training_gives(void **state) {
    (void)state;
    assert_cases("odd");
}

static void test_folder_with_holes_and_missing_pieces(void **state) {
    (void)state;
    assert_cases("holes");
}

/* ---- by hand ---- */

static void test_special_tokens_are_plain_text_on_demand(void **state) {
    struct fb_tokenizer *t = open_folder(SMALL);
    struct fb_ids ids = {0};
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_tokenizer_encode(t, &ids, "<|endoftext|>", 13, false, &err), FB_OK);
    assert_true(ids.count > 1);
    fb_ids_free(&ids);
    fb_tokenizer_close(t);
}

static void test_piece_without_an_id_is_an_error_when_no_token_stands_in(void **state) {
    char *folder = new_folder();
    struct fb_tokenizer *t;
    struct fb_ids ids = {0};
    struct fb_err err = {0};

    (void)state;
    put_file(folder, "vocab.json", "{\"a\": 0}");
    put_file(folder, "merges.txt", "#\n");
    t = open_folder(folder);
    assert_int_equal(fb_tokenizer_encode(t, &ids, "a b", 3, true, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "the piece 'Ġ' is not in the vocabulary, and there is no unknown "
                                 "token");
    fb_ids_free(&ids);
    fb_tokenizer_close(t);
    remove_folder(folder);
}

static void test_limit_below_what_is_added_still_holds(void **state) {
    char *folder = new_folder();
    struct fb_tokenizer *t;
    struct fb_ids ids = {0};
    struct fb_err err = {0};

    (void)state;
    copy_files(folder, SMALL);
    put_file(folder, "tokenizer_config.json", "{\"add_bos_token\": true}");
    t = open_folder(folder);
    assert_int_equal(fb_tokenizer_encode_pair(t, &ids, "a", 1, "b", 1, 1, &err), FB_OK);
    assert_int_equal(ids.count, 1);
    fb_ids_free(&ids);
    fb_tokenizer_close(t);
    remove_folder(folder);
}

/* The same words many times, and more different ones than the table of known words has places. */
static void test_known_words_change_nothing(void **state) {
    struct fb_tokenizer *t = open_folder(SMALL);
    struct fb_encoder *e = open_encoder(t);
    struct fb_err err = {0};
    char text[40];

    (void)state;
    for (int i = 0; i < 60000; i++) {
        struct fb_ids a = {0}, b = {0};
        int n = snprintf(text, sizeof text, " task%.*s%c", i % 23, "theexpertofthetaskandmodel",
                         'a' + i / 23 % 26);
        assert_int_equal(fb_encoder_encode(e, &a, text, (size_t)n, true, &err), FB_OK);
        assert_int_equal(fb_tokenizer_encode(t, &b, text, (size_t)n, true, &err), FB_OK);
        assert_int_equal(a.count, b.count);
        assert_memory_equal(a.id, b.id, (size_t)a.count * sizeof *a.id);
        fb_ids_free(&a);
        fb_ids_free(&b);
    }
    fb_encoder_close(e);
    fb_tokenizer_close(t);
}

static int encode_once(void *arg) {
    static const char text[] =
        "the \xff <x> taskmodelexperttaskmodelexperttaskmodelexperttaskmodel";
    struct fb_err err = {0};
    struct fb_encoder *e;
    struct fb_ids ids = {0};
    int rc = fb_encoder_open(&e, arg, &err);

    if (!rc) rc = fb_encoder_encode_pair(e, &ids, text, strlen(text), "b <x>", 5, 9, true, &err);
    fb_ids_free(&ids);
    fb_encoder_close(e);
    return rc;
}

static void test_memory_failure_is_reported(void **state) {
    char *folder = new_folder();
    struct fb_tokenizer *t;

    (void)state;
    copy_files(folder, SMALL);
    put_file(folder, "tokenizer_config.json",
             "{\"add_prefix_space\": true, \"add_bos_token\": true, \"added_tokens_decoder\": "
             "{\"400\": {\"content\": \"<x>\", \"single_word\": true}}}");
    t = open_folder(folder);
    assert_true(for_each_allocation_failure(encode_once, t, 100) > 10);
    fb_tokenizer_close(t);
    remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_texts_give_the_ids_of_the_reference),
        cmocka_unit_test(test_pairs_are_cut_as_by_the_reference),
        cmocka_unit_test(test_plain_folder),
        cmocka_unit_test(test_folder_with_prefix_space_and_clean_up),
        cmocka_unit_test(test_folder_with_bos),
        cmocka_unit_test(test_folder_that_cuts_on_the_left),
        cmocka_unit_test(test_folder_with_flagged_tokens),
        cmocka_unit_test(test_folder_with_the_old_files_of_added_tokens),
        cmocka_unit_test(test_folder_whose_added_tokens_are_in_tokenizer_json),
        cmocka_unit_test(test_folder_that_splits_special_tokens),
        cmocka_unit_test(test_folder_with_merges_in_an_order_that_no_training_gives),
        cmocka_unit_test(test_folder_with_holes_and_missing_pieces),
        cmocka_unit_test(test_special_tokens_are_plain_text_on_demand),
        cmocka_unit_test(test_piece_without_an_id_is_an_error_when_no_token_stands_in),
        cmocka_unit_test(test_limit_below_what_is_added_still_holds),
        cmocka_unit_test(test_known_words_change_nothing),
        cmocka_unit_test(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
