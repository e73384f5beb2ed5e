#include "text/tokenizer.h"

#include "alloc_faults.h"
#include "folder.h"
#include "golden.h"

static void test_generated_ids_decode_as_in_the_reference(void **state) {
    struct fb_tokenizer *t = open_folder(SMALL);
    struct golden_random r = {2000};
    uint64_t digest = GOLDEN_DIGEST_START;
    struct fb_err err = {0};
    struct fb_str text = {0};

    (void)state;
    for (int i = 0; i < 1500; i++) {
        int32_t ids[12];
        uint32_t n = golden_below(&r, 12);
        for (uint32_t k = 0; k < n; k++)
            ids[k] = (int32_t)golden_below(&r, (uint32_t)fb_tokenizer_size(t));
        text.size = 0;
        assert_int_equal(fb_tokenizer_decode(t, &text, ids, n, false, &err), FB_OK);
        for (size_t k = 0; k < text.size; k++)
            digest = golden_digest(digest, (unsigned char)text.data[k]);
        digest = golden_digest(digest, -1);
    }
    assert_int_equal(digest, golden_expected("digests.txt", "decoded", 2000));
    fb_str_free(&text);
    fb_tokenizer_close(t);
}

static void test_id_outside_the_vocabulary_is_refused(void **state) {
    struct fb_tokenizer *t = open_folder(SMALL);
    struct fb_err err = {0};
    struct fb_str text = {0};
    int32_t ids[] = {1, 100000};
    char message[128];

    (void)state;
    assert_int_equal(fb_tokenizer_decode(t, &text, ids, 2, false, &err), FB_EFORMAT);
    snprintf(message, sizeof message, "id 100000 is not in the vocabulary of %d ids",
             (int)fb_tokenizer_size(t));
    assert_string_equal(err.msg, message);
    ids[1] = -1;
    assert_int_equal(fb_tokenizer_decode(t, &text, ids, 2, false, &err), FB_EFORMAT);
    fb_str_free(&text);
    fb_tokenizer_close(t);
}

static void test_decoding_appends(void **state) {
    struct fb_tokenizer *t = open_folder(SMALL);
    struct fb_err err = {0};
    struct fb_str text = {0};
    int32_t id = fb_tokenizer_id(t, "a");

    (void)state;
    assert_int_equal(fb_str_puts(&text, "x . ", &err), FB_OK);
    assert_int_equal(fb_tokenizer_decode(t, &text, &id, 1, false, &err), FB_OK);
    assert_string_equal(text.data, "x . a");
    fb_str_free(&text);
    fb_tokenizer_close(t);
}

static void test_clean_up_closes_the_space_before_punctuation(void **state) {
    char *folder = new_folder();
    struct fb_tokenizer *t;

    (void)state;
    put_file(
        folder, "vocab.json",
        "{\"Ġ.\": 0, \"a\": 1, \"Ġ'\": 2, \"Ġn't\": 3, \"Ġ\": 4, \"s\": 5, \"<|endoftext|>\": 6}");
    put_file(folder, "merges.txt", "#\n");
    put_file(folder, "tokenizer_config.json", "{\"clean_up_tokenization_spaces\": true}");
    t = open_folder(folder);
    assert_text(t, "a.", false, 2, 1, 0);
    assert_text(t, "an't's", false, 4, 1, 3, 2, 5);
    assert_text(t, "a'a", false, 4, 1, 2, 4, 1);
    assert_text(t, "", false, 0);
    fb_tokenizer_close(t);
    remove_folder(folder);
}

static void test_broken_bytes_are_replaced_or_ignored(void **state) {
    char *folder = new_folder();
    struct fb_tokenizer *t;

    (void)state;
    put_file(folder, "vocab.json", "{\"Ã\": 0, \"©\": 1, \"a\": 2}");
    put_file(folder, "merges.txt", "#\n");
    t = open_folder(folder);
    assert_text(t, "é", false, 2, 0, 1);
    assert_text(t,
                "\xef\xbf\xbd"
                "a",
                false, 2, 0, 2);
    fb_tokenizer_close(t);
    put_file(folder, "tokenizer_config.json", "{\"errors\": \"ignore\"}");
    t = open_folder(folder);
    assert_text(t, "aé", false, 4, 0, 2, 0, 1);
    fb_tokenizer_close(t);
    remove_folder(folder);
}

static void test_ids_grow(void **state) {
    struct fb_ids ids = {0};
    struct fb_err err = {0};

    (void)state;
    for (int32_t i = 0; i < 1000; i++)
        assert_int_equal(fb_ids_push(&ids, &i, 1, &err), FB_OK);
    assert_int_equal(ids.count, 1000);
    assert_int_equal(ids.id[999], 999);
    fb_ids_free(&ids);
    assert_null(ids.id);
}

static int decode_once(void *arg) {
    struct fb_err err = {0};
    struct fb_str text = {0};
    int32_t ids[] = {1, 2, 3};
    int rc = fb_tokenizer_decode(arg, &text, ids, 3, false, &err);

    fb_str_free(&text);
    return rc;
}

static void test_memory_failure_is_reported(void **state) {
    struct fb_tokenizer *t = open_folder(SMALL);

    (void)state;
    assert_int_equal(for_each_allocation_failure(decode_once, t, 10), 2);
    fb_tokenizer_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_ids_decode_as_in_the_reference),
        cmocka_unit_test(test_id_outside_the_vocabulary_is_refused),
        cmocka_unit_test(test_decoding_appends),
        cmocka_unit_test(test_clean_up_closes_the_space_before_punctuation),
        cmocka_unit_test(test_broken_bytes_are_replaced_or_ignored),
        cmocka_unit_test(test_ids_grow),
        cmocka_unit_test(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
