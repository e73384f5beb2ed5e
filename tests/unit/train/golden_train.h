/* golden_train.h - a small model of tests/golden/train, its sequences and its recipe. */
#ifndef FB_TESTS_GOLDEN_TRAIN_H
#define FB_TESTS_GOLDEN_TRAIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/json.h"
#include "golden_ids.h"
#include "hashed.h"
#include "train/adapter.h"
#include "train/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct golden {
    struct fb_arena arena;
    const struct fb_node *json;
    struct fb_corpus corpus; /* made by hand: everything from the arena */
    enum fb_objective objective;
    int64_t sequences;
};

static inline double golden_number(const struct fb_node *map, const char *key) {
    const struct fb_node *node = fb_node_get(map, key);

    assert_non_null(node);
    return node->kind == FB_REAL ? node->value.real : (double)node->value.integer;
}

static inline double golden_at(const struct fb_node *list, int64_t i) {
    assert_non_null(list);
    assert_true(i < list->count);
    return list->item[i]->kind == FB_REAL ? list->item[i]->value.real
                                          : (double)list->item[i]->value.integer;
}

static inline enum fb_objective golden_objective(const char *name) {
    if (!strcmp(name, "classification")) return FB_CLASSIFICATION;
    return strcmp(name, "text-to-text") ? FB_LANGUAGE_MODEL : FB_TEXT_TO_TEXT;
}

static inline void golden_open(struct golden *g, const char *name) {
    const struct fb_node *labels;
    struct fb_err err = {0};
    struct fb_node *json;
    char path[1000];

    *g = (struct golden){0};
    snprintf(path, sizeof path, "%s/train/%s.json", FB_GOLDEN_DIR, name);
    assert_int_equal(fb_json_load(&json, &g->arena, path, &err), FB_OK);
    g->json = json;
    g->objective = golden_objective(fb_node_get(json, "objective")->text);
    g->corpus.objective = g->objective;
    g->corpus.input = golden_ids(fb_node_get(json, "inputs"), &g->arena);
    g->corpus.target = golden_ids(fb_node_get(json, "targets"), &g->arena);
    g->corpus.count = g->sequences = g->corpus.input.count;
    if (!(labels = fb_node_get(json, "labels"))) return;
    g->corpus.label =
        fb_arena_calloc(&g->arena, (size_t)labels->count, sizeof *g->corpus.label, &err);
    assert_non_null(g->corpus.label);
    for (int64_t i = 0; i < labels->count; i++)
        g->corpus.label[i] = (int32_t)labels->item[i]->value.integer;
}

/* A config.json. */
static inline struct fb_node *config_of(struct fb_arena *arena, const char *text) {
    struct fb_err err = {0};
    struct fb_node *json;

    assert_int_equal(fb_json_parse(&json, arena, text, strlen(text), "config.json", &err), FB_OK);
    return json;
}

static inline void golden_close(struct golden *g) {
    fb_arena_free(&g->arena);
}

/* As make_weight in tools/golden/train.py. */
static inline void golden_weight(struct fb_weight *w) {
    uint32_t seed = hashed_name(w->name);

    for (int64_t i = 0; i < w->numel; i++) {
        double unit = hashed_unit(seed, (uint32_t)i);
        if (strstr(w->name, ".lora_B.")) unit = 0.0;
        else if (w->ndim > 1) unit = unit * 0.3;
        else unit = strstr(w->name, ".weight") ? unit * 0.2 + 1.0 : unit * 0.1;
        w->owned[i] = (float)unit;
    }
}

/* A learner with the golden weights, ready to learn, with dropout of all kinds. */
static inline void golden_learner_with(struct fb_learner *l, struct golden *g, double dropout) {
    const struct fb_node *config = fb_node_get(g->json, "config"),
                         *modules = fb_node_get(g->json, "target_modules");
    const struct fb_node *labels = fb_node_get(config, "num_labels");
    int classes = g->objective != FB_CLASSIFICATION ? 0 : labels ? (int)labels->value.integer : 2;
    struct fb_err err = {0};
    int64_t added;

    assert_int_equal(fb_learner_configure(l, g->objective, config, classes, &err), FB_OK);
    l->gpt2.embd_pdrop = l->gpt2.attn_pdrop = l->gpt2.resid_pdrop = dropout;
    l->t5.dropout_rate = dropout;
    assert_int_equal(fb_learner_create(l, 0, &added, &err), FB_OK);
    for (int64_t i = 0; i < l->weights.names.count; i++)
        golden_weight(&l->weights.item[i]);
    assert_int_equal(l->type->refresh(l, &err), FB_OK);
    if (modules) {
        const char *names[8];
        struct fb_adapter_options o = {.r = (int64_t)golden_number(g->json, "r"),
                                       .alpha = golden_number(g->json, "alpha"),
                                       .base_model = "base",
                                       .target_modules = {names, modules->count}};
        struct fb_node *adapter;
        for (int64_t i = 0; i < modules->count; i++)
            names[i] = modules->item[i]->text;
        adapter = fb_adapter_config(l, &o, &g->arena, &err);
        assert_non_null(adapter);
        assert_int_equal(fb_adapter_attach(l, adapter, 0, &err), FB_OK);
        for (int64_t i = 0; i < l->factors.names.count; i++)
            golden_weight(&l->factors.item[i]);
        fb_learner_pack(l);
    }
    assert_int_equal(fb_learner_begin(l, &err), FB_OK);
}

static inline void golden_learner(struct fb_learner *l, struct golden *g) {
    golden_learner_with(l, g, 0.0);
}

/* The sequences of one golden batch. */
static inline int64_t golden_batch(int64_t row[64], const struct golden *g, int64_t batch) {
    const struct fb_node *list = fb_node_get(g->json, "batches")->item[batch];

    for (int64_t i = 0; i < list->count; i++)
        row[i] = list->item[i]->value.integer;
    return list->count;
}

/* The recipe of a golden file. */
struct recipe {
    struct fb_adamw rule;
    struct fb_schedule schedule;
    int64_t accumulation, shown;
};

static inline struct recipe golden_recipe(const struct golden *g) {
    const struct fb_node *r = fb_node_get(g->json, "recipe");

    return (struct recipe){.rule = {0.9, 0.999, 1e-8, golden_number(r, "weight_decay"),
                                    golden_number(r, "max_grad_norm")},
                           .schedule = {FB_SCHEDULE_LINEAR, golden_number(r, "learning_rate"),
                                        (int64_t)golden_number(r, "warmup"),
                                        (int64_t)golden_number(r, "steps")},
                           .accumulation = (int64_t)golden_number(r, "accumulation"),
                           .shown = (int64_t)golden_number(r, "shown")};
}

/* One step of the golden order; returns its loss. */
static inline double golden_step(struct fb_learner *l, const struct golden *g,
                                 const struct recipe *r, int64_t at, double *norm) {
    struct fb_err err = {0};
    struct fb_loss loss;
    int64_t row[64];
    double sum = 0;

    for (int64_t micro = 0; micro < r->accumulation; micro++) {
        int64_t n = golden_batch(row, g, at * r->accumulation + micro);
        assert_int_equal(fb_learner_gradients(l, &g->corpus, row, n, 1.0 / (double)r->accumulation,
                                              1, &loss, &err),
                         FB_OK);
        sum += loss.sum / (double)loss.labels / (double)r->accumulation;
    }
    assert_int_equal(fb_learner_step(l, &r->rule, fb_schedule_rate(&r->schedule, at), norm, &err),
                     FB_OK);
    return sum;
}

static inline void golden_compare(struct fb_learner *l, const struct golden *g, const char *name) {
    const struct fb_node *shown = fb_node_get(g->json, "parameters");

    assert_true(shown->count > 0);
    for (int64_t i = 0; i < shown->count; i++) {
        int64_t count;
        const float *values = fb_learner_values(l, shown->key[i].text, &count);
        assert_non_null(values);
        for (int64_t j = 0; j < shown->item[i]->count; j++) {
            double want = golden_at(shown->item[i], j);
            if (fabs((double)values[j] - want) > 1e-4)
                fail_msg("%s: %s[%d]: %.9g, expected %.9g", name, shown->key[i].text, (int)j,
                         (double)values[j], want);
        }
    }
}

/* 1e-4: gradients differ in the last bits, and AdamW divides by their size, so that a gradient that
 * is nearly nothing may move its parameter by a step of its own. */
static inline void golden_assert_steps(const char *name) {
    struct golden g;
    struct fb_learner l;
    struct recipe r;

    golden_open(&g, name);
    golden_learner(&l, &g);
    r = golden_recipe(&g);
    for (int64_t at = 0; at < r.shown; at++) {
        double norm, loss = golden_step(&l, &g, &r, at, &norm);
        double want = golden_at(fb_node_get(g.json, "losses"), at);
        double want_norm = golden_at(fb_node_get(g.json, "norms"), at);
        if (fabs(loss - want) > 1e-4 || fabs(norm - want_norm) > 1e-3 * (1 + want_norm))
            fail_msg("%s step %d: loss %.9g, expected %.9g; norm %.9g, expected %.9g", name,
                     (int)at, loss, want, norm, want_norm);
    }
    golden_compare(&l, &g, name);
    fb_learner_free(&l);
    golden_close(&g);
}

#endif
