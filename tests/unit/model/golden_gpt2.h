/* golden_gpt2.h - a small model of tests/golden/gpt2 with its sequences and expected results. */
#ifndef FB_TESTS_GOLDEN_GPT2_H
#define FB_TESTS_GOLDEN_GPT2_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config/json.h"
#include "golden_ids.h"
#include "model/golden_weight.h"
#include "model/gpt2.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct golden {
    struct fb_arena arena;
    const struct fb_node *json;
    struct fb_gpt2_config config;
    struct fb_weights weights;
    struct fb_sequences sequences;
};

static void golden_tensor(struct golden *g, const char *name, int64_t rows, int64_t cols) {
    struct fb_err err = {0};
    struct fb_weights *w = &g->weights;
    int64_t at = fb_names_add(&w->names, name, NULL, &err), numel = (rows ? rows : 1) * cols;
    float *data = fb_arena_alloc(&g->arena, (size_t)numel * sizeof *data, &err);

    assert_true(at >= 0 && data);
    w->item = realloc(w->item, (size_t)(at + 1) * sizeof *w->item);
    assert_non_null(w->item);
    for (int64_t i = 0; i < numel; i++)
        data[i] = golden_weight(name, rows ? 2 : 1, rows, (uint32_t)i);
    w->item[at] = (struct fb_weight){.name = w->names.name[at],
                                     .ndim = rows ? 2 : 1,
                                     .shape = {rows ? rows : cols, rows ? cols : 0},
                                     .numel = numel,
                                     .data = data};
}

static void golden_layer(struct golden *g, const char *name, int64_t in, int64_t out) {
    char full[100];

    snprintf(full, sizeof full, "%s.weight", name);
    golden_tensor(g, full, in, out);
    snprintf(full, sizeof full, "%s.bias", name);
    golden_tensor(g, full, 0, out);
}

static void golden_weights(struct golden *g) {
    const struct fb_gpt2_config *c = &g->config;
    char name[64];

    golden_tensor(g, "wte.weight", c->vocab_size, c->n_embd);
    golden_tensor(g, "wpe.weight", c->n_positions, c->n_embd);
    for (int64_t i = 0; i < c->n_layer; i++) {
        const struct {
            const char *name;
            int64_t in, out;
        } layers[] = {{"ln_1", 0, c->n_embd},
                      {"attn.c_attn", c->n_embd, 3 * c->n_embd},
                      {"attn.c_proj", c->n_embd, c->n_embd},
                      {"ln_2", 0, c->n_embd},
                      {"mlp.c_fc", c->n_embd, c->n_inner},
                      {"mlp.c_proj", c->n_inner, c->n_embd}};
        for (size_t k = 0; k < sizeof layers / sizeof *layers; k++) {
            snprintf(name, sizeof name, "h.%d.%s", (int)i, layers[k].name);
            golden_layer(g, name, layers[k].in, layers[k].out);
        }
    }
    golden_layer(g, "ln_f", 0, c->n_embd);
    golden_tensor(g, "score.weight", c->num_labels, c->n_embd);
}

static inline void golden_open(struct golden *g, const char *name) {
    struct fb_err err = {0};
    struct fb_node *json = NULL;
    char path[512];

    memset(g, 0, sizeof *g);
    snprintf(path, sizeof path, FB_GOLDEN_DIR "/gpt2/%s.json", name);
    assert_int_equal(fb_json_load(&json, &g->arena, path, &err), FB_OK);
    g->json = json;
    assert_int_equal(fb_gpt2_config_read(&g->config, fb_node_get(json, "config"), &err), FB_OK);
    golden_weights(g);
    g->sequences = golden_ids(fb_node_get(json, "sequences"), &g->arena);
}

static void golden_close(struct golden *g) {
    free(g->weights.item);
    fb_names_free(&g->weights.names);
    fb_arena_free(&g->arena);
}

static inline double golden_real(const struct fb_node *node) {
    return node->kind == FB_INT ? (double)node->value.integer : node->value.real;
}

#endif
