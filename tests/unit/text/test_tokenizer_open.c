#include "text/tokenizer_parts.h"

#include "alloc_faults.h"
#include "folder.h"

static void assert_refused_with(const char *name, const char *content, int code,
                                const char *message) {
    char *folder = new_folder();

    copy_files(folder, SMALL);
    put_file(folder, name, content);
    assert_refused(folder, code, message);
    remove_folder(folder);
}

static void test_missing_files_are_named(void **state) {
    char *folder = new_folder();

    (void)state;
    assert_refused(
        folder, FB_ENOTFOUND,
        "has neither vocab.json with merges.txt, nor a spiece.model, nor a tokenizer.json");
    copy_file(folder, SMALL, "vocab.json");
    assert_refused(
        folder, FB_ENOTFOUND,
        "has neither vocab.json with merges.txt, nor a spiece.model, nor a tokenizer.json");
    remove_folder(folder);
    assert_refused("/no/such/place", FB_ENOTFOUND, "cannot open: No such file or directory");
}

static void test_tokenizer_json_alone_is_enough(void **state) {
    char *folder = new_folder();
    struct fb_tokenizer *t;

    (void)state;
    copy_file(folder, SMALL, "tokenizer.json");
    t = open_folder(folder);
    assert_ids(t, "<|endoftext|>", 1, 0);
    fb_tokenizer_close(t);
    remove_folder(folder);
}

static void test_other_class_needs_a_tokenizer_json(void **state) {
    char *folder = new_folder();
    struct fb_tokenizer *t;

    (void)state;
    copy_file(folder, SMALL, "vocab.json");
    copy_file(folder, SMALL, "merges.txt");
    put_file(folder, "tokenizer_config.json", "{\"tokenizer_class\": \"RobertaTokenizer\"}");
    assert_refused(folder, FB_EUNSUPPORTED,
                   "tokenizer_class 'RobertaTokenizer' is not available in this build, and there "
                   "is no tokenizer.json");
    copy_file(folder, SMALL, "tokenizer.json");
    t = open_folder(folder);
    fb_tokenizer_close(t);
    remove_folder(folder);
}

static void test_damaged_files_are_refused_with_their_place(void **state) {
    (void)state;
    assert_refused_with("vocab.json", "{\"a\": 1,\n \"b\" 2}", FB_EFORMAT,
                        "vocab.json: 2:6: ':' expected near '2'");
    assert_refused_with("vocab.json", "", FB_EFORMAT,
                        "vocab.json: 1:0: '[' or '{' expected near end of file");
    assert_refused_with("vocab.json", "[]", FB_EFORMAT,
                        "vocab.json: the vocabulary is not an object of pieces and ids");
    assert_refused_with("merges.txt", "\xff\n", FB_EFORMAT, "merges.txt: the merges are not UTF-8");
    assert_refused_with("tokenizer_config.json", "[]", FB_EFORMAT,
                        "tokenizer_config.json: is not an object");
    assert_refused_with("tokenizer_config.json", "{\"add_prefix_space\": 1}", FB_EFORMAT,
                        "tokenizer_config.json: add_prefix_space is not true or false");
    assert_refused_with("tokenizer_config.json", "{\"truncation_side\": \"up\"}", FB_EUNSUPPORTED,
                        "tokenizer_config.json: truncation_side is 'up', expected 'right' or "
                        "'left'");
    assert_refused_with("tokenizer_config.json", "{\"errors\": \"strict\"}", FB_EUNSUPPORTED,
                        "tokenizer_config.json: errors is 'strict', expected 'replace' or "
                        "'ignore'");
}

static void test_deep_json_is_refused(void **state) {
    char *deep = malloc(100001);

    (void)state;
    memset(deep, '[', 100000);
    deep[100000] = '\0';
    assert_refused_with("tokenizer_config.json", deep, FB_EFORMAT,
                        "tokenizer_config.json: 1:2049: maximum parsing depth reached near '['");
    free(deep);
}

static void test_huge_integers_in_the_configuration_are_fine(void **state) {
    char *folder = new_folder();
    struct fb_tokenizer *t;

    (void)state;
    copy_files(folder, SMALL);
    put_file(folder, "tokenizer_config.json",
             "{\"model_max_length\": 1000000000000000019884624838656}");
    t = open_folder(folder);
    fb_tokenizer_close(t);
    remove_folder(folder);
}

static int open_and_close(void *arg) {
    struct fb_err err = {0};
    struct fb_tokenizer *t;
    int rc = fb_tokenizer_open(&t, arg, &err);

    fb_tokenizer_close(t);
    return rc;
}

static void test_memory_failure_is_reported(void **state) {
    char *folder = new_folder();

    (void)state;
    put_file(folder, "vocab.json", "{\"a\": 0, \"b\": 1, \"<|endoftext|>\": 2}");
    put_file(folder, "merges.txt", "#\na b\n");
    put_file(folder, "added_tokens.json", "{\"<x>\": 5}");
    put_file(folder, "special_tokens_map.json",
             "{\"pad_token\": \"<p>\", \"additional_special_tokens\": [\"<q>\"]}");
    put_file(folder, "tokenizer_config.json", "{\"add_bos_token\": true}");
    assert_true(for_each_allocation_failure(open_and_close, folder, 2000) > 260);
    remove_folder(folder);
    folder = new_folder();
    put_file(
        folder, "tokenizer.json",
        "{\"added_tokens\": [{\"id\": 1, \"content\": \"<x>\"}], \"pre_tokenizer\": {\"type\": "
        "\"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"String\": "
        "\"x.y\"}, \"behavior\": \"Isolated\"}, {\"type\": \"ByteLevel\"}]}, \"model\": "
        "{\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a b\"]}}");
    assert_true(for_each_allocation_failure(open_and_close, folder, 2000) > 260);
    remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_files_are_named),
        cmocka_unit_test(test_tokenizer_json_alone_is_enough),
        cmocka_unit_test(test_other_class_needs_a_tokenizer_json),
        cmocka_unit_test(test_damaged_files_are_refused_with_their_place),
        cmocka_unit_test(test_deep_json_is_refused),
        cmocka_unit_test(test_huge_integers_in_the_configuration_are_fine),
        cmocka_unit_test(test_memory_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
