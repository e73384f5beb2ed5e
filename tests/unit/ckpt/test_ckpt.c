#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "ckpt/ckpt.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN  FB_GOLDEN_DIR "/ckpt/"
#define SHARDED GOLDEN "sharded"
#define TORCH   FB_GOLDEN_DIR "/torch/"

static void copy(const char *from, const char *to) {
    struct fb_err err = {0};

    assert_int_equal(fb_file_copy(from, scratch_path(to), &err), FB_OK);
}

static void check_sharded(const char *path) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;
    const struct fb_entry *entry;
    float v[6];

    assert_int_equal(fb_ckpt_open(&ckpt, path, &err), FB_OK);
    assert_int_equal(fb_ckpt_count(ckpt), 5);
    assert_int_equal(fb_ckpt_files(ckpt), 3);
    assert_string_equal(fb_ckpt_path(ckpt), path);
    assert_string_equal(fb_ckpt_file(ckpt, 0), SHARDED "/model-00001-of-00003.safetensors");
    assert_string_equal(fb_ckpt_at(ckpt, 0)->name, "h.0.bias");
    assert_string_equal(fb_ckpt_at(ckpt, 4)->name, "wte.weight");
    entry = fb_ckpt_find(ckpt, "h.0.weight");
    assert_int_equal(entry->shape[0], 3);
    fb_ckpt_forget(ckpt, entry, 0, entry->numel);
    fb_dtype_to_f32(v, entry->data, entry->dtype, entry->numel);
    assert_true(v[0] == 0 && v[5] == -5);
    assert_null(fb_ckpt_find(ckpt, "h.0"));
    fb_ckpt_close(ckpt);
}

static void test_a_sharded_folder_is_one_sorted_table(void **state) {
    (void)state;
    check_sharded(SHARDED);
    check_sharded(SHARDED "/model.safetensors.index.json");
}

static void test_a_file_of_every_type_opens(void **state) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;

    (void)state;
    assert_int_equal(fb_ckpt_open(&ckpt, GOLDEN "types.safetensors", &err), FB_OK);
    assert_int_equal(fb_ckpt_count(ckpt), 18);
    assert_int_equal(fb_ckpt_find(ckpt, "empty")->numel, 0);
    assert_int_equal(fb_ckpt_find(ckpt, "scalar")->ndim, 0);
    assert_int_equal(fb_ckpt_find(ckpt, "größe/重み \"q\"\\")->dtype, FB_U8);
    fb_ckpt_close(ckpt);
}

static void open_count(const char *path, int64_t count) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;

    assert_int_equal(fb_ckpt_open(&ckpt, path, &err), FB_OK);
    assert_int_equal(fb_ckpt_count(ckpt), count);
    fb_ckpt_close(ckpt);
}

/* a holds 10 tensors, types 18: which one was opened shows in the count. */
static void test_a_folder_prefers_the_usual_names(void **state) {
    (void)state;
    copy(GOLDEN "a.safetensors", "m/weights.safetensors");
    copy(GOLDEN "types.safetensors", "m/adapter_model.safetensors");
    open_count(scratch_path("m"), 10);
    copy(GOLDEN "types.safetensors", "m/model.safetensors");
    open_count(scratch_path("m"), 18);
}

/* views.pt holds 16 tensors, types.pt 16, extras.pt 7: transformers' order. */
static void test_a_folder_of_torch_files_is_read_as_transformers_does(void **state) {
    (void)state;
    copy(TORCH "sharded/pytorch_model.bin.index.json", "t/pytorch_model.bin.index.json");
    copy(TORCH "sharded/pytorch_model-00001-of-00002.bin", "t/pytorch_model-00001-of-00002.bin");
    copy(TORCH "sharded/pytorch_model-00002-of-00002.bin", "t/pytorch_model-00002-of-00002.bin");
    copy(GOLDEN "a.safetensors", "t/optimizer.safetensors");
    open_count(scratch_path("t"), 3);
    copy(TORCH "extras.legacy.pt", "t/pytorch_model.bin"); /* the content says which format */
    open_count(scratch_path("t"), 7);
    copy(GOLDEN "types.safetensors", "t/model.safetensors");
    open_count(scratch_path("t"), 18);
}

static void test_torch_shards_are_one_sorted_table(void **state) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;

    (void)state;
    assert_int_equal(fb_ckpt_open(&ckpt, TORCH "sharded", &err), FB_OK);
    assert_int_equal(fb_ckpt_files(ckpt), 2);
    assert_string_equal(fb_ckpt_file(ckpt, 1), TORCH "sharded/pytorch_model-00002-of-00002.bin");
    assert_string_equal(fb_ckpt_at(ckpt, 0)->name, "a");
    assert_string_equal(fb_ckpt_at(ckpt, 1)->name, "b");
    assert_int_equal(fb_ckpt_find(ckpt, "b")->dtype, FB_I64);
    fb_ckpt_close(ckpt);
}

/* Mapped and copied tensors read the same after their pages have been dropped. */
static void test_tensors_of_torch_files_can_be_forgotten(void **state) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;
    float v[24];

    (void)state;
    assert_int_equal(fb_ckpt_open(&ckpt, TORCH "views.pt", &err), FB_OK);
    for (int64_t i = 0; i < fb_ckpt_count(ckpt); i++)
        fb_ckpt_forget(ckpt, fb_ckpt_at(ckpt, i), 0, fb_ckpt_at(ckpt, i)->numel);
    memcpy(v, fb_ckpt_find(ckpt, "base")->data, sizeof v);
    assert_true(v[0] == 0 && v[23] == 23);
    memcpy(v, fb_ckpt_find(ckpt, "transposed")->data, sizeof v);
    assert_true(v[1] == 6 && v[23] == 23);
    fb_ckpt_close(ckpt);
}

static void refused(const char *name, int code, const char *format) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;
    char want[4096];

    assert_int_equal(fb_ckpt_open(&ckpt, scratch_path(name), &err), code);
    snprintf(want, sizeof want, format, scratch_path(name));
    assert_string_equal(err.msg, want);
    assert_null(ckpt);
}

static void test_folders_without_a_model_say_what_they_hold(void **state) {
    (void)state;
    scratch_write("none/config.json", "{}");
    refused("none", FB_ENOTFOUND,
            "folder '%s': holds no weights (looked for model.safetensors, "
            "model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json and any "
            "other .safetensors file)");
    scratch_write("two/a.safetensors", "");
    scratch_write("two/b.safetensors", "");
    refused("two", FB_EFORMAT,
            "folder '%s': holds 2 .safetensors files and no model.safetensors.index.json");
    scratch_write("lora/adapter_model.safetensors", "");
    refused("lora", FB_EUNSUPPORTED,
            "folder '%s': holds an adapter (adapter_model.safetensors) and no model");
    scratch_write("torch_lora/adapter_model.bin", "");
    refused("torch_lora", FB_EUNSUPPORTED,
            "folder '%s': holds an adapter (adapter_model.bin) and no model");
    scratch_write("empty.bin", "");
    refused("empty.bin", FB_EFORMAT,
            "torch file '%s': begins neither like a zip archive nor like a pickle: not written by "
            "torch.save");
    refused("nothing.pt", FB_ENOTFOUND, "torch file '%s': cannot open: No such file or directory");
    refused("nothing", FB_ENOTFOUND, "safetensors '%s': cannot open: No such file or directory");
}

/* Replaces the index of a copy of the sharded folder. */
static void write_index(const char *text) {
    for (int i = 1; i <= 3; i++) {
        char from[512], to[64];
        snprintf(from, sizeof from, SHARDED "/model-0000%d-of-00003.safetensors", i);
        snprintf(to, sizeof to, "s/%d.safetensors", i);
        copy(from, to);
    }
    scratch_write("s/model.safetensors.index.json", text);
}

static void refused_index(const char *text, const char *rest) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;
    char want[4096];

    write_index(text);
    assert_int_equal(fb_ckpt_open(&ckpt, scratch_path("s"), &err), FB_EFORMAT);
    snprintf(want, sizeof want, "index '%s': %s", scratch_path("s/model.safetensors.index.json"),
             rest);
    assert_string_equal(err.msg, want);
}

#define ONE   "\"h.1.weight\":\"1.safetensors\""
#define TWO   "\"wte.weight\":\"2.safetensors\""
#define THREE "\"h.0.weight\":\"3.safetensors\",\"step\":\"3.safetensors\""

static void test_index_and_shards_must_agree(void **state) {
    (void)state;
    refused_index("{\"weight_map\":{" ONE "," TWO "," THREE "}}",
                  "tensor 'h.0.bias' of '1.safetensors' is not in the index");
    refused_index("{\"weight_map\":{" ONE ",\"h.0.bias\":\"3.safetensors\"," TWO "," THREE "}}",
                  "tensor 'h.0.bias' is in '1.safetensors', the index says '3.safetensors'");
    refused_index("{\"weight_map\":{" TWO ",\"x\":\"2.safetensors\"}}",
                  "tensor 'x' is not in '2.safetensors', where the index has it");
}

static void test_a_missing_shard_is_named(void **state) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;
    char want[4096];

    (void)state;
    write_index("{\"weight_map\":{" TWO ",\"x\":\"4.safetensors\"}}");
    assert_int_equal(fb_ckpt_open(&ckpt, scratch_path("s"), &err), FB_ENOTFOUND);
    snprintf(want, sizeof want,
             "index '%s': safetensors '%s': cannot open: No such file or directory",
             scratch_path("s/model.safetensors.index.json"), scratch_path("s/4.safetensors"));
    assert_string_equal(err.msg, want);
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_ckpt *ckpt;

    if (fb_ckpt_open(&ckpt, arg, &err)) return err.code;
    fb_ckpt_close(ckpt);
    return FB_OK;
}

static void test_failed_allocations_are_reported(void **state) {
    char file[] = GOLDEN "types.safetensors", folder[] = SHARDED, torch[] = TORCH "sharded";

    (void)state;
    assert_true(for_each_allocation_failure(attempt, file, 1000) >= 5);
    assert_true(for_each_allocation_failure(attempt, folder, 1000) >= 20);
    assert_true(for_each_allocation_failure(attempt, torch, 1000) >= 20);
}

/* Opens every .safetensors file below a folder; returns how many there were. */
static int open_all(const char *dir) {
    struct fb_err err = {0};
    char **names;
    size_t count;
    int opened = 0;

    assert_int_equal(fb_list_dir(dir, &names, &count, &err), FB_OK);
    for (size_t i = 0; i < count; i++) {
        struct fb_ckpt *ckpt;
        char *path = fb_path_join(dir, names[i], &err);
        assert_non_null(path);
        if (fb_is_dir(path)) opened += open_all(path);
        else if (fb_ends_with(path, ".safetensors")) {
            assert_int_equal(fb_ckpt_open(&ckpt, path, &err), FB_OK);
            assert_true(fb_ckpt_count(ckpt) > 0);
            fb_ckpt_close(ckpt);
            opened++;
        }
        free(path);
    }
    fb_list_free(names, count);
    return opened;
}

static void test_published_files_open(void **state) {
    (void)state;
    if (!fb_is_dir(FB_SHARED_DATA)) skip();
    assert_true(open_all(FB_SHARED_DATA "/checkpoints") >= 3);
    assert_true(open_all(FB_SHARED_DATA "/lora") >= 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sharded_folder_is_one_sorted_table),
        cmocka_unit_test(test_a_file_of_every_type_opens),
        cmocka_unit_test_setup_teardown(test_a_folder_prefers_the_usual_names, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_a_folder_of_torch_files_is_read_as_transformers_does,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test(test_torch_shards_are_one_sorted_table),
        cmocka_unit_test(test_tensors_of_torch_files_can_be_forgotten),
        cmocka_unit_test_setup_teardown(test_folders_without_a_model_say_what_they_hold,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_index_and_shards_must_agree, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_a_missing_shard_is_named, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(test_failed_allocations_are_reported),
        cmocka_unit_test(test_published_files_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
