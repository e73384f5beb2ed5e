/* gpt2.h - what the benchmarks of GPT-2 open: a model folder and tokenized GLUE text. */
#ifndef FB_BENCH_GPT2_H
#define FB_BENCH_GPT2_H

#include "base/alloc.h"
#include "ckpt/ckpt.h"
#include "config/json.h"
#include "data/glue.h"
#include "model/gpt2.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_LENGTH = 512 };

struct model {
    struct fb_arena arena;
    struct fb_ckpt *ckpt;
    struct fb_weights weights;
    struct fb_gpt2_config config;
    struct fb_gpt2 *gpt2;
};

/* The validation rows of a task: row i is ids offset[i] .. offset[i + 1]. */
struct text {
    struct fb_dataset data;
    struct fb_ids ids;
    int64_t *offset;
};

static inline int model_open(struct model *m, const char *folder, struct fb_err *err) {
    struct fb_node *json;
    char path[4096];

    snprintf(path, sizeof path, "%s/config.json", folder);
    if (fb_json_load(&json, &m->arena, path, err) || fb_gpt2_config_read(&m->config, json, err) ||
        fb_ckpt_open(&m->ckpt, folder, err))
        return err->code;
    for (int64_t i = 0; i < fb_ckpt_count(m->ckpt); i++) {
        const struct fb_entry *e = fb_ckpt_at(m->ckpt, i);
        const char *name = fb_starts_with(e->name, "transformer.") ? e->name + 12 : e->name;
        if (e->dtype != FB_F32) return fb_fail(err, FB_EUNSUPPORTED, "'%s' is not F32", e->name);
        if (!fb_weights_borrow_entry(&m->weights, name, m->ckpt, e, err)) return err->code;
    }
    return fb_gpt2_create_from(&m->gpt2, &m->config, &m->weights, err);
}

static inline int text_open(struct text *t, const struct fb_tokenizer *tokenizer,
                            const char *folder, const char *name, int64_t limit,
                            struct fb_err *err) {
    const struct fb_glue_task *glue = fb_glue_find(name);
    const struct fb_column *text[2] = {NULL, NULL};

    if (!glue) return fb_fail(err, FB_ENOTFOUND, "no GLUE task '%s'", name);
    if (fb_glue_open(&t->data, glue, glue->validation, folder, limit, err)) return err->code;
    for (int i = 0; i < 2 && glue->text[i]; i++)
        if (!(text[i] = fb_dataset_column(&t->data, glue->text[i], err))) return err->code;
    if (!(t->offset = fb_calloc((size_t)t->data.rows + 1, sizeof *t->offset, err)))
        return err->code;
    for (int64_t i = 0; i < t->data.rows; i++) {
        size_t size[2] = {0, 0};
        const char *a = fb_column_text(text[0], i, &size[0]);
        const char *b = text[1] ? fb_column_text(text[1], i, &size[1]) : NULL;
        if (fb_tokenizer_encode_pair(tokenizer, &t->ids, a, size[0], b, size[1], MAX_LENGTH, err))
            return err->code;
        t->offset[i + 1] = t->ids.count;
    }
    return FB_OK;
}

static inline void text_close(struct text *t) {
    fb_dataset_free(&t->data);
    fb_ids_free(&t->ids);
    free(t->offset);
}

#endif
