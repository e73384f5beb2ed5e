#include "method/statistics.h"

#include "alloc_faults.h"
#include "text/tokenizer_choice.h"
#include "tiny_pool.h"

static const float two[] = {1, 2}, other[] = {1, 3};
static const char name[] = "stats/fisher-a_b-";

/* The file name of model "m" with the method and one option. */
static char *path_of(struct tiny *t, const char *method, int64_t option) {
    struct fb_digest id = {0};
    char *path = NULL;

    assert_int_equal(fb_pool_align(t->merge.pool, (int[]){0}, 1, &t->err), FB_OK);
    if (fb_statistics_begin(&id, method, &t->err) ||
        fb_statistics_add_model(&id, t->merge.pool, 0, &t->err) ||
        fb_digest_add_int(&id, option, &t->err) ||
        fb_statistics_path(&path, "stats", "fisher", "a/b", &id, &t->err))
        fail_msg("%s", t->err.msg);
    fb_digest_free(&id);
    return path;
}

static void pool_of(struct tiny *t, const char *key, const float *values, int64_t n,
                    const char *config) {
    assert_int_equal(fb_file_replace("config.json", config, strlen(config), &t->err), FB_OK);
    tiny_model(t, "m", key, values, n);
    tiny_pool(t, "{type: AutoModelPool, models: {m: m.safetensors}}");
}

static void test_the_name_is_a_function_of_what_is_hashed(void **state) {
    struct tiny t;
    char *paths[7];

    (void)state;
    tiny_begin(&t);
    pool_of(&t, "w", two, 2, "{\"n_head\": 1}");
    paths[0] = path_of(&t, "fisher", 8);
    assert_ptr_equal(strstr(paths[0], name), paths[0]);
    assert_int_equal(strlen(paths[0]), strlen(name) + 64 + strlen(".safetensors"));
    paths[1] = path_of(&t, "regmean", 8);
    paths[2] = path_of(&t, "fisher", 9);
    pool_of(&t, "w", other, 2, "{\"n_head\": 1}");
    paths[3] = path_of(&t, "fisher", 8);
    pool_of(&t, "v", two, 2, "{\"n_head\": 1}");
    paths[4] = path_of(&t, "fisher", 8);
    pool_of(&t, "w", two, 2, "{\"n_head\": 2}");
    paths[5] = path_of(&t, "fisher", 8);
    pool_of(&t, "w", two, 2, "{\"n_head\": 1}");
    paths[6] = path_of(&t, "fisher", 8);
    assert_string_equal(paths[6], paths[0]);
    for (int i = 1; i < 6; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(paths[i], paths[j]);
    for (int i = 0; i < 7; i++)
        free(paths[i]);
    tiny_end(&t);
}

/* The hash of one example of the demo's CoLA data: the row and the label count. */
static void hash_of(char out[FB_SHA256_TEXT], struct fb_encoder *encoder, int64_t row,
                    int64_t label) {
    struct fb_glue_item item = {"cola", fb_glue_find("cola"), "train"};
    struct fb_digest d = {0};
    struct fb_examples e;
    struct fb_err err = {0};

    if (fb_examples_open(&e, &item, "embedded:demo/data", -1, &err) ||
        fb_examples_pick(&e, &row, 1, &err) || fb_examples_encode(&e, encoder, 512, -1, &err))
        fail_msg("%s", err.msg);
    if (label >= 0) e.label->integer[row] = label;
    if (fb_digest_begin(&d, &err) || fb_statistics_add_examples(&d, &e, &err) ||
        fb_digest_end(&d, out, &err))
        fail_msg("%s", err.msg);
    fb_digest_free(&d);
    fb_examples_free(&e);
}

static void test_examples_count_with_their_labels(void **state) {
    struct fb_tokenizer_choice choice = {NULL, "t", "embedded:demo/gpt2/tokenizer"};
    char a[FB_SHA256_TEXT], b[FB_SHA256_TEXT], zero[FB_SHA256_TEXT], one[FB_SHA256_TEXT];
    struct fb_tokenizer *tokenizer;
    struct fb_encoder *encoder;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_tokenizer_open_chosen(&tokenizer, &choice, &err), FB_OK);
    assert_int_equal(fb_encoder_open(&encoder, tokenizer, &err), FB_OK);
    hash_of(a, encoder, 0, -1);
    hash_of(b, encoder, 1, -1);
    hash_of(zero, encoder, 0, 0);
    hash_of(one, encoder, 0, 1);
    assert_string_not_equal(a, b);
    assert_string_not_equal(zero, one);
    assert_true(!strcmp(a, zero) || !strcmp(a, one));
    fb_encoder_close(encoder);
    fb_tokenizer_close(tokenizer);
}

/* ---- files ---- */

static void test_what_was_saved_is_found_again(void **state) {
    struct fb_entry values[] = {tiny_tensor("f.w", two, 2), tiny_tensor("f.b", other, 1)};
    struct fb_ckpt *found;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    assert_int_equal(fb_statistics_load(&found, "a.safetensors", values, 2, NULL, &t.err), FB_OK);
    assert_null(found);
    assert_int_equal(fb_statistics_save("a.safetensors", values, 2, NULL, &t.err), FB_OK);
    assert_int_equal(fb_statistics_load(&found, "a.safetensors", values, 2, NULL, &t.err), FB_OK);
    assert_memory_equal(fb_ckpt_find(found, "f.w")->data, two, sizeof two);
    fb_ckpt_close(found);
    assert_int_equal(fb_statistics_save(NULL, values, 2, NULL, &t.err), FB_OK);
    assert_int_equal(fb_statistics_load(&found, NULL, values, 2, NULL, &t.err), FB_OK);
    assert_null(found);
    tiny_end(&t);
}

static void refused(struct tiny *t, const struct fb_entry *expected, int64_t count,
                    const char *message) {
    struct fb_ckpt *found;

    memset(&t->err, 0, sizeof t->err);
    assert_true(fb_statistics_load(&found, "a.safetensors", expected, count, NULL, &t->err) < 0);
    assert_null(found);
    assert_string_equal(t->err.msg, message);
}

#define DAMAGED "damaged statistics (delete the file to have them computed again): "

static void test_damage_is_told(void **state) {
    struct fb_entry values[] = {tiny_tensor("w", two, 2), tiny_tensor("b", other, 1)};
    struct fb_entry longer[] = {tiny_tensor("w", two, 1), values[1]};
    struct fb_entry renamed[] = {tiny_tensor("v", two, 2), values[1]};
    struct tiny t;
    FILE *f;

    (void)state;
    tiny_begin(&t);
    assert_int_equal(fb_statistics_save("a.safetensors", values, 2, NULL, &t.err), FB_OK);
    refused(&t, renamed, 2, DAMAGED "'a.safetensors': has no tensor 'v'");
    refused(&t, longer, 2,
            DAMAGED "'a.safetensors': tensor 'w' has another type or shape than expected");
    refused(&t, values, 1, DAMAGED "'a.safetensors': holds 3 tensors, expected 2");
    assert_non_null(f = fopen("a.safetensors", "r+b"));
    assert_int_equal(fseek(f, -66, SEEK_END), 0); /* the last value, in front of the hash */
    assert_true(fputc(1, f) == 1);
    fclose(f);
    refused(&t, values, 2, DAMAGED "'a.safetensors': its values are not those that were written");
    assert_return_code(truncate("a.safetensors", 20), 0);
    memset(&t.err, 0, sizeof t.err);
    assert_int_equal(
        fb_statistics_load(&(struct fb_ckpt *){NULL}, "a.safetensors", values, 2, NULL, &t.err),
        FB_EFORMAT);
    assert_ptr_equal(strstr(t.err.msg, DAMAGED), t.err.msg);
    tiny_write(&t, "a", values, 2);
    refused(&t, values, 1, DAMAGED "'a.safetensors': has no hash of its values");
    tiny_end(&t);
}

static void test_a_folder_that_cannot_be_written_is_refused(void **state) {
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_statistics_check(NULL, &err), FB_OK);
    assert_true(fb_statistics_check("/proc/nothing", &err) < 0);
    assert_ptr_equal(strstr(err.msg, "option 'statistics_dir': "), err.msg);
}

static int save_and_load(void *arg) {
    struct fb_entry values[] = {tiny_tensor("w", two, 2)};
    struct fb_ckpt *found = NULL;
    struct fb_err err = {0};
    int rc = fb_statistics_save("a.safetensors", values, 1, NULL, &err);

    (void)arg;
    if (!rc) rc = fb_statistics_load(&found, "a.safetensors", values, 1, NULL, &err);
    fb_ckpt_close(found);
    return rc;
}

static void test_memory_that_runs_out_is_reported(void **state) {
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    assert_true(for_each_allocation_failure(save_and_load, NULL, 1000) > 5);
    tiny_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_name_is_a_function_of_what_is_hashed),
        cmocka_unit_test(test_examples_count_with_their_labels),
        cmocka_unit_test(test_what_was_saved_is_found_again),
        cmocka_unit_test(test_damage_is_told),
        cmocka_unit_test(test_a_folder_that_cannot_be_written_is_refused),
        cmocka_unit_test(test_memory_that_runs_out_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
