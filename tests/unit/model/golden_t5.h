/* golden_t5.h - a small model of tests/golden/t5 with its prompts and expected results. */
#ifndef FB_TESTS_GOLDEN_T5_H
#define FB_TESTS_GOLDEN_T5_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config/json.h"
#include "golden_ids.h"
#include "hashed.h"
#include "model/generate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct golden {
    struct fb_arena arena;
    const struct fb_node *json;
    struct fb_t5_config config;
    struct fb_weights weights;
    struct fb_sequences sequences;
    struct fb_t5 *model;
};

static const char *const golden_names[] = {
    "flan",       "v1_0",         "gated_silu", "gelu",    "deeper_decoder", "deeper_encoder",
    "wide_heads", "narrow_heads", "buckets",    "epsilon", "other_tokens"};
enum { GOLDENS = sizeof golden_names / sizeof *golden_names };

/* As make_weight in tools/golden/t5.py. */
static float golden_weight(const char *name, int64_t rows, int64_t cols, uint32_t i) {
    double unit = hashed_unit(hashed_name(name), i);

    if (!rows) return (float)(unit * 0.2 + 1.0);
    if (!strncmp(name, "shared", 6) || strstr(name, "relative")) return (float)(unit * 2.0);
    return (float)(unit * (1.5 / sqrt((double)cols)));
}

/* rows 0: a vector. */
static void golden_tensor(struct golden *g, const char *name, int64_t rows, int64_t cols) {
    struct fb_err err = {0};
    const int64_t shape[2] = {rows ? rows : cols, cols};
    struct fb_weight *w = fb_weights_add(&g->weights, name, rows ? 2 : 1, shape, &err);

    assert_non_null(w);
    for (int64_t i = 0; i < w->numel; i++)
        w->owned[i] = golden_weight(name, rows, cols, (uint32_t)i);
}

static void golden_part(struct golden *g, const char *stack, int64_t block, int layer,
                        const char *part, int64_t rows, int64_t cols) {
    char name[128];

    snprintf(name, sizeof name, "%s.block.%d.layer.%d.%s.weight", stack, (int)block, layer, part);
    golden_tensor(g, name, rows, cols);
}

static void golden_stack(struct golden *g, const char *stack, int64_t layers, bool decoder) {
    const struct fb_t5_config *c = &g->config;
    const char *const parts[] = {"q", "k", "v"};
    int64_t inner = c->num_heads * c->d_kv;
    char name[64];

    for (int64_t i = 0; i < layers; i++) {
        for (int layer = 0; layer <= decoder; layer++) {
            const char *kind = layer ? "EncDecAttention" : "SelfAttention";
            golden_part(g, stack, i, layer, "layer_norm", 0, c->d_model);
            for (int k = 0; k < 3; k++) {
                snprintf(name, sizeof name, "%s.%s", kind, parts[k]);
                golden_part(g, stack, i, layer, name, inner, c->d_model);
            }
            snprintf(name, sizeof name, "%s.o", kind);
            golden_part(g, stack, i, layer, name, c->d_model, inner);
        }
        golden_part(g, stack, i, 1 + decoder, "layer_norm", 0, c->d_model);
        golden_part(g, stack, i, 1 + decoder,
                    c->gated ? "DenseReluDense.wi_0" : "DenseReluDense.wi", c->d_ff, c->d_model);
        if (c->gated)
            golden_part(g, stack, i, 1 + decoder, "DenseReluDense.wi_1", c->d_ff, c->d_model);
        golden_part(g, stack, i, 1 + decoder, "DenseReluDense.wo", c->d_model, c->d_ff);
    }
    golden_part(g, stack, 0, 0, "SelfAttention.relative_attention_bias",
                c->relative_attention_num_buckets, c->num_heads);
    snprintf(name, sizeof name, "%s.final_layer_norm.weight", stack);
    golden_tensor(g, name, 0, c->d_model);
}

static void golden_open(struct golden *g, const char *name) {
    struct fb_err err = {0};
    struct fb_node *json = NULL;
    char path[512];

    memset(g, 0, sizeof *g);
    snprintf(path, sizeof path, FB_GOLDEN_DIR "/t5/%s.json", name);
    assert_int_equal(fb_json_load(&json, &g->arena, path, &err), FB_OK);
    g->json = json;
    assert_int_equal(fb_t5_config_read(&g->config, fb_node_get(json, "config"), &err), FB_OK);
    golden_tensor(g, "shared.weight", g->config.vocab_size, g->config.d_model);
    golden_stack(g, "encoder", g->config.num_layers, false);
    golden_stack(g, "decoder", g->config.num_decoder_layers, true);
    if (!g->config.tie_word_embeddings)
        golden_tensor(g, "lm_head.weight", g->config.vocab_size, g->config.d_model);
    g->sequences = golden_ids(fb_node_get(json, "sequences"), &g->arena);
    assert_int_equal(fb_t5_create(&g->model, &g->config, &g->weights, &err), FB_OK);
}

static void golden_close(struct golden *g) {
    fb_t5_free(g->model);
    fb_weights_free(&g->weights);
    fb_arena_free(&g->arena);
}

static inline double golden_real(const struct fb_node *node) {
    return node->kind == FB_INT ? (double)node->value.integer : node->value.real;
}

/* Values of a row against a list; states are of order 1, the limit is that of doc/numerics.md. */
static inline void golden_close_to(const float *row, const struct fb_node *expected) {
    for (int64_t i = 0; i < expected->count; i++) {
        double want = golden_real(expected->item[i]);
        if (fabs((double)row[i] - want) > 2e-5 * (1 + fabs(want)))
            fail_msg("value %d is %.9g, expected %.9g", (int)i, (double)row[i], want);
    }
}

#endif
