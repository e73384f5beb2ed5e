#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/map.h"
#include "scratch.h"
#include "text/tokenizer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define GOLDEN FB_GOLDEN_DIR "/text/t5"

static struct fb_tokenizer *open(const char *folder) {
    struct fb_tokenizer *t;
    struct fb_err err = {0};
    char path[512];

    snprintf(path, sizeof path, GOLDEN "/%s", folder);
    if (fb_tokenizer_open(&t, path, &err)) fail_msg("%s", err.msg);
    return t;
}

static void check_case(const json_t *c) {
    const json_t *text = json_object_get(c, "text"), *want = json_object_get(c, "ids");
    struct fb_tokenizer *t = open(json_string_value(json_object_get(c, "folder")));
    struct fb_err err = {0};
    struct fb_ids ids = {0};
    struct fb_str decoded = {0}, plain = {0};

    assert_int_equal(fb_tokenizer_encode_pair(t, &ids, json_string_value(text),
                                              json_string_length(text), NULL, 0, 0, &err),
                     FB_OK);
    assert_int_equal(ids.count, json_array_size(want));
    for (int64_t i = 0; i < ids.count; i++)
        assert_int_equal(ids.id[i], json_integer_value(json_array_get(want, (size_t)i)));
    assert_int_equal(fb_tokenizer_decode(t, &decoded, ids.id, ids.count, false, &err), FB_OK);
    assert_int_equal(fb_tokenizer_decode(t, &plain, ids.id, ids.count, true, &err), FB_OK);
    assert_string_equal(fb_str_text(&decoded), json_string_value(json_object_get(c, "decoded")));
    assert_string_equal(fb_str_text(&plain), json_string_value(json_object_get(c, "plain")));
    fb_ids_free(&ids);
    fb_str_free(&decoded);
    fb_str_free(&plain);
    fb_tokenizer_close(t);
}

static void test_ids_and_texts_are_those_of_t5_tokenizer_fast(void **state) {
    struct fb_err err = {0};
    struct fb_map file;
    int cases = 0;

    (void)state;
    assert_int_equal(fb_map_open(&file, GOLDEN "/cases.jsonl", &err), FB_OK);
    for (size_t at = 0; at < file.size; cases++) {
        const char *line = (const char *)file.data + at, *end = memchr(line, '\n', file.size - at);
        json_t *c = json_loadb(line, (size_t)(end - line), 0, NULL);
        assert_non_null(c);
        check_case(c);
        json_decref(c);
        at += (size_t)(end - line) + 1;
    }
    assert_int_equal(cases, 56);
    fb_map_close(&file);
}

/* "the the the" in three ids and one at the end. */
static void test_truncation_keeps_the_end_token(void **state) {
    struct fb_tokenizer *t = open("spiece");
    struct fb_err err = {0};
    struct fb_ids whole = {0}, cut = {0}, pair = {0};

    (void)state;
    assert_int_equal(fb_tokenizer_encode_pair(t, &whole, "the the the", 11, NULL, 0, 0, &err),
                     FB_OK);
    assert_int_equal(fb_tokenizer_encode_pair(t, &cut, "the the the", 11, NULL, 0, 3, &err), FB_OK);
    assert_int_equal(cut.count, 3);
    assert_int_equal(cut.id[0], whole.id[0]);
    assert_int_equal(cut.id[2], 1);
    assert_int_equal(fb_tokenizer_encode_pair(t, &pair, "the the the", 11, "the", 3, 4, &err),
                     FB_OK);
    assert_int_equal(pair.count, 4);
    assert_int_equal(pair.id[1], 1);
    assert_int_equal(pair.id[3], 1);
    fb_ids_free(&whole);
    fb_ids_free(&cut);
    fb_ids_free(&pair);
    fb_tokenizer_close(t);
}

static void test_ids_beyond_the_vocabulary_decode_to_nothing(void **state) {
    struct fb_tokenizer *t = open("spiece");
    const int32_t ids[] = {fb_tokenizer_id(t, "<extra_id_0>"), 100000, 0};
    struct fb_err err = {0};
    struct fb_str out = {0};

    (void)state;
    assert_int_equal(fb_tokenizer_size(t), 195);
    assert_int_equal(ids[0], 194);
    assert_int_equal(fb_tokenizer_decode(t, &out, ids, 3, false, &err), FB_OK);
    assert_string_equal(fb_str_text(&out), "<extra_id_0><pad>");
    fb_str_free(&out);
    fb_tokenizer_close(t);
}

static int open_changed(const char *config, struct fb_err *err) {
    struct fb_tokenizer *t = NULL;
    struct fb_map file;
    const char *folder = scratch_make();
    FILE *out = fopen(scratch_path("spiece.model"), "wb");
    size_t n = strlen(folder);
    char *at;
    int rc;

    *err = (struct fb_err){0};
    assert_non_null(out);
    assert_int_equal(fb_map_open(&file, GOLDEN "/spiece/spiece.model", err), FB_OK);
    assert_int_equal(fwrite(file.data, 1, file.size, out), file.size);
    fclose(out);
    fb_map_close(&file);
    scratch_write("tokenizer_config.json", config);
    rc = fb_tokenizer_open(&t, folder, err);
    while ((at = strstr(err->msg, folder)))
        memmove(at, at + n, strlen(at + n) + 1);
    fb_tokenizer_close(t);
    scratch_remove();
    return rc;
}

static void test_wrong_settings_are_named(void **state) {
    static const char *const cases[][2] = {
        {"{\"extra_ids\": -1}", "tokenizer '': spiece.model: extra_ids is -1, limit 0 to 65536"},
        {"{\"added_tokens_decoder\": {\"x\": {\"content\": \"a\"}}}",
         "tokenizer '': added_tokens_decoder: 'x' is no token"},
        {"{\"additional_special_tokens\": [3]}",
         "tokenizer '': additional_special_tokens: entry 0 is no token"},
    };
    struct fb_err err;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(open_changed(cases[i][0], &err), FB_EFORMAT);
        assert_string_equal(err.msg, cases[i][1]);
    }
    assert_int_equal(open_changed("{\"extra_ids\": 5, \"legacy\": false}", &err), FB_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_and_texts_are_those_of_t5_tokenizer_fast),
        cmocka_unit_test(test_truncation_keeps_the_end_token),
        cmocka_unit_test(test_ids_beyond_the_vocabulary_decode_to_nothing),
        cmocka_unit_test(test_wrong_settings_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
