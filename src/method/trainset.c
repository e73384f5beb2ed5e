#include "method/trainset.h"

#include "text/tokenizer_choice.h"

#include <string.h>

static const char *expert_name(const struct fb_pool *pool, int i) {
    return fb_pool_model_name(pool, fb_pool_expert(pool, i));
}

/* The entry of one expert; `list` is empty where the pool has no such key. */
static int find_item(struct fb_glue_item *out, const struct fb_glue_list *list, const char *name,
                     const char *key, struct fb_err *err) {
    const struct fb_glue_item *item = fb_glue_list_find(list, name);
    bool train = !strcmp(key, "train_datasets");

    if (item) {
        *out = *item;
        return FB_OK;
    }
    if (list->count)
        return fb_fail(err, FB_ECONFIG, "modelpool.%s has no entry for the expert '%s'", key, name);
    *out = (struct fb_glue_item){.name = name, .task = fb_glue_find(name)};
    if (!out->task)
        return fb_fail(
            err, FB_ECONFIG,
            "the expert '%s' needs an entry in modelpool.%s, as its name is not that of a "
            "GLUE task",
            name, key);
    out->split = train ? "train" : out->task->validation;
    return FB_OK;
}

static int find_items(struct fb_trainset *set, const char *key, struct fb_err *err) {
    const struct fb_node *node = fb_node_get(fb_pool_node(set->pool), key);
    struct fb_glue_list list = {0};
    int n = fb_pool_experts(set->pool);
    const char *split = !strcmp(key, "train_datasets") ? "train" : NULL;

    if (node && node->kind != FB_NULL &&
        fb_glue_list_read_datasets(&list, node, split, &set->arena, err))
        return fb_context(err, "modelpool.%s", key);
    set->item = fb_arena_calloc(&set->arena, (size_t)(n ? n : 1), sizeof *set->item, err);
    if (!set->item) return err->code;
    for (int i = 0; i < n; i++)
        if (find_item(&set->item[i], &list, expert_name(set->pool, i), key, err)) return err->code;
    return FB_OK;
}

int fb_trainset_open(struct fb_trainset *out, const struct fb_merge *merge,
                     const struct fb_trainset_request *request, struct fb_err *err) {
    const struct fb_node *config = fb_pool_node(merge->pool);
    const struct fb_node *folder = fb_node_get(config, "data_dir");
    struct fb_tokenizer_choice choice = {fb_node_get(config, "tokenizer"), "modelpool",
                                         request->tokenizer};

    if (choice.node && choice.node->kind == FB_NULL) choice.node = NULL;
    *out = (struct fb_trainset){.pool = merge->pool, .seed = merge->seed};
    out->data_dir = folder && folder->kind == FB_TEXT ? folder->text : merge->data_dir;
    if (find_items(out, request->key, err) ||
        fb_tokenizer_open_chosen(&out->tokenizer, &choice, err) ||
        fb_encoder_open(&out->encoder, out->tokenizer, err)) {
        fb_trainset_close(out);
        return err->code;
    }
    return FB_OK;
}

int fb_trainset_check(const struct fb_merge *merge, const struct fb_trainset_request *request,
                      struct fb_err *err) {
    struct fb_trainset set;
    int rc = fb_trainset_open(&set, merge, request, err);

    for (int i = 0; !rc && i < fb_pool_experts(merge->pool); i++)
        if (fb_examples_check(&set.item[i], set.data_dir, err))
            rc = fb_context(err, "expert '%s'", expert_name(merge->pool, i));
    fb_trainset_close(&set);
    return rc;
}

int fb_trainset_need_t5(const struct fb_pool *pool, struct fb_err *err) {
    const char *backbone = fb_pool_kind(pool)->backbone;

    if (backbone && !strcmp(backbone, "T5ForConditionalGeneration")) return FB_OK;
    return fb_fail(err, FB_ECONFIG,
                   "merges T5 models (AutoModelForSeq2SeqLMPool, PeftModelForSeq2SeqLMPool), and "
                   "the model pool is %s",
                   fb_pool_kind(pool)->name);
}

void fb_trainset_close(struct fb_trainset *set) {
    fb_encoder_close(set->encoder);
    fb_tokenizer_close(set->tokenizer);
    fb_arena_free(&set->arena);
    *set = (struct fb_trainset){0};
}

int fb_trainset_pick(const struct fb_trainset *set, int expert,
                     const struct fb_trainset_order *order, struct fb_examples *out,
                     struct fb_err *err) {
    int64_t batches = (order->examples - 1) / order->batch_size + 1;
    int64_t most = batches * order->batch_size;
    int rc =
        fb_examples_open(out, &set->item[expert], set->data_dir, order->shuffle ? -1 : most, err);

    if (!rc && order->shuffle) rc = fb_examples_shuffle(out, set->seed, order->epoch, most, err);
    if (!rc && !out->count) rc = fb_fail(err, FB_EFORMAT, "%s has no rows", out->data.source);
    return rc ? fb_context(err, "expert '%s'", expert_name(set->pool, expert)) : FB_OK;
}
