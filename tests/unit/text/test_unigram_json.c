#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "scratch.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <string.h>

/* A whole tokenizer.json of three pieces, with one part replaced. */
static int open_with(const char *normalizer, const char *words, const char *post, const char *model,
                     struct fb_err *err) {
    static char text[4096];
    struct fb_tokenizer *t = NULL;
    const char *folder = scratch_make();
    size_t n = strlen(folder);
    char *at;
    int rc;

    snprintf(text, sizeof text,
             "{\"normalizer\": %s, \"pre_tokenizer\": %s, \"post_processor\": %s, \"model\": %s, "
             "\"added_tokens\": []}",
             normalizer ? normalizer : "null", words ? words : "{\"type\": \"Metaspace\"}",
             post ? post : "null",
             model ? model
                   : "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"<unk>\", 0.0], "
                     "[\"a\", -1.0], [\"</s>\", 0.0]]}");
    *err = (struct fb_err){0};
    rc = fb_tokenizer_open(&t, scratch_write("tokenizer.json", text), err);
    while ((at = strstr(err->msg, folder)))
        memmove(at, at + n, strlen(at + n) + 1);
    fb_tokenizer_close(t);
    scratch_remove();
    return rc;
}

#define WHERE "tokenizer '/tokenizer.json': "

static void test_what_would_change_ids_is_refused_by_name(void **state) {
    static const struct {
        const char *normalizer, *words, *post, *model, *message;
    } cases[] = {
        {"{\"type\": \"NFD\"}", NULL, NULL, NULL,
         "normalizer 'NFD' is not available in this build"},
        {"{\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}, \"content\": \"b\"}", NULL,
         NULL, NULL,
         "normalizer 'Replace' other than of ' {2,}' by a space is not available in this build"},
        {"{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"!\"}", NULL, NULL, NULL,
         "'precompiled_charsmap' is not base64"},
        {"{\"type\": \"Precompiled\"}", NULL, NULL, NULL, "'precompiled_charsmap' is not a string"},
        {"{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"/////w==\"}", NULL, NULL, NULL,
         "character map: an array of 4294967295 bytes in 4"},
        {NULL, "{\"type\": \"Digits\"}", NULL, NULL,
         "pre-tokenizer 'Digits' is not available in this build"},
        {NULL, "{\"type\": \"Sequence\", \"pretokenizers\": []}", NULL, NULL,
         "pre-tokenizer without Metaspace is not available in this build"},
        {NULL, "{\"type\": \"Metaspace\", \"replacement\": \"_\"}", NULL, NULL,
         "Metaspace with another mark than U+2581"},
        {NULL, "{\"type\": \"Metaspace\", \"split\": false}", NULL, NULL,
         "Metaspace with split false is not available in this build"},
        {NULL, "{\"type\": \"Metaspace\", \"prepend_scheme\": \"last\"}", NULL, NULL,
         "prepend_scheme 'last'"},
        {NULL, NULL, "{\"type\": \"BertProcessing\"}", NULL,
         "post-processor 'BertProcessing' is not available in this build"},
        {NULL, NULL, "{\"type\": \"TemplateProcessing\", \"single\": []}", NULL,
         "a template other than the text and one token is not available in this build"},
        {NULL, NULL, NULL, "{\"type\": \"Unigram\", \"unk_id\": 3, \"vocab\": [[\"a\", 0]]}",
         "'unk_id' is not the number of a piece"},
        {NULL, NULL, NULL, "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\"]]}",
         "vocab entry 0 is not a string and a score"},
        {NULL, NULL, NULL, "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": {}}",
         "'vocab' is not a list"},
        {NULL, NULL, NULL, "{\"type\": \"Unigram\", \"byte_fallback\": true}",
         "byte_fallback is not available in this build"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[512];
        struct fb_err err;
        assert_true(open_with(cases[i].normalizer, cases[i].words, cases[i].post, cases[i].model,
                              &err) < 0);
        snprintf(want, sizeof want, WHERE "%s", cases[i].message);
        assert_string_equal(err.msg, want);
    }
}

static void test_the_smallest_file_opens(void **state) {
    struct fb_err err;

    (void)state;
    assert_int_equal(open_with(NULL, NULL, NULL, NULL, &err), FB_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_would_change_ids_is_refused_by_name),
        cmocka_unit_test(test_the_smallest_file_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
