#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/map.h"
#include "config/json.h"
#include "pool/companions.h"
#include "scratch.h"

#include <string.h>

static struct fb_arena arena;

static struct fb_node *parse(const char *text) {
    struct fb_node *node;
    struct fb_err err = {0};

    if (fb_json_parse(&node, &arena, text, strlen(text), "f", &err)) fail_msg("%s", err.msg);
    return node;
}

static void check_text(const char *path, const char *want) {
    struct fb_map map;
    struct fb_err err = {0};

    if (fb_map_open(&map, path, &err)) fail_msg("%s: %s", path, err.msg);
    if (map.size != strlen(want) || memcmp(map.data, want, map.size) != 0)
        fail_msg("found\n%.*s\nexpected\n%s", (int)map.size, map.data, want);
    fb_map_close(&map);
}

static void test_a_configuration_gets_class_and_type(void **state) {
    struct fb_node *config = parse("{\"architectures\": [\"A\", \"B\"], \"n\": 1}");
    const char *folder = scratch_make();
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_companions_set_architecture(config, "C", &arena, &err), FB_OK);
    assert_int_equal(fb_companions_write_config(folder, config, FB_BF16, &arena, &err), FB_OK);
    check_text(scratch_path("config.json"), "{\n  \"architectures\": [\n    \"C\"\n  ],\n  \"n\": "
                                            "1,\n  \"torch_dtype\": \"bfloat16\"\n}\n");
    scratch_remove();
}

static void test_files_are_copied_byte_for_byte(void **state) {
    struct fb_err err = {0};
    const char *folder = scratch_make();
    char from[256], to[256];

    (void)state;
    assert_false(fb_companions_has_tokenizer(folder));
    strcpy(from, folder);
    strcat(strcpy(to, folder), "/to");
    scratch_write("vocab.txt", "a\r\nb");
    scratch_write("generation_config.json", "{}");
    scratch_write("model.safetensors", "");
    assert_true(fb_companions_has_tokenizer(folder));
    assert_int_equal(fb_companions_copy_tokenizer(from, to, &err), FB_OK);
    check_text(scratch_path("to/vocab.txt"), "a\r\nb");
    assert_false(fb_has_file(to, "generation_config.json"));
    assert_false(fb_has_file(to, "model.safetensors"));
    assert_int_equal(fb_companions_copy_generation(from, to, &err), FB_OK);
    check_text(scratch_path("to/generation_config.json"), "{}");
    scratch_remove();
}

/* A path with ": " would be a mapping if it were not quoted. */
static void test_a_card_is_yaml_and_text(void **state) {
    static const char *const name[] = {"base", NULL}, *const path[] = {"org/base", "x: y"};
    struct fb_card card = {
        .name = name, .path = path, .models = 2, .merged = true, .what = "Done."};
    const char *folder = scratch_make();
    struct fb_err err = {0};

    (void)state;
    card.method = parse("{\"name\": \"dummy\"}");
    assert_int_equal(fb_companions_write_card(folder, &card, &arena, &err), FB_OK);
    check_text(scratch_path("README.md"),
               "---\nbase_model:\n- org/base\n- 'x: y'\nlibrary_name: transformers\ntags:\n"
               "- fusion-bench\n- merge\n---\n\n# Deep Model Fusion\n\nDone.\n\n## Models\n\n"
               "- `base`: org/base\n- x: y\n\n## Method\n\n```yaml\nname: dummy\n```\n");
    scratch_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_configuration_gets_class_and_type),
        cmocka_unit_test(test_files_are_copied_byte_for_byte),
        cmocka_unit_test(test_a_card_is_yaml_and_text),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    fb_arena_free(&arena);
    return failed;
}
