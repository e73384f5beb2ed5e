/* The real GPT-2 vocabulary, where it is at hand. */
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_golden_strings),
    };

    if (!fb_is_dir(REAL)) {
        printf("SKIPPED: no shared data\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
