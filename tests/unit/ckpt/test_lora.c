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

static void test_files_that_are_missing_are_named(void **state) {
    const char *folder = scratch_make();
    struct fb_err err;

    (void)state;
    assert_false(fb_lora_is_folder(folder));
    scratch_write("adapter_config.json", "{}");
    assert_true(fb_lora_is_folder(folder));
    assert_int_equal(bind(folder, &err), FB_EFORMAT);
    assert_string_equal(err.msg, "adapter '': adapter_config.json: 'target_modules' is missing");
    scratch_write("adapter_config.json", CONFIG);
    assert_int_equal(bind(folder, &err), FB_ENOTFOUND);
    assert_string_equal(
        err.msg, "adapter '': holds neither adapter_model.safetensors nor adapter_model.bin");
    scratch_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adapters_that_do_not_fit_are_refused),
        cmocka_unit_test(test_files_that_are_missing_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
