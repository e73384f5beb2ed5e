/* Files of tests/golden/convert (tools/golden/convert.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "base/file.h"
#include "base/map.h"
#include "ckpt/write.h"
#include "config/json.h"
#include "pool/conversion.h"
#include "pool/whole.h"
#include "scratch.h"

#include <math.h>
#include <string.h>

#define GOLDEN FB_GOLDEN_DIR "/convert/"

struct given {
    struct fb_arena arena;
    struct fb_converted done;
    struct fb_err err;
};

static int convert(struct given *g, struct fb_conversion c) {
    int rc;

    *g = (struct given){0};
    if (!c.dtype) c.dtype = "keep";
    rc = fb_convert(&c, &g->done, NULL, &g->arena, &g->err);
    return rc;
}

static struct fb_ckpt *open_at(const char *path) {
    struct fb_ckpt *ckpt;
    struct fb_err err = {0};

    if (fb_ckpt_open(&ckpt, path, &err)) fail_msg("%s", err.msg);
    return ckpt;
}

static void test_floats_are_rounded_and_integers_kept(void **state) {
    struct given g;
    struct fb_ckpt *got, *from = open_at(GOLDEN "types.safetensors");
    uint16_t w[3], wide;
    const char *out;

    (void)state;
    scratch_make();
    out = scratch_path("out.safetensors");
    if (convert(&g, (struct fb_conversion){
                        .in = GOLDEN "types.safetensors", .out = out, .dtype = "float16"}))
        fail_msg("%s", g.err.msg);
    assert_int_equal(g.done.tensors, 4);
    assert_int_equal(g.done.elements, 9);
    assert_int_equal(g.done.bytes, 34);
    got = open_at(out);
    for (int i = 0; i < 2; i++) {
        static const char *const kept[] = {"ids", "mask"};
        const struct fb_entry *a = fb_ckpt_find(from, kept[i]), *b = fb_ckpt_find(got, kept[i]);
        assert_int_equal(a->dtype, b->dtype);
        assert_memory_equal(a->data, b->data, a->size);
    }
    memcpy(w, fb_ckpt_find(got, "w")->data, sizeof w);
    memcpy(&wide, fb_ckpt_find(got, "wide")->data, sizeof wide);
    assert_int_equal(w[0], 0x3c00); /* 1 + 2^-11: a tie, to even */
    assert_int_equal(w[1], 0x7c00); /* 65520: a tie, to infinity */
    assert_int_equal(w[2], 0);      /* 1e-8 is less than half of the smallest, 2^-24 */
    assert_int_equal(wide, 0x3c00); /* 1 + 2^-40 */
    fb_ckpt_close(got);
    fb_ckpt_close(from);
    fb_arena_free(&g.arena);
    scratch_remove();
}

/* 1 + 2^-8 + 2^-40 is above a tie of bfloat16, but not once it is an f32. */
static void test_doubles_are_rounded_once(void **state) {
    static const double values[] = {1 + 0x1p-8 + 0x1p-40, -(1 + 0x1p-8 + 0x1p-40), 1e300, -0.0};
    struct fb_entry e = {.name = "x", .dtype = FB_F64, .ndim = 1, .shape = {4}, .numel = 4};
    struct fb_ckpt_writer *writer;
    struct given g = {0};
    struct fb_ckpt *got;
    uint16_t bits[4];
    char in[512], out[512];

    (void)state;
    scratch_make();
    strcpy(in, scratch_path("in.safetensors"));
    strcpy(out, scratch_path("out.safetensors"));
    assert_int_equal(fb_ckpt_create(&writer, in, &e, 1, NULL, 0, &g.err), FB_OK);
    assert_int_equal(fb_ckpt_write_bytes(writer, 0, 0, 4, values, &g.err), FB_OK);
    assert_int_equal(fb_ckpt_commit(writer, &g.err), FB_OK);
    assert_int_equal(convert(&g, (struct fb_conversion){.in = in, .out = out, .dtype = "bfloat16"}),
                     FB_OK);
    got = open_at(out);
    memcpy(bits, fb_ckpt_at(got, 0)->data, sizeof bits);
    assert_int_equal(bits[0], 0x3f81);
    assert_int_equal(bits[1], 0xbf81);
    assert_int_equal(bits[2], 0x7f80);
    assert_int_equal(bits[3], 0x8000);
    fb_ckpt_close(got);
    fb_arena_free(&g.arena);
    scratch_remove();
}

/* Elements of one byte between wider ones would put these at odd addresses. */
static void test_wide_types_come_first(void **state) {
    struct given g;
    struct fb_ckpt *got;
    const char *out;

    (void)state;
    scratch_make();
    out = scratch_path("out.safetensors");
    assert_int_equal(
        convert(&g, (struct fb_conversion){.in = GOLDEN "types.safetensors", .out = out}), FB_OK);
    got = open_at(out);
    for (int64_t i = 0; i < fb_ckpt_count(got); i++) {
        const struct fb_entry *e = fb_ckpt_at(got, i);
        assert_int_equal((uintptr_t)e->data % fb_dtype_size(e->dtype), 0);
    }
    fb_ckpt_close(got);
    fb_arena_free(&g.arena);
    scratch_remove();
}

static const struct fb_node *config_of(struct given *g, const char *folder) {
    struct fb_node *config;
    char path[512];

    snprintf(path, sizeof path, "%s/config.json", folder);
    if (fb_json_load(&config, &g->arena, path, &g->err)) fail_msg("%s", g->err.msg);
    return config;
}

static void test_a_head_changes_class_and_labels(void **state) {
    static const char *const bases[] = {GOLDEN "gpt2", GOLDEN "body"};
    static const char *const adapters[] = {GOLDEN "classifier", GOLDEN "classifier-of-body"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct given g;
        const struct fb_node *config;
        const char *folder = scratch_make();
        assert_int_equal(convert(&g, (struct fb_conversion){.in = adapters[i],
                                                            .base = bases[i],
                                                            .out = folder,
                                                            .dtype = "float16"}),
                         FB_OK);
        assert_int_equal(g.done.heads, 1);
        assert_int_equal(g.done.changed, 1);
        config = config_of(&g, folder);
        assert_string_equal(fb_node_at(config, "architectures.0")->text,
                            "GPT2ForSequenceClassification");
        assert_string_equal(fb_node_at(config, "id2label.2")->text, "LABEL_2");
        assert_int_equal(fb_node_at(config, "label2id.LABEL_2")->value.integer, 2);
        assert_int_equal(fb_node_get(config, "id2label")->count, 3);
        assert_string_equal(fb_node_get(config, "torch_dtype")->text, "float16");
        assert_true(fb_has_file(folder, "README.md"));
        fb_arena_free(&g.arena);
        scratch_remove();
    }
}

/* lm_head of its own beside a tied embedding: the configuration must say so. */
static void test_an_own_head_unties_the_embedding(void **state) {
    struct given g;
    const char *folder = scratch_make();
    struct fb_ckpt *got;
    char adapter[512], out[512], path[512];
    struct fb_err err = {0};
    struct fb_ckpt_writer *writer;
    static const float values[96];
    const struct fb_entry entries[] = {
        {"base_model.model.lm_head.weight", FB_F32, 2, {8, 4}, 32, values, 128},
        {"base_model.model.transformer.h.0.attn.c_attn.lora_A.weight",
         FB_F32,
         2,
         {2, 4},
         8,
         values,
         32},
        {"base_model.model.transformer.h.0.attn.c_attn.lora_B.weight",
         FB_F32,
         2,
         {12, 2},
         24,
         values,
         96}};

    (void)state;
    snprintf(adapter, sizeof adapter, "%s/adapter", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    scratch_write(
        "adapter/adapter_config.json",
        "{\"r\": 2, \"target_modules\": [\"c_attn\"], \"modules_to_save\": [\"lm_head\"]}");
    snprintf(path, sizeof path, "%s/adapter/adapter_model.safetensors", folder);
    assert_int_equal(fb_ckpt_create(&writer, path, entries, 3, NULL, 0, &err), FB_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fb_ckpt_write_bytes(writer, i, 0, entries[i].numel, values, &err), FB_OK);
    assert_int_equal(fb_ckpt_commit(writer, &err), FB_OK);
    assert_int_equal(
        convert(&g, (struct fb_conversion){.in = adapter, .base = GOLDEN "gpt2", .out = out}),
        FB_OK);
    assert_false(fb_node_get(config_of(&g, out), "tie_word_embeddings")->value.flag);
    assert_string_equal(fb_node_at(config_of(&g, out), "architectures.0")->text, "GPT2LMHeadModel");
    got = open_at(out);
    assert_memory_equal(fb_ckpt_find(got, "lm_head.weight")->data, values, 128);
    fb_ckpt_close(got);
    fb_arena_free(&g.arena);
    scratch_remove();
}

static void test_what_is_there_stays_until_the_new_file_is_complete(void **state) {
    struct given g;
    char out[512], want[1024];
    struct fb_map map;

    (void)state;
    scratch_make();
    strcpy(out, scratch_write("out.safetensors", "old"));
    assert_int_equal(convert(&g, (struct fb_conversion){.in = GOLDEN "gpt2", .out = out}), FB_EIO);
    snprintf(want, sizeof want, "OUT '%s' exists; --force replaces it", out);
    assert_string_equal(g.err.msg, want);
    assert_int_equal(convert(&g, (struct fb_conversion){.in = GOLDEN "pissa",
                                                        .base = GOLDEN "gpt2",
                                                        .out = out,
                                                        .force = true}),
                     FB_EUNSUPPORTED);
    assert_int_equal(fb_map_open(&map, out, &g.err), FB_OK);
    assert_memory_equal(map.data, "old", 3);
    fb_map_close(&map);
    fb_arena_free(&g.arena);
    assert_int_equal(
        convert(&g, (struct fb_conversion){.in = GOLDEN "gpt2", .out = out, .force = true}), FB_OK);
    fb_ckpt_close(open_at(out));
    fb_arena_free(&g.arena);
    scratch_remove();
}

static int attempt(void *out) {
    struct given g;
    int rc = convert(&g, (struct fb_conversion){.in = GOLDEN "classifier-of-body",
                                                .base = GOLDEN "body",
                                                .out = out,
                                                .force = true});

    fb_arena_free(&g.arena);
    return rc;
}

static void test_running_out_of_memory_is_reported(void **state) {
    char out[512];

    (void)state;
    scratch_make();
    strcpy(out, scratch_path("out"));
    assert_true(for_each_allocation_failure(attempt, out, 4000) > 50);
    scratch_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats_are_rounded_and_integers_kept),
        cmocka_unit_test(test_doubles_are_rounded_once),
        cmocka_unit_test(test_wide_types_come_first),
        cmocka_unit_test(test_a_head_changes_class_and_labels),
        cmocka_unit_test(test_an_own_head_unties_the_embedding),
        cmocka_unit_test(test_what_is_there_stays_until_the_new_file_is_complete),
        cmocka_unit_test(test_running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
