#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ckpt/lora.h"
#include "ckpt/write.h"
#include "scratch.h"

#include <stdio.h>
#include <string.h>

#define CONFIG "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 2, \"target_modules\": [\"q\"]}"

static const float values[6] = {1, 2, 3, 4, 5, 6};

static struct fb_entry matrix(const char *name, int64_t rows, int64_t cols) {
    return (struct fb_entry){.name = name,
                             .dtype = FB_F32,
                             .ndim = 2,
                             .shape = {rows, cols},
                             .numel = rows * cols,
                             .data = values,
                             .size = (size_t)(rows * cols) * sizeof *values};
}

static void write_adapter(const struct fb_entry *entries, int64_t count) {
    struct fb_ckpt_writer *w;
    struct fb_err err = {0};

    scratch_write("adapter_config.json", CONFIG);
    if (fb_ckpt_create(&w, scratch_path("adapter_model.safetensors"), entries, count, NULL, 0,
                       &err))
        fail_msg("%s", err.msg);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(fb_ckpt_write_bytes(w, i, 0, entries[i].numel, entries[i].data, &err),
                         FB_OK);
    assert_int_equal(fb_ckpt_commit(w, &err), FB_OK);
}

/* Binds to a base of one matrix "q.weight" [3, 3]; the folder's name is cut from the message. */
static int bind(const char *folder, struct fb_err *err) {
    static const float zero[9];
    const struct fb_entry base = {.name = "q.weight",
                                  .dtype = FB_F32,
                                  .ndim = 2,
                                  .shape = {3, 3},
                                  .numel = 9,
                                  .data = zero,
                                  .size = sizeof zero};
    const struct fb_entry *entry = &base;
    const char *name = "q.weight";
    struct fb_lora_base fit = {.name = &name, .entry = &entry, .count = 1};
    struct fb_lora *lora;
    size_t n = strlen(folder);
    char *at;
    int rc;

    *err = (struct fb_err){0};
    rc = fb_lora_open(&lora, folder, err);
    if (!rc) rc = fb_lora_bind(lora, &fit, NULL, err);
    while ((at = strstr(err->msg, folder)))
        memmove(at, at + n, strlen(at + n) + 1);
    fb_lora_close(lora);
    return rc;
}

#define A  "base_model.model.q.lora_A.weight"
#define B  "base_model.model.q.lora_B.weight"
#define AT "adapter '/adapter_model.safetensors': "

static void test_adapters_that_do_not_fit_are_refused(void **state) {
    const struct {
        struct fb_entry entry[2];
        int64_t count;
        int code;
        const char *message;
    } cases[] = {
        {{matrix(A, 2, 3), matrix(B, 3, 2)}, 2, FB_OK, ""},
        {{matrix("base_model.model.q.lora_A.default.weight", 2, 3),
          matrix("base_model.model.q.lora_B.default.weight", 3, 2)},
         2,
         FB_OK,
         ""},
        {{matrix(A, 2, 3)}, 1, FB_EFORMAT, AT "'" A "' has no '" B "' beside it"},
        {{matrix(B, 2, 3)}, 1, FB_EFORMAT, AT "'" B "' has no '" A "' beside it"},
        {{matrix(A, 2, 2), matrix(B, 3, 2)},
         2,
         FB_EMISMATCH,
         AT "'" A "' is [2, 2] and its pair [3, 2]; rank 2 and the base's 'q.weight' [3, 3] need "
            "[2, 3] and [3, 2]"},
        {{matrix(A, 1, 3), matrix(B, 3, 1)},
         2,
         FB_EMISMATCH,
         AT "'" A "' is [1, 3] and its pair [3, 1]; rank 2 and the base's 'q.weight' [3, 3] need "
            "[2, 3] and [3, 2]"},
        {{matrix(A, 0, 3), matrix(B, 3, 0)},
         2,
         FB_EFORMAT,
         AT "'" A "' and its pair must be matrices that are not empty"},
        {{matrix("q.lora_A.weight", 2, 3)},
         1,
         FB_EFORMAT,
         AT "tensor 'q.lora_A.weight' does not begin with 'base_model.model.'"},
        {{matrix("base_model.model.h.q.lora_A.weight", 2, 3)},
         1,
         FB_EMISMATCH,
         AT "the base has no module 'h.q', which the adapter changes"},
        {{matrix("base_model.model.v.lora_A.weight", 2, 3)},
         1,
         FB_EMISMATCH,
         AT "none of its tensors belongs to a target module of the base"},
        {{matrix("base_model.model.q.lora_magnitude_vector", 1, 3)},
         1,
         FB_EUNSUPPORTED,
         AT "tensor 'base_model.model.q.lora_magnitude_vector' belongs to DoRA, which is not "
            "supported"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fb_err err;
        const char *folder = scratch_make();
        write_adapter(cases[i].entry, cases[i].count);
        assert_int_equal(bind(folder, &err), cases[i].code);
        assert_string_equal(err.msg, cases[i].message);
        scratch_remove();
    }
}

/* What adapters with resized embeddings hold for a target: its own matrix and a pair. */
static void test_a_whole_matrix_comes_before_the_product(void **state) {
    const struct fb_entry entries[] = {matrix(A, 2, 3), matrix(B, 3, 2),
                                       matrix("base_model.model.q.base_layer.weight", 3, 2)};
    static const float zero[6];
    struct fb_entry base = matrix("q.weight", 3, 2);
    const struct fb_entry *entry = &base;
    const char *name = "q.weight", *folder = scratch_make();
    struct fb_lora_base fit = {.name = &name, .entry = &entry, .count = 1};
    struct fb_lora *lora;
    struct fb_err err = {0};
    float got[6] = {0};

    (void)state;
    base.data = zero;
    write_adapter((struct fb_entry[]){matrix(A, 2, 2), entries[1], entries[2]}, 3);
    assert_int_equal(fb_lora_open(&lora, folder, &err), FB_OK);
    if (fb_lora_bind(lora, &fit, NULL, &err)) fail_msg("%s", err.msg);
    fb_lora_apply(lora, 0, 0, 6, got, got);
    /* B A = [1 2; 3 4; 5 6] [1 2; 3 4], on top of [1 2; 3 4; 5 6]; the scale is 1 */
    assert_memory_equal(got, ((const float[]){8, 12, 18, 26, 28, 40}), sizeof got);
    fb_lora_close(lora);
    scratch_remove();
}

static void test_heads_are_what_is_saved_whole_and_the_base_lacks(void **state) {
    const struct fb_entry entries[] = {matrix(A, 2, 3), matrix(B, 3, 2),
                                       matrix("base_model.model.score.weight", 2, 3),
                                       matrix("base_model.model.score.dense.weight", 1, 3),
                                       matrix("base_model.model.other.weight", 1, 3)};
    const struct fb_entry base = matrix("q.weight", 3, 3);
    const struct fb_entry *entry = &base;
    const char *name = "q.weight", *folder = scratch_make(), *head;
    struct fb_lora_base fit = {.name = &name, .entry = &entry, .count = 1};
    struct fb_lora *lora;
    struct fb_err err = {0};
    size_t length;

    (void)state;
    write_adapter(entries, 5);
    scratch_write("adapter_config.json",
                  "{\"r\": 2, \"target_modules\": [\"q\"], \"task_type\": \"SEQ_CLS\", "
                  "\"base_model_name_or_path\": \"org/base\", \"revision\": null}");
    assert_true(fb_lora_is_adapter(folder));
    assert_int_equal(fb_lora_open(&lora, folder, &err), FB_OK);
    assert_string_equal(fb_lora_base_name(lora), "org/base");
    assert_null(fb_lora_base_revision(lora));
    assert_string_equal(fb_lora_task(lora), "SEQ_CLS");
    if (fb_lora_bind(lora, &fit, NULL, &err)) fail_msg("%s", err.msg);
    assert_int_equal(fb_lora_heads(lora), 2);
    assert_ptr_equal(fb_lora_head(lora, 0, &head),
                     fb_ckpt_find(fb_lora_ckpt(lora), "base_model.model.score.dense.weight"));
    assert_string_equal(head, "score.dense.weight");
    fb_lora_head(lora, 1, &head);
    assert_string_equal(head, "score.weight");
    assert_memory_equal(fb_lora_module(&entries[0], &length), "q.", 2);
    assert_int_equal(length, 1);
    assert_null(fb_lora_module(&entries[2], &length));
    assert_null(fb_lora_module(&base, &length));
    fb_lora_close(lora);
    scratch_write("model.safetensors", "");
    assert_false(fb_lora_is_adapter(folder));
    scratch_remove();
}

static void test_files_that_are_missing_are_named(void **state) {
    const char *folder = scratch_make();
    struct fb_err err;

    (void)state;
    assert_false(fb_lora_is_folder(folder));
    scratch_write("adapter_config.json", "{}");
    assert_true(fb_lora_is_folder(folder));
    assert_int_equal(bind(folder, &err), FB_EFORMAT);
    assert_string_equal(err.msg,
                        "adapter '': adapter_config.json: 'target_modules' is missing or null, "
                        "expected a list of names or a pattern");
    scratch_write("adapter_config.json", CONFIG);
    assert_int_equal(bind(folder, &err), FB_ENOTFOUND);
    assert_string_equal(
        err.msg, "adapter '': holds neither adapter_model.safetensors nor adapter_model.bin");
    scratch_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adapters_that_do_not_fit_are_refused),
        cmocka_unit_test(test_a_whole_matrix_comes_before_the_product),
        cmocka_unit_test(test_heads_are_what_is_saved_whole_and_the_base_lacks),
        cmocka_unit_test(test_files_that_are_missing_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
