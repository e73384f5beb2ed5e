/* golden_adamerging.h - the cases of tests/golden/adamerging, which tools/golden/adamerging.py made
 * with the reference's own classes. */
#ifndef FB_TESTS_GOLDEN_ADAMERGING_H
#define FB_TESTS_GOLDEN_ADAMERGING_H

#include "base/str.h"
#include "config/json.h"
#include "method/adaptation.h"
#include "method/each.h"
#include "tiny_pool.h"

#include <math.h>

static inline double real(const struct fb_node *node) {
    return node->kind == FB_INT ? (double)node->value.integer : node->value.real;
}

static inline const struct fb_node *open_cases(struct fb_arena *arena) {
    struct fb_err err = {0};
    struct fb_node *cases;

    assert_int_equal(fb_json_load(&cases, arena, FB_GOLDEN_DIR "/adamerging/cases.json", &err),
                     FB_OK);
    return cases;
}

/* The pool of a case: the demo's, or models of tests/seed/t5 with its data. */
static inline void open_pool(struct tiny *t, const struct fb_node *c) {
    static const char t5[] = FB_SOURCE_DIR "/tests/seed/t5";
    const struct fb_node *models = fb_node_get(c, "models");
    struct fb_str text = {0};
    int rc = FB_OK;

    t->merge.seed = (uint64_t)fb_node_get(c, "seed")->value.integer;
    if (models->kind != FB_MAP) {
        tiny_pool(t, "{type: HF_GPT2ForSequenceClassification, models: {_pretrained_: "
                     "'embedded:demo/gpt2/_pretrained_', cola: 'embedded:demo/gpt2/cola', mnli: "
                     "'embedded:demo/gpt2/mnli', qnli: 'embedded:demo/gpt2/qnli', sst2: "
                     "'embedded:demo/gpt2/sst2'}, tokenizer: 'embedded:demo/gpt2/tokenizer', "
                     "data_dir: 'embedded:demo/data'}");
        return;
    }
    rc = fb_str_printf(&text, &t->err,
                       "{_target_: fusion_bench.modelpool.Seq2SeqLMPool, "
                       "tokenizer: '%s/base', data_dir: '%s/data', models: {",
                       t5, t5);
    for (int64_t i = 0; !rc && i < models->count; i++) {
        const char *folder = models->item[i]->text;
        rc = strncmp(folder, "lora", 4)
                 ? fb_str_printf(&text, &t->err, "%s: '%s/%s', ", models->key[i].text, t5, folder)
                 : fb_str_printf(&text, &t->err,
                                 "%s: {_target_: "
                                 "fusion_bench.modelpool.seq2seq_lm.modelpool.load_lora_model, "
                                 "base_model_path: '%s/base', peft_model_path: '%s/%s'}, ",
                                 models->key[i].text, t5, t5, folder);
    }
    if (!rc) rc = fb_str_puts(&text, "}}", &t->err);
    assert_int_equal(rc, FB_OK);
    tiny_pool(t, fb_str_text(&text));
    fb_str_free(&text);
}

static inline bool is_t5(const struct fb_node *c) {
    return fb_node_get(c, "models")->kind == FB_MAP;
}

#endif
