#include "pool/gpt2_head.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static int find(const struct fb_entry **score, struct fb_gpt2_config *config, struct fb_pool *pool,
                const char *name, struct fb_err *err) {
    int model = fb_pool_find(pool, name);
    const struct fb_node *json;

    if (model < 0)
        return fb_fail(
            err, FB_ECONFIG,
            "the model pool has no model of that name, whose classification head would be used");
    if (fb_pool_config(pool, model, &json, err) || fb_gpt2_config_read(config, json, err) ||
        fb_pool_tensor(pool, model, "score.weight", score, err))
        return err->code;
    if (!*score)
        return fb_fail(err, FB_EFORMAT, "'%s' has no score.weight: it is not a sequence classifier",
                       fb_pool_model_path(pool, model));
    if ((*score)->ndim != 2 || (*score)->shape[0] < 1 || (*score)->shape[0] > FB_GPT2_LABELS_MAX)
        return fb_fail(
            err, FB_EMISMATCH,
            "score.weight of '%s' is not a matrix of [labels, %jd] with at most %d labels",
            fb_pool_model_path(pool, model), (intmax_t)config->n_embd, FB_GPT2_LABELS_MAX);
    return FB_OK;
}

int fb_gpt2_head_check(struct fb_pool *pool, const char *name, struct fb_err *err) {
    struct fb_gpt2_config config;
    const struct fb_entry *score;

    return find(&score, &config, pool, name, err);
}

int fb_gpt2_head_load(struct fb_gpt2_head *out, struct fb_pool *pool, const char *name,
                      int64_t n_embd, struct fb_err *err) {
    const struct fb_entry *entry;

    *out = (struct fb_gpt2_head){0};
    if (find(&entry, &out->config, pool, name, err)) return err->code;
    if (entry->shape[1] != n_embd)
        return fb_fail(err, FB_EMISMATCH,
                       "score.weight has %jd columns where the merged model has n_embd %jd",
                       (intmax_t)entry->shape[1], (intmax_t)n_embd);
    out->labels = (int)entry->shape[0];
    out->score = (struct fb_weight){.name = "score.weight", .ndim = 2, .numel = entry->numel};
    memcpy(out->score.shape, entry->shape, sizeof entry->shape);
    out->score.owned = fb_malloc((size_t)entry->numel * sizeof(float), err);
    if (!(out->score.data = out->score.owned)) return err->code;
    fb_dtype_to_f32(out->score.owned, entry->data, entry->dtype, entry->numel);
    return FB_OK;
}

void fb_gpt2_head_free(struct fb_gpt2_head *head) {
    free(head->score.owned);
    *head = (struct fb_gpt2_head){0};
}
