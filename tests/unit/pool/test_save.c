/* Saves the demo pool's base and reads back what is there. */
#include "pool/save.h"

#include "base/file.h"
#include "base/map.h"
#include "config/json.h"
#include "config/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char pool_yaml[] = "type: HF_GPT2ForSequenceClassification\n"
                                "models:\n"
                                "- {name: _pretrained_, path: 'embedded:demo/gpt2/_pretrained_'}\n"
                                "- {name: cola, path: 'embedded:demo/gpt2/cola'}\n"
                                "tokenizer: embedded:demo/gpt2/tokenizer\n";

struct fixture {
    struct fb_arena arena;
    struct fb_pool *pool;
    struct fb_node *config;
    struct fb_weights weights;
    char folder[64];
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    struct fb_err err = {0};

    snprintf(f->folder, sizeof f->folder, "/tmp/fb_save_XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(
        fb_yaml_parse(&f->config, &f->arena, pool_yaml, strlen(pool_yaml), "pool.yaml", &err),
        FB_OK);
    assert_int_equal(fb_pool_create(&f->pool, f->config, NULL, &err), FB_OK);
    assert_int_equal(fb_pool_load(f->pool, 0, &f->weights, &err), FB_OK);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    char command[128];

    fb_weights_free(&f->weights);
    fb_pool_close(f->pool);
    fb_arena_free(&f->arena);
    for (const char *const *name =
             (const char *const[]){"model.safetensors", "config.json", "README.md", "vocab.json",
                                   "merges.txt", "tokenizer.json", "tokenizer_config.json",
                                   "special_tokens_map.json", "m.safetensors", NULL};
         *name; name++) {
        snprintf(command, sizeof command, "%s/%s", f->folder, *name);
        remove(command);
    }
    assert_int_equal(remove(f->folder), 0); /* nothing else was written */
    free(f);
    return 0;
}

static struct fb_save request(const struct fixture *f, const char *path, enum fb_dtype dtype) {
    return (struct fb_save){.path = path,
                            .model = 0,
                            .dtype = dtype,
                            .tokenizer = true,
                            .weights = &f->weights,
                            .method_name = "dummy",
                            .modelpool = f->config};
}

static void test_a_folder_holds_weights_config_tokenizer_and_card(void **state) {
    struct fixture *f = *state;
    struct fb_save save = request(f, f->folder, FB_F32);
    struct fb_map a, b;
    struct fb_node *config;
    struct fb_ckpt *ckpt;
    struct fb_err err = {0};
    char path[128];

    assert_int_equal(fb_save_model(f->pool, &save, &f->arena, &err), FB_OK);
    assert_int_equal(fb_ckpt_open(&ckpt, f->folder, &err), FB_OK);
    assert_int_equal(fb_ckpt_count(ckpt), f->weights.names.count);
    for (int64_t i = 0; i < f->weights.names.count; i++) {
        const struct fb_weight *w = &f->weights.item[i];
        const struct fb_entry *e = fb_ckpt_find(ckpt, w->name);
        assert_non_null(e);
        assert_int_equal(e->numel, w->numel);
        assert_memory_equal(e->data, w->data, e->size);
    }
    fb_ckpt_close(ckpt);
    snprintf(path, sizeof path, "%s/config.json", f->folder);
    assert_int_equal(fb_json_load(&config, &f->arena, path, &err), FB_OK);
    assert_string_equal(fb_node_at(config, "architectures.0")->text, "GPT2Model");
    assert_string_equal(fb_node_get(config, "torch_dtype")->text, "float32");
    snprintf(path, sizeof path, "%s/vocab.json", f->folder);
    assert_int_equal(fb_map_open(&a, path, &err), FB_OK);
    assert_int_equal(fb_map_open(&b, "embedded:demo/gpt2/tokenizer/vocab.json", &err), FB_OK);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    fb_map_close(&a);
    fb_map_close(&b);
    snprintf(path, sizeof path, "%s/README.md", f->folder);
    assert_int_equal(fb_map_open(&a, path, &err), FB_OK);
    assert_true(
        fb_starts_with((const char *)a.data, "---\nbase_model:\n- embedded:demo/gpt2/_pre"));
    fb_map_close(&a);
}

/* 1 + 2^-11 is halfway between two f16 values: ties go to the even one, 1. */
static void test_a_narrower_type_is_rounded_once(void **state) {
    struct fixture *f = *state;
    struct fb_weights one = {0};
    struct fb_save save;
    struct fb_ckpt *ckpt;
    struct fb_err err = {0};
    char path[128];
    uint16_t half;

    fb_weights_add(&one, "w", 1, (const int64_t[]){1}, &err)->owned[0] = 1.00048828125f;
    snprintf(path, sizeof path, "%s/m.safetensors", f->folder);
    save = request(f, path, FB_F16);
    save.weights = &one;
    assert_int_equal(fb_save_model(f->pool, &save, &f->arena, &err), FB_OK);
    assert_int_equal(fb_ckpt_open(&ckpt, path, &err), FB_OK);
    assert_int_equal(fb_ckpt_at(ckpt, 0)->dtype, FB_F16);
    memcpy(&half, fb_ckpt_at(ckpt, 0)->data, sizeof half);
    assert_int_equal(half, 0x3c00);
    fb_ckpt_close(ckpt);
    fb_weights_free(&one);
}

static void refused(const char *path, const char *message) {
    struct fb_err err = {0};

    assert_true(fb_save_probe(path, "merged_model_save_path", &err) < 0);
    assert_string_equal(err.msg, message);
}

static void test_paths_that_cannot_be_saved_to_are_refused_beforehand(void **state) {
    struct fixture *f = *state;
    struct fb_err err = {0};
    char path[128], message[512];

    refused("out.bin", "merged_model_save_path 'out.bin': torch pickles are not written; name a "
                       "folder or a .safetensors file");
    refused("/dev/null/m.safetensors", "merged_model_save_path: '/dev/null' is not a folder");
    snprintf(path, sizeof path, "%s/config.json", f->folder);
    assert_int_equal(fb_file_replace(path, "{}", 2, &err), FB_OK);
    snprintf(message, sizeof message,
             "merged_model_save_path '%s' is a file; name a folder or a .safetensors file", path);
    refused(path, message);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_folder_holds_weights_config_tokenizer_and_card,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_narrower_type_is_rounded_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths_that_cannot_be_saved_to_are_refused_beforehand,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
