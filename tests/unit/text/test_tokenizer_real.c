/* The real GPT-2 vocabulary, where it is at hand. */
#include "data/dataset.h"
#include "text/tokenizer.h"

#include "folder.h"
#include "golden.h"

#define REAL FB_SHARED_DATA "/tokenizers/gpt2"

static int32_t next_number(const char **p) {
    char *end;
    long value = strtol(*p, &end, 10);

    *p = end;
    return (int32_t)value;
}

/* golden.inp holds texts between lines "__ggml_vocab_test__", golden.out a line of ids for each. */
static void test_real_golden_strings(void **state) {
    static const char mark[] = "\n__ggml_vocab_test__\n";
    struct fb_err err = {0};
    struct fb_map in, out;
    struct fb_tokenizer *t;
    struct fb_ids ids = {0};
    int count = 0;

    (void)state;
    t = open_folder(REAL);
    assert_int_equal(fb_map_open(&in, REAL "/golden.inp", &err), FB_OK);
    assert_int_equal(fb_map_open(&out, REAL "/golden.out", &err), FB_OK);
    {
        struct fb_str texts = {0}, numbers = {0};
        const char *text, *line;
        assert_int_equal(fb_str_append(&texts, in.data, in.size, &err), FB_OK);
        assert_int_equal(fb_str_append(&numbers, out.data, out.size, &err), FB_OK);
        text = texts.data;
        line = numbers.data;
        for (const char *end; (end = strstr(text, mark)); text = end + strlen(mark), count++) {
            const char *stop = strchr(line, '\n');
            ids.count = 0;
            assert_int_equal(fb_tokenizer_encode(t, &ids, text, (size_t)(end - text), true, &err),
                             FB_OK);
            for (int64_t i = 0; i < ids.count; i++)
                assert_int_equal(ids.id[i], next_number(&line));
            assert_int_equal(strspn(line, " "), stop - line);
            line = stop + 1;
        }
        fb_str_free(&texts);
        fb_str_free(&numbers);
    }
    assert_int_equal(count, 46);
    fb_ids_free(&ids);
    fb_map_close(&in);
    fb_map_close(&out);
    fb_tokenizer_close(t);
}

static uint64_t digest_task(const struct fb_tokenizer *t, const char *path, const char *first,
                            const char *second, int64_t *rows) {
    struct fb_err err = {0};
    struct fb_dataset data;
    struct fb_encoder *e;
    struct fb_ids ids = {0};
    const struct fb_column *a, *b = NULL;
    uint64_t digest = GOLDEN_DIGEST_START;

    if (fb_dataset_open(&data, path, -1, &err)) fail_msg("%s", err.msg);
    assert_int_equal(fb_encoder_open(&e, t, &err), FB_OK);
    assert_non_null(a = fb_dataset_column(&data, first, &err));
    if (second) assert_non_null(b = fb_dataset_column(&data, second, &err));
    for (int64_t row = 0; row < data.rows; row++) {
        size_t size = 0, pair_size = 0;
        const char *text = fb_column_text(a, row, &size);
        const char *pair = b ? fb_column_text(b, row, &pair_size) : NULL;
        ids.count = 0;
        assert_int_equal(
            fb_encoder_encode_pair(e, &ids, text, size, pair, pair_size, 64, true, &err), FB_OK);
        for (int64_t i = 0; i < ids.count; i++)
            digest = golden_digest(digest, ids.id[i]);
        digest = golden_digest(digest, -1);
    }
    *rows = data.rows;
    fb_ids_free(&ids);
    fb_encoder_close(e);
    fb_dataset_free(&data);
    return digest;
}

/* All rows of three validation sets, cut to 64 ids. */
static void test_glue_gives_the_ids_of_the_reference(void **state) {
    static const char *const tasks[][3] = {{"cola", "sentence", NULL},
                                           {"mrpc", "sentence1", "sentence2"},
                                           {"rte", "sentence1", "sentence2"}};
    struct fb_tokenizer *t = open_folder(REAL);
    char path[512];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        int64_t rows;
        uint64_t digest;
        snprintf(path, sizeof path, FB_SHARED_DATA "/glue/%s/validation-00000-of-00001.parquet",
                 tasks[i][0]);
        digest = digest_task(t, path, tasks[i][1], tasks[i][2], &rows);
        assert_int_equal(digest, golden_expected("glue.txt", tasks[i][0], (uint64_t)rows));
    }
    fb_tokenizer_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_golden_strings),
        cmocka_unit_test(test_glue_gives_the_ids_of_the_reference),
    };

    if (!fb_is_dir(REAL) || !fb_is_dir(FB_SHARED_DATA "/glue")) {
        printf("SKIPPED: no shared data\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
