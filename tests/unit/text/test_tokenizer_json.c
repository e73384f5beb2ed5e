#include "text/tokenizer_parts.h"

#include "folder.h"
#include "golden.h"

#define BYTES "\"pre_tokenizer\": {\"type\": \"ByteLevel\"}"
#define MODEL(more)                                                                                \
    "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, " more "}"

static int read_text(struct fb_tokenizer *t, const char *json, struct fb_err *err) {
    json_error_t where;
    json_t *root = json_loads(json, 0, &where);
    int rc;

    if (!root) fail_msg("%s", where.text);
    rc = fb_tokenizer_read_json(t, root, err);
    json_decref(root);
    return rc;
}

static void assert_bad(const char *json, int code, const char *message) {
    struct fb_err err = {0};
    struct fb_tokenizer *t = calloc(1, sizeof *t);

    assert_int_equal(read_text(t, json, &err), code);
    assert_string_equal(err.msg, message);
    fb_tokenizer_close(t);
}

static void assert_good(const char *json) {
    struct fb_err err = {0};
    struct fb_tokenizer *t = calloc(1, sizeof *t);

    if (read_text(t, json, &err)) fail_msg("%s", err.msg);
    fb_tokenizer_close(t);
}

/* Opens a tokenizer.json given as text. */
static struct fb_tokenizer *open_text(const char *json) {
    char *folder = new_folder(), path[1024];
    struct fb_tokenizer *t;

    put_file(folder, "tokenizer.json", json);
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    t = open_folder(path);
    remove_folder(folder);
    return t;
}

static void test_file_gives_the_ids_of_its_folder(void **state) {
    struct fb_tokenizer *folder = open_folder(SMALL), *file = open_folder(SMALL "/tokenizer.json");
    struct golden_pool pool;
    struct golden_random r = {5};
    struct fb_str text = {0};
    struct fb_err err = {0};

    (void)state;
    golden_read_pool(&pool);
    for (int i = 0; i < 500; i++) {
        struct fb_ids a = {0}, b = {0};
        golden_text(&r, &pool, &text);
        assert_int_equal(fb_tokenizer_encode(folder, &a, fb_str_text(&text), text.size, true, &err),
                         FB_OK);
        assert_int_equal(fb_tokenizer_encode(file, &b, fb_str_text(&text), text.size, true, &err),
                         FB_OK);
        assert_int_equal(a.count, b.count);
        for (int64_t k = 0; k < a.count; k++)
            assert_int_equal(a.id[k], b.id[k]);
        fb_ids_free(&a);
        fb_ids_free(&b);
    }
    fb_str_free(&text);
    fb_tokenizer_close(folder);
    fb_tokenizer_close(file);
}

static void test_merges_are_strings_or_pairs(void **state) {
    struct fb_tokenizer *t;

    (void)state;
    t = open_text("{" BYTES ", " MODEL("\"merges\": [\"a b\"]") "}");
    assert_ids(t, "ab", 1, 2);
    fb_tokenizer_close(t);
    t = open_text("{" BYTES ", " MODEL("\"merges\": [[\"a\", \"b\"]]") "}");
    assert_ids(t, "ab", 1, 2);
    fb_tokenizer_close(t);
}

static void test_vocabulary_word_that_no_merge_reaches_is_taken_apart(void **state) {
    struct fb_tokenizer *t = open_text("{" BYTES ", " MODEL("\"merges\": []") "}");

    (void)state;
    assert_ids(t, "ab", 2, 0, 1);
    fb_tokenizer_close(t);
    t = open_text("{" BYTES ", " MODEL("\"merges\": [], \"ignore_merges\": true") "}");
    assert_ids(t, "ab", 1, 2);
    fb_tokenizer_close(t);
}

static void test_split_patterns_cut_before_the_merges(void **state) {
    struct fb_tokenizer *t = open_text(
        "{\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": ["
        "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"b+\"}, \"behavior\": \"Isolated\"}, "
        "{\"type\": \"Split\", \"pattern\": {\"String\": \"aa\"}, \"behavior\": \"Isolated\"}, "
        "{\"type\": \"ByteLevel\", \"use_regex\": false}]}, "
        "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2, \"bb\": 3, "
        "\"aa\": "
        "4, \"aaa\": 5}, \"merges\": [\"a b\", \"b b\", \"a a\", \"aa a\"]}}");

    (void)state;
    assert_ids(t, "abba", 3, 0, 3, 0);
    assert_ids(t, "aaab", 3, 4, 0, 1);
    fb_tokenizer_close(t);
}

static void test_prefix_space_goes_before_each_stretch_without_one(void **state) {
    struct fb_tokenizer *t = open_text(
        "{\"added_tokens\": [{\"id\": 9, \"content\": \"<x>\", \"special\": true}], "
        "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true}, "
        "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"Ġ\": 1}, \"merges\": []}}");

    (void)state;
    assert_ids(t, "a", 2, 1, 0);
    assert_ids(t, " a", 2, 1, 0);
    assert_ids(t, "a<x>a", 5, 1, 0, 9, 1, 0);
    assert_text(t, " a<x>", false, 3, 1, 0, 9);
    assert_text(t, " a", true, 3, 1, 0, 9);
    fb_tokenizer_close(t);
}

static void test_unknown_token_of_the_model_stands_in(void **state) {
    struct fb_tokenizer *t =
        open_text("{" BYTES ", " MODEL("\"merges\": [], \"unk_token\": \"b\"") "}");

    (void)state;
    assert_ids(t, "az", 2, 0, 1);
    fb_tokenizer_close(t);
}

static void test_old_file_without_a_model_type_is_read(void **state) {
    (void)state;
    assert_good("{" BYTES ", \"model\": {\"vocab\": {}, \"merges\": []}}");
}

static void test_other_models_are_refused_by_name(void **state) {
    (void)state;
    assert_bad("{\"model\": {\"type\": \"Unigram\"}}", FB_EUNSUPPORTED,
               "model type 'Unigram' is not available in this build");
    assert_bad("{\"model\": {\"type\": \"WordPiece\"}}", FB_EUNSUPPORTED,
               "model type 'WordPiece' is not available in this build");
    assert_bad("{" MODEL("\"end_of_word_suffix\": \"</w>\"") "}", FB_EUNSUPPORTED,
               "end_of_word_suffix '</w>' is not available in this build");
    assert_bad("{" MODEL("\"dropout\": 0.1") "}", FB_EUNSUPPORTED,
               "model with dropout is not available in this build");
    assert_bad("{" MODEL("\"byte_fallback\": true") "}", FB_EUNSUPPORTED,
               "model with byte_fallback is not available in this build");
}

static void test_other_steps_are_refused_by_name(void **state) {
#define WITH(more) "{" MODEL("\"merges\": []") ", " more "}"
    (void)state;
    assert_bad(WITH("\"normalizer\": {\"type\": \"NFC\"}, " BYTES), FB_EUNSUPPORTED,
               "normalizer 'NFC' is not available in this build");
    assert_bad(WITH("\"pre_tokenizer\": {\"type\": \"Metaspace\"}"), FB_EUNSUPPORTED,
               "pre-tokenizer 'Metaspace' is not available in this build");
    assert_bad(WITH("\"pre_tokenizer\": null"), FB_EUNSUPPORTED,
               "pre-tokenizer '' is not available in this build");
    assert_bad(WITH("\"decoder\": {\"type\": \"WordPiece\"}, " BYTES), FB_EUNSUPPORTED,
               "decoder 'WordPiece' is not available in this build");
    assert_bad(WITH("\"post_processor\": {\"type\": \"TemplateProcessing\"}, " BYTES),
               FB_EUNSUPPORTED,
               "post-processor 'TemplateProcessing' is not available in this build");
    assert_bad(WITH("\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"a\"}, "
                    "\"behavior\": \"Removed\"}"),
               FB_EUNSUPPORTED, "Split with behavior 'Removed' is not available in this build");
    assert_bad(WITH("\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(\"}, "
                    "\"behavior\": \"Isolated\"}"),
               FB_EFORMAT, "pattern, byte 1: missing closing parenthesis");
    assert_bad(WITH("\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": []}"),
               FB_EUNSUPPORTED, "pre-tokenizer without ByteLevel is not available in this build");
}

static void test_damaged_models_are_refused(void **state) {
    (void)state;
    assert_bad("{}", FB_EFORMAT, "has no object 'model'");
    assert_bad("[]", FB_EFORMAT, "is not an object");
    assert_bad("{" MODEL("\"merges\": 3") "}", FB_EFORMAT, "'merges' is not a list");
    assert_bad("{" MODEL("\"merges\": [\"ab\"]") "}", FB_EFORMAT,
               "merge 0 is not a pair of strings");
    assert_bad("{" MODEL("\"merges\": [\"a b c\"]") "}", FB_EFORMAT,
               "merge 0 is not a pair of strings");
    assert_bad("{" MODEL("\"merges\": [[\"a\", 1]]") "}", FB_EFORMAT,
               "merge 0 is not a pair of strings");
    assert_bad("{\"model\": {\"type\": \"BPE\"}}", FB_EFORMAT,
               "the vocabulary is not an object of pieces and ids");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_gives_the_ids_of_its_folder),
        cmocka_unit_test(test_merges_are_strings_or_pairs),
        cmocka_unit_test(test_vocabulary_word_that_no_merge_reaches_is_taken_apart),
        cmocka_unit_test(test_split_patterns_cut_before_the_merges),
        cmocka_unit_test(test_prefix_space_goes_before_each_stretch_without_one),
        cmocka_unit_test(test_unknown_token_of_the_model_stands_in),
        cmocka_unit_test(test_old_file_without_a_model_type_is_read),
        cmocka_unit_test(test_other_models_are_refused_by_name),
        cmocka_unit_test(test_other_steps_are_refused_by_name),
        cmocka_unit_test(test_damaged_models_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
