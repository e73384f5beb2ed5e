#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "ckpt/shard.h"

#include <string.h>

#define INDEX FB_GOLDEN_DIR "/ckpt/sharded/model.safetensors.index.json"

static void test_the_index_maps_tensors_to_files(void **state) {
    struct fb_err err = {0};
    struct fb_shards shards;

    (void)state;
    assert_int_equal(fb_shards_read(&shards, INDEX, &err), FB_OK);
    assert_int_equal(shards.tensors.count, 5);
    assert_int_equal(shards.files.count, 3);
    assert_string_equal(shards.tensors.name[1], "h.0.weight");
    assert_string_equal(shards.files.name[shards.file_of[1]], "model-00003-of-00003.safetensors");
    fb_shards_free(&shards);
}

static void assert_refused(const char *text, const char *message) {
    struct fb_err err = {0};
    struct fb_shards shards;

    assert_int_equal(fb_shards_parse(&shards, text, strlen(text), &err), FB_EFORMAT);
    assert_string_equal(err.msg, message);
    assert_int_equal(shards.tensors.count, 0);
}

static void test_files_outside_the_folder_are_refused(void **state) {
    (void)state;
    assert_refused("{\"weight_map\":{\"a\":\"../x\"}}",
                   "tensor 'a': '../x' is not the name of a file in this folder");
    assert_refused("{\"weight_map\":{\"a\":\"/etc/passwd\"}}",
                   "tensor 'a': '/etc/passwd' is not the name of a file in this folder");
    assert_refused("{\"weight_map\":{\"a\":\"..\"}}",
                   "tensor 'a': '..' is not the name of a file in this folder");
    assert_refused("{\"weight_map\":{\"a\":\"\"}}",
                   "tensor 'a': '' is not the name of a file in this folder");
}

static void test_other_shapes_of_json_are_refused(void **state) {
    (void)state;
    assert_refused("{}", "has no object 'weight_map'");
    assert_refused("[1]", "has no object 'weight_map'");
    assert_refused("{\"weight_map\":{}}", "weight_map is empty");
    assert_refused("{\"weight_map\":{\"a\":1}}", "tensor 'a': has no file name");
    assert_refused("{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}",
                   "duplicate object key near '\"a\"' (line 1, column 26)");
    assert_refused("{", "string or '}' expected near end of file (line 1, column 1)");
}

static void test_messages_name_the_path(void **state) {
    struct fb_err err = {0};
    struct fb_shards shards;

    (void)state;
    assert_int_equal(fb_shards_read(&shards, "/nonexistent/i", &err), FB_ENOTFOUND);
    assert_string_equal(err.msg, "index '/nonexistent/i': cannot open: No such file or directory");
}

static int attempt(void *arg) {
    struct fb_err err = {0};
    struct fb_shards shards;

    (void)arg;
    if (fb_shards_read(&shards, INDEX, &err)) return err.code;
    fb_shards_free(&shards);
    return FB_OK;
}

static void test_failed_allocations_are_reported(void **state) {
    (void)state;
    assert_true(for_each_allocation_failure(attempt, NULL, 1000) >= 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_index_maps_tensors_to_files),
        cmocka_unit_test(test_files_outside_the_folder_are_refused),
        cmocka_unit_test(test_other_shapes_of_json_are_refused),
        cmocka_unit_test(test_messages_name_the_path),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
