#include "text/specials.h"

#include "folder.h"
#include "golden.h"

/* Opens the small vocabulary with one more file beside it. */
static struct fb_tokenizer *with_file(const char *name, const char *content) {
    char *folder = new_folder();
    struct fb_tokenizer *t;

    copy_file(folder, SMALL, "vocab.json");
    copy_file(folder, SMALL, "merges.txt");
    put_file(folder, name, content);
    t = open_folder(folder);
    remove_folder(folder);
    return t;
}

static void assert_file_refused(const char *name, const char *content, const char *message) {
    char *folder = new_folder();

    copy_file(folder, SMALL, "vocab.json");
    copy_file(folder, SMALL, "merges.txt");
    put_file(folder, name, content);
    assert_refused(folder, FB_EFORMAT, message);
    remove_folder(folder);
}

static void test_default_special_token_is_recognised(void **state) {
    struct fb_tokenizer *t = open_folder(SMALL);

    (void)state;
    assert_int_equal(fb_tokenizer_id(t, "<|endoftext|>"), 0);
    assert_ids(t, "<|endoftext|>", 1, 0);
    assert_text(t, "", true, 1, 0);
    assert_text(t, "<|endoftext|>", false, 1, 0);
    assert_int_equal(fb_tokenizer_pad(t), 0);
    fb_tokenizer_close(t);
}

/* With tokenizer.json alone no token is there by default. */
static void test_texts_are_padded_with_what_there_is(void **state) {
    static const char *const config[] = {
        "{}", "{\"eos_token\": \"a\"}", "{\"eos_token\": \"a\", \"unk_token\": \"b\"}",
        "{\"eos_token\": \"a\", \"unk_token\": \"b\", \"pad_token\": \"c\"}"};

    (void)state;
    for (int i = 0; i < 4; i++) {
        char *folder = new_folder(), name[2] = {(char)('a' + i - 1)};
        struct fb_tokenizer *t;
        put_file(folder, "tokenizer.json",
                 "{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}, "
                 "\"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", "
                 "\"vocab\": {\"a\": 0, \"b\": 1, \"c\": 2}, \"merges\": []}}");
        put_file(folder, "tokenizer_config.json", config[i]);
        t = open_folder(folder);
        assert_int_equal(fb_tokenizer_pad(t), i ? fb_tokenizer_id(t, name) : -1);
        fb_tokenizer_close(t);
        remove_folder(folder);
    }
}

static void test_new_special_token_takes_the_next_id(void **state) {
    struct fb_tokenizer *t = open_folder(SMALL), *more;
    int64_t size = fb_tokenizer_size(t);

    (void)state;
    more =
        with_file("tokenizer_config.json", "{\"pad_token\": \"[PAD]\", \"sep_token\": \"[SEP]\"}");
    assert_int_equal(fb_tokenizer_size(more), size + 2);
    assert_int_equal(fb_tokenizer_id(more, "[SEP]"), size);
    assert_int_equal(fb_tokenizer_id(more, "[PAD]"), size + 1);
    assert_int_equal(fb_tokenizer_pad(more), size + 1);
    assert_int_equal(fb_tokenizer_id(t, "[PAD]"), -1);
    fb_tokenizer_close(t);
    fb_tokenizer_close(more);
}

static void test_added_token_stands_apart_when_decoded(void **state) {
    struct fb_tokenizer *t = with_file("added_tokens.json", "{\"<x>\": 400}");
    int32_t a = fb_tokenizer_id(t, "a");

    (void)state;
    assert_text(t, "a <x> a", false, 3, a, 400, a);
    assert_text(t, "a <x> a", true, 3, a, 400, a);
    fb_tokenizer_close(t);
}

static void test_token_whose_id_another_took_is_forgotten(void **state) {
    struct fb_tokenizer *t = with_file(
        "tokenizer_config.json", "{\"added_tokens_decoder\": {\"400\": {\"content\": \"<x>\"}, "
                                 "\"+400\": {\"content\": \"<y>\"}}}");

    (void)state;
    assert_int_equal(fb_tokenizer_id(t, "<x>"), -1);
    assert_int_equal(fb_tokenizer_id(t, "<y>"), 400);
    fb_tokenizer_close(t);
}

static void test_bos_is_put_before_each_segment(void **state) {
    struct fb_tokenizer *t = with_file("tokenizer_config.json", "{\"add_bos_token\": true}");
    struct fb_err err = {0};
    struct fb_ids ids = {0};

    (void)state;
    assert_int_equal(fb_tokenizer_encode_pair(t, &ids, "a", 1, "b", 1, 0, &err), FB_OK);
    assert_int_equal(ids.count, 4);
    assert_int_equal(ids.id[0], 0);
    assert_int_equal(ids.id[2], 0);
    fb_ids_free(&ids);
    fb_tokenizer_close(t);
}

static void test_bad_files_are_refused(void **state) {
    (void)state;
    assert_file_refused("added_tokens.json", "{\"<x>\": -3}",
                        "added_tokens.json: added token '<x>' has the id -3, limit 0 to 16777215");
    assert_file_refused("added_tokens.json", "{\"<x>\": \"3\"}",
                        "added_tokens.json: the id of '<x>' is not a whole number");
    assert_file_refused("special_tokens_map.json", "{\"pad_token\": 3}",
                        "special_tokens_map.json: pad_token: is neither a string nor an object");
    assert_file_refused("special_tokens_map.json", "{\"additional_special_tokens\": [{}]}",
                        "special_tokens_map.json: additional_special_tokens: item 0: has no string "
                        "'content'");
    assert_file_refused("tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {}}}",
                        "tokenizer_config.json: added_tokens_decoder: 'x' is not an id");
    assert_file_refused("tokenizer_config.json",
                        "{\"added_tokens_decoder\": {\"99999999\": {\"content\": \"a\"}}}",
                        "tokenizer_config.json: added_tokens_decoder: added token 'a' has the id "
                        "99999999, limit 0 to 16777215");
    assert_file_refused("tokenizer_config.json",
                        "{\"eos_token\": {\"content\": \"a\", \"lstrip\": 1}}",
                        "tokenizer_config.json: eos_token: lstrip is not true or false");
    assert_file_refused("tokenizer_config.json", "{\"add_bos_token\": true, \"bos_token\": null}",
                        "add_bos_token is true but there is no bos_token");
    assert_file_refused("tokenizer.json", "{\"added_tokens\": [{\"content\": \"a\"}]}",
                        "tokenizer.json: added_tokens: item 0 has no whole number 'id'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_special_token_is_recognised),
        cmocka_unit_test(test_texts_are_padded_with_what_there_is),
        cmocka_unit_test(test_new_special_token_takes_the_next_id),
        cmocka_unit_test(test_added_token_stands_apart_when_decoded),
        cmocka_unit_test(test_token_whose_id_another_took_is_forgotten),
        cmocka_unit_test(test_bos_is_put_before_each_segment),
        cmocka_unit_test(test_bad_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
