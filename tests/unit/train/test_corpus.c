#include "train/corpus.h"

#include "alloc_faults.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct fb_tokenizer *tokenizer;
static struct fb_encoder *encoder;

static int setup(void **state) {
    struct fb_err err = {0};

    (void)state;
    scratch_make();
    assert_int_equal(fb_tokenizer_open(&tokenizer, "embedded:demo/gpt2/tokenizer", &err), FB_OK);
    assert_int_equal(fb_encoder_open(&encoder, tokenizer, &err), FB_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    fb_encoder_close(encoder);
    fb_tokenizer_close(tokenizer);
    scratch_remove();
    return 0;
}

static struct fb_corpus_source file(const char *name, const char *text) {
    return (struct fb_corpus_source){.file = scratch_write(name, text), .limit = -1};
}

/* The ids of a sequence are those of a text. */
static void assert_ids(const struct fb_sequences *s, int64_t i, const char *text, int32_t end) {
    struct fb_ids ids = {0};
    struct fb_err err = {0};

    assert_int_equal(
        fb_encoder_encode_pair(encoder, &ids, text, strlen(text), NULL, 0, 0, true, &err), FB_OK);
    if (end >= 0) assert_int_equal(fb_ids_push(&ids, &end, 1, &err), FB_OK);
    assert_int_equal(s->offset[i + 1] - s->offset[i], ids.count);
    assert_memory_equal(s->id + s->offset[i], ids.id, (size_t)ids.count * sizeof *ids.id);
    fb_ids_free(&ids);
}

static const char *open_error(enum fb_objective objective, const struct fb_corpus_source *from,
                              struct fb_err *err) {
    struct fb_corpus c;

    assert_int_not_equal(fb_corpus_open(&c, objective, from, err), FB_OK);
    fb_corpus_free(&c);
    return err->msg;
}

static void test_labels_that_are_names_become_numbers_in_bytewise_order(void **state) {
    struct fb_corpus_source from =
        file("a.tsv", "review\tmood\nThe film is dull\tsad\nA dog sleeps\tcalm\nno\tsad\n");
    struct fb_corpus_source other = file("b.tsv", "review\tmood\nx\tcalm\ny\tangry\n");
    static const char *const columns[] = {"review"};
    struct fb_corpus_coding how = {.encoder = encoder, .max_length = 512, .pad = -1};
    struct fb_arena arena = {0};
    struct fb_classes classes;
    struct fb_corpus c;
    struct fb_err err = {0};
    char want[600];

    (void)state;
    from.text_columns = other.text_columns = (struct fb_texts){columns, 1};
    from.label_column = other.label_column = "mood";
    assert_int_equal(fb_corpus_open(&c, FB_CLASSIFICATION, &from, &err), FB_OK);
    assert_int_equal(fb_classes_find(&classes, &c, &arena, &err), FB_OK);
    assert_int_equal(classes.count, 2);
    assert_string_equal(classes.name[0], "calm");
    assert_int_equal(fb_corpus_label(&c, &classes, &err), FB_OK);
    assert_int_equal(fb_corpus_encode(&c, &how, &err), FB_OK);
    assert_int_equal(c.input.count, 3);
    assert_ids(&c.input, 0, "The film is dull", -1);
    assert_int_equal(c.label[0], 1);
    assert_int_equal(c.label[1], 0);
    fb_corpus_free(&c);

    assert_int_equal(fb_corpus_open(&c, FB_CLASSIFICATION, &other, &err), FB_OK);
    assert_int_equal(fb_corpus_label(&c, &classes, &err), FB_EFORMAT);
    snprintf(want, sizeof want, "%s: row 1: label 'angry' is none of the 2 classes", other.file);
    assert_string_equal(err.msg, want);
    fb_corpus_free(&c);
    fb_arena_free(&arena);
}

static void test_labels_that_are_numbers_are_the_classes(void **state) {
    struct fb_corpus_source from = file("a.jsonl", "{\"text\": \"a\", \"label\": 2}\n"
                                                   "{\"text\": \"b\", \"label\": 0}\n");
    struct fb_arena arena = {0};
    struct fb_classes classes;
    struct fb_corpus c;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_corpus_open(&c, FB_CLASSIFICATION, &from, &err), FB_OK);
    assert_int_equal(fb_classes_find(&classes, &c, &arena, &err), FB_OK);
    assert_int_equal(classes.count, 3);
    assert_null(classes.name);
    assert_int_equal(fb_corpus_label(&c, &classes, &err), FB_OK);
    assert_int_equal(c.label[0], 2);
    assert_int_equal(c.label[1], 0);
    fb_corpus_free(&c);
    fb_arena_free(&arena);
}

static void test_a_glue_task_has_its_own_columns_and_classes(void **state) {
    struct fb_corpus_source from = {.task = fb_glue_find("mnli"),
                                    .split = "train",
                                    .data_dir = "embedded:demo/data",
                                    .limit = 10};
    struct fb_arena arena = {0};
    struct fb_classes classes;
    struct fb_corpus c;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_corpus_open(&c, FB_CLASSIFICATION, &from, &err), FB_OK);
    assert_int_equal(c.count, 10);
    assert_int_equal(fb_classes_find(&classes, &c, &arena, &err), FB_OK);
    assert_int_equal(classes.count, 3);
    assert_string_equal(classes.name[1], "neutral");
    fb_corpus_free(&c);

    assert_int_equal(fb_corpus_open(&c, FB_TEXT_TO_TEXT, &from, &err), FB_OK);
    assert_int_equal(fb_corpus_encode(&c,
                                      &(struct fb_corpus_coding){.encoder = encoder,
                                                                 .max_length = 512,
                                                                 .max_target_length = 128},
                                      &err),
                     FB_OK);
    assert_int_equal(c.input.count, 10);
    assert_int_equal(c.target.count, 10);
    fb_corpus_free(&c);
    fb_arena_free(&arena);
}

static void test_text_to_text_has_answers(void **state) {
    struct fb_corpus_source from =
        file("a.jsonl", "{\"input_text\": \"What is a dog?\", \"target_text\": \"an animal\"}\n"
                        "{\"input_text\": \"b\", \"target_text\": \"\\u00fc\"}\n");
    struct fb_corpus_coding how = {.encoder = encoder, .max_length = 512, .max_target_length = 2};
    struct fb_corpus c;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_corpus_open(&c, FB_TEXT_TO_TEXT, &from, &err), FB_OK);
    assert_int_equal(fb_corpus_encode(&c, &how, &err), FB_OK);
    assert_ids(&c.input, 0, "What is a dog?", -1);
    assert_int_equal(c.target.offset[1], 2);
    assert_ids(&c.target, 1, "\303\274", -1);
    fb_corpus_free(&c);
}

static void test_running_text_is_kept_apart_or_cut_into_blocks(void **state) {
    struct fb_corpus_source from = file("a.jsonl", "{\"text\": \"The dog sleeps.\"}\n"
                                                   "{\"text\": \"These dogs run in the park.\"}\n");
    struct fb_corpus_coding how = {.encoder = encoder, .max_length = 512, .end = 559};
    struct fb_corpus c;
    struct fb_err err = {0};
    int64_t all;
    char want[600];

    (void)state;
    assert_int_equal(fb_corpus_open(&c, FB_LANGUAGE_MODEL, &from, &err), FB_OK);
    assert_int_equal(fb_corpus_encode(&c, &how, &err), FB_OK);
    assert_int_equal(c.input.count, 2);
    assert_ids(&c.input, 0, "The dog sleeps.", 559);
    assert_ids(&c.input, 1, "These dogs run in the park.", 559);
    all = c.input.offset[2];

    how.max_length = 3; /* two of the text and the end */
    assert_int_equal(fb_corpus_encode(&c, &how, &err), FB_OK);
    assert_int_equal(c.input.offset[2], 6);
    assert_int_equal(c.input.id[5], 559);

    how.block_size = 4;
    assert_int_equal(fb_corpus_encode(&c, &how, &err), FB_OK);
    assert_int_equal(c.input.count, all / 4);
    assert_int_equal(c.input.offset[1], 4);

    how.block_size = all + 1;
    assert_int_equal(fb_corpus_encode(&c, &how, &err), FB_EFORMAT);
    snprintf(want, sizeof want, "%s: %d tokens are too few for one block of %d", from.file,
             (int)all, (int)all + 1);
    assert_string_equal(err.msg, want);
    fb_corpus_free(&c);
}

static void test_what_a_file_lacks_is_named(void **state) {
    static const struct {
        const char *text, *message;
        enum fb_objective objective;
    } cases[] = {
        {"{\"text\": 3, \"label\": 1}\n", "column 'text' holds numbers, not text",
         FB_CLASSIFICATION},
        {"{\"text\": \"a\", \"label\": 0.5}\n",
         "column 'label' holds fractions; classes are whole numbers or names", FB_CLASSIFICATION},
        {"{\"text\": \"a\", \"label\": 0}\n{\"text\": \"b\"}\n", "row 1: column 'label' is null",
         FB_CLASSIFICATION},
        {"{\"input_text\": \"a\", \"target_text\": 1}\n",
         "column 'target_text' holds numbers, not text", FB_TEXT_TO_TEXT},
        {"", "no rows", FB_LANGUAGE_MODEL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fb_corpus_source from = file("bad.jsonl", cases[i].text);
        struct fb_err err = {0};
        char want[800];
        snprintf(want, sizeof want, "%s: %s", from.file, cases[i].message);
        assert_string_equal(open_error(cases[i].objective, &from, &err), want);
    }
}

static void test_a_column_that_is_not_there_is_named(void **state) {
    struct fb_corpus_source from = file("bad.jsonl", "{\"sentence\": \"a\", \"label\": 1}\n");
    struct fb_err err = {0};
    char want[800];

    (void)state;
    snprintf(want, sizeof want, "dataset '%s': no column 'text' (columns: sentence, label)",
             from.file);
    assert_string_equal(open_error(FB_CLASSIFICATION, &from, &err), want);
    snprintf(want, sizeof want, "dataset '%s': no column 'target_text' (columns: sentence, label)",
             from.file);
    assert_string_equal(open_error(FB_TEXT_TO_TEXT, &from, &err), want);
}

static void test_labels_that_are_no_classes_are_refused(void **state) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"text\": \"a\", \"label\": \"x\"}\n",
         "column 'label' has one label only: nothing can be learnt"},
        {"{\"text\": \"a\", \"label\": 0}\n",
         "column 'label' has one label only: nothing can be learnt"},
        {"{\"text\": \"a\", \"label\": 0}\n{\"text\": \"a\", \"label\": -1}\n",
         "row 1: label -1 is outside 0 .. 65535"},
        {"{\"text\": \"a\", \"label\": 65536}\n", "row 0: label 65536 is outside 0 .. 65535"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fb_corpus_source from = file("bad.jsonl", cases[i].text);
        struct fb_arena arena = {0};
        struct fb_classes classes;
        struct fb_corpus c;
        struct fb_err err = {0};
        char want[800];
        assert_int_equal(fb_corpus_open(&c, FB_CLASSIFICATION, &from, &err), FB_OK);
        assert_int_equal(fb_classes_find(&classes, &c, &arena, &err), FB_EFORMAT);
        snprintf(want, sizeof want, "%s: %s", from.file, cases[i].message);
        assert_string_equal(err.msg, want);
        fb_corpus_free(&c);
        fb_arena_free(&arena);
    }
}

static int open_all(void *arg) {
    struct fb_corpus_source *from = arg;
    struct fb_corpus_coding how = {.encoder = encoder, .max_length = 9, .max_target_length = 9};
    struct fb_arena arena = {0};
    struct fb_classes classes;
    struct fb_corpus c;
    struct fb_err err = {0};
    int rc = fb_corpus_open(&c, FB_CLASSIFICATION, from, &err);

    if (!rc) rc = fb_classes_find(&classes, &c, &arena, &err);
    if (!rc) rc = fb_corpus_label(&c, &classes, &err);
    if (!rc) rc = fb_corpus_encode(&c, &how, &err);
    fb_corpus_free(&c);
    if (!rc) rc = fb_corpus_open(&c, FB_TEXT_TO_TEXT, from, &err);
    if (!rc) rc = fb_corpus_encode(&c, &how, &err);
    fb_corpus_free(&c);
    if (!rc) rc = fb_corpus_open(&c, FB_LANGUAGE_MODEL, from, &err);
    if (!rc) rc = fb_corpus_encode(&c, &how, &err);
    fb_corpus_free(&c);
    fb_arena_free(&arena);
    return rc;
}

static void test_running_out_of_memory_is_reported(void **state) {
    struct fb_corpus_source from =
        file("a.tsv", "text\tlabel\nThe film is dull\tsad\nA dog sleeps\tcalm\n");
    static const char *const columns[] = {"text"};

    (void)state;
    from.text_columns = (struct fb_texts){columns, 1};
    from.label_column = "label";
    assert_true(for_each_allocation_failure(open_all, &from, 3000) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_that_are_names_become_numbers_in_bytewise_order),
        cmocka_unit_test(test_labels_that_are_numbers_are_the_classes),
        cmocka_unit_test(test_a_glue_task_has_its_own_columns_and_classes),
        cmocka_unit_test(test_text_to_text_has_answers),
        cmocka_unit_test(test_running_text_is_kept_apart_or_cut_into_blocks),
        cmocka_unit_test(test_what_a_file_lacks_is_named),
        cmocka_unit_test(test_a_column_that_is_not_there_is_named),
        cmocka_unit_test(test_labels_that_are_no_classes_are_refused),
        cmocka_unit_test(test_running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
