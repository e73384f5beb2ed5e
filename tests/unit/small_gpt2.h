/* small_gpt2.h - a pool of small GPT-2 classifiers over the demo's texts: the one of
 * tools/golden/fisher.py and regmean.py. Models are made from their tensors' names.
 *
 *     struct small s;
 *     small_open(&s);
 *     small_run(&s, "{name: gpt2_fisher_merging}")      FB_OK or the code, message in s.err.msg
 *     small_close(&s); */
#ifndef FB_TESTS_SMALL_GPT2_H
#define FB_TESTS_SMALL_GPT2_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ckpt/write.h"
#include "config/yaml.h"
#include "method/method.h"
#include "model/golden_weight.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>

struct small {
    const char *changed; /* the experts' tensors whose names begin like this have one value */
    float value;
    struct fb_arena arena;
    struct fb_merge merge;
    struct fb_err err;
};

enum { SMALL_KEYS = 29, SMALL_EMBD = 12 };

/* Tensors of a block of width 12 and of the whole model; rows 0 for vectors. */
static const struct small_tensor {
    const char *name;
    int64_t rows, cols;
} small_block[] = {{"ln_1.weight", 0, 12},         {"ln_1.bias", 0, 12},
                   {"attn.c_attn.weight", 12, 36}, {"attn.c_attn.bias", 0, 36},
                   {"attn.c_proj.weight", 12, 12}, {"attn.c_proj.bias", 0, 12},
                   {"ln_2.weight", 0, 12},         {"ln_2.bias", 0, 12},
                   {"mlp.c_fc.weight", 12, 48},    {"mlp.c_fc.bias", 0, 48},
                   {"mlp.c_proj.weight", 48, 12},  {"mlp.c_proj.bias", 0, 12}},
  small_rest[] = {{"wte.weight", 560, 12},
                  {"wpe.weight", 512, 12},
                  {"ln_f.weight", 0, 12},
                  {"ln_f.bias", 0, 12},
                  {"score.weight", 2, 12}};

/* One tensor of an expert ("" for the base): values owned. */
static inline struct fb_entry small_make(const struct small *s, const char *expert, const char *key,
                                         const struct small_tensor *t) {
    bool changed = *expert && s->changed && !strncmp(key, s->changed, strlen(s->changed));
    int64_t n = (t->rows ? t->rows : 1) * t->cols;
    float *values = malloc((size_t)n * sizeof *values);
    char *name = strdup(key), own[96];

    assert_true(values && name);
    snprintf(own, sizeof own, "%s.%s", expert, key);
    for (int64_t i = 0; i < n; i++) {
        values[i] = golden_weight(key, t->rows ? 2 : 1, t->rows, (uint32_t)i);
        if (*expert) values[i] += golden_weight(own, t->rows ? 2 : 1, t->rows, (uint32_t)i) * 0.25f;
        if (changed) values[i] = s->value;
    }
    return (struct fb_entry){.name = name,
                             .dtype = FB_F32,
                             .ndim = t->rows ? 2 : 1,
                             .shape = {t->rows ? t->rows : t->cols, t->rows ? t->cols : 0},
                             .numel = n,
                             .data = values,
                             .size = (size_t)n * sizeof *values};
}

static inline void small_model(struct small *s, const char *folder, const char *expert) {
    struct fb_entry e[SMALL_KEYS];
    struct fb_ckpt_writer *w;
    char path[64], key[64];
    int n = 0;

    for (int layer = 0; layer < 2; layer++)
        for (int i = 0; i < 12; i++) {
            snprintf(key, sizeof key, "h.%d.%s", layer, small_block[i].name);
            e[n++] = small_make(s, expert, key, &small_block[i]);
        }
    for (int i = 0; i < 5; i++)
        e[n++] = small_make(s, expert, small_rest[i].name, &small_rest[i]);
    snprintf(path, sizeof path, "%s/config.json", folder);
    scratch_write(path, "{\"model_type\": \"gpt2\", \"n_layer\": 2, \"n_head\": 2, \"n_embd\": 12, "
                        "\"n_positions\": 512, \"vocab_size\": 560, \"pad_token_id\": 559}");
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    if (fb_ckpt_create(&w, scratch_path(path), e, n, NULL, 0, &s->err)) fail_msg("%s", s->err.msg);
    for (int i = 0; i < n; i++) {
        assert_int_equal(fb_ckpt_write_bytes(w, i, 0, e[i].numel, e[i].data, &s->err), FB_OK);
        free((void *)(uintptr_t)e[i].data);
        free((void *)(uintptr_t)e[i].name);
    }
    assert_int_equal(fb_ckpt_commit(w, &s->err), FB_OK);
}

static inline struct fb_node *small_yaml(struct small *s, const char *text) {
    struct fb_node *node;

    if (fb_yaml_parse(&node, &s->arena, text, strlen(text), "test.yaml", &s->err))
        fail_msg("%s", s->err.msg);
    return node;
}

/* Another pool of the same models; `rest` follows the models in the configuration. */
static inline void small_pool(struct small *s, const char *rest) {
    char yaml[2048];

    snprintf(yaml, sizeof yaml,
             "{type: HF_GPT2ForSequenceClassification, models: {_pretrained_: '%s', cola: '%s', "
             "qnli: '%s', sst2: '%s'}, %s}",
             scratch_path("_pretrained_"), scratch_path("cola"), scratch_path("qnli"),
             scratch_path("sst2"), rest);
    fb_pool_close(s->merge.pool);
    s->merge.pool = NULL;
    if (fb_pool_create(&s->merge.pool, small_yaml(s, yaml), NULL, &s->err))
        fail_msg("%s", s->err.msg);
}

static inline void small_open_changed(struct small *s, const char *tensors, float value) {
    static const char *const experts[] = {"cola", "qnli", "sst2"};

    *s = (struct small){.changed = tensors, .value = value};
    scratch_make();
    s->merge.arena = &s->arena;
    s->merge.stream_dtype = FB_F32;
    small_model(s, "_pretrained_", "");
    for (int i = 0; i < 3; i++)
        small_model(s, experts[i], experts[i]);
    small_pool(s, "tokenizer: 'embedded:demo/gpt2/tokenizer', data_dir: 'embedded:demo/data'");
}

static inline void small_open(struct small *s) {
    small_open_changed(s, NULL, 0);
}

/* Reads, checks and runs a method as a run of the program does. */
static inline int small_run(struct small *s, const char *yaml) {
    const struct fb_method *m;
    void *opts;

    fb_merge_free(&s->merge);
    s->merge.weights = (struct fb_weights){0};
    memset(&s->err, 0, sizeof s->err);
    if (fb_method_read(&m, &opts, small_yaml(s, yaml), &s->arena, &s->err) ||
        fb_method_check(m, opts, &s->merge, &s->err) || fb_method_run(m, opts, &s->merge, &s->err))
        return s->err.code;
    return FB_OK;
}

static inline void small_close(struct small *s) {
    fb_merge_free(&s->merge);
    fb_pool_close(s->merge.pool);
    fb_arena_free(&s->arena);
    scratch_remove();
}

#endif
