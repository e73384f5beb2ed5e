#include "train/base_model.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "config/json.h"
#include "hub/hub.h"
#include "pool/pool.h"

#include <stdlib.h>
#include <string.h>

static const struct fb_place nowhere = {0};

static int read_config(struct fb_base_model *b, const char *path, struct fb_arena *arena,
                       struct fb_err *err) {
    struct fb_node *json;

    if (fb_json_load(&json, arena, path, err)) return err->code;
    b->config = json;
    if (json->kind == FB_MAP) return FB_OK;
    return fb_fail(err, FB_EFORMAT, "%s: expected a mapping, found a %s", path,
                   fb_kind_name(json->kind));
}

static int find_model(struct fb_base_model *b, const char *model, struct fb_arena *arena,
                      struct fb_err *err) {
    char *path;
    int rc = fb_hub_resolve(&b->folder, model, FB_HUB_MODEL, NULL, err);

    b->name = model;
    if (rc) return rc;
    if (!(path = fb_path_join(b->folder, "config.json", err))) return err->code;
    if (fb_is_file(path)) rc = read_config(b, path, arena, err);
    else
        rc = fb_fail(err, FB_ENOTFOUND,
                     "'%s' has no config.json: training begins with the folder of a whole model",
                     model);
    free(path);
    return rc;
}

int fb_base_model_open(struct fb_base_model *out, const char *model, const char *config,
                       struct fb_arena *arena, struct fb_err *err) {
    *out = (struct fb_base_model){0};
    return model ? find_model(out, model, arena, err) : read_config(out, config, arena, err);
}

void fb_base_model_close(struct fb_base_model *b) {
    free(b->folder);
    *b = (struct fb_base_model){0};
}

bool fb_base_model_is(const struct fb_base_model *b, const char *model_type) {
    const struct fb_node *node = fb_node_get(b->config, "model_type");

    return node && node->kind == FB_TEXT && !strcmp(node->text, model_type);
}

/* {type: ..., models: [{name: _pretrained_, path: ...}]} */
static struct fb_node *pool_node(const char *type, const char *path, struct fb_arena *a,
                                 struct fb_err *err) {
    struct fb_node *pool = fb_node_map(a, nowhere, err), *list = fb_node_list(a, nowhere, err);
    struct fb_node *model = fb_node_map(a, nowhere, err);

    if (fb_node_set_text(a, model, "name", "_pretrained_", err) ||
        fb_node_set_text(a, model, "path", path, err) || !list ||
        fb_node_push(a, list, model, err) || fb_node_set_text(a, pool, "type", type, err) ||
        fb_node_set(a, pool, "models", list, err))
        return NULL;
    return pool;
}

static int take_head(struct fb_learner *l, struct fb_pool *pool, struct fb_err *err) {
    const struct fb_entry *score;
    struct fb_weight *w;

    if (l->objective != FB_CLASSIFICATION) return FB_OK;
    if (fb_pool_tensor(pool, 0, "score.weight", &score, err)) return err->code;
    if (!score || score->ndim != 2) return FB_OK;
    if (!(w = fb_weights_add(&l->weights, "score.weight", 2, score->shape, err))) return err->code;
    fb_dtype_to_f32(w->owned, score->data, score->dtype, score->numel);
    return FB_OK;
}

int fb_base_model_load(const struct fb_base_model *b, struct fb_learner *l,
                       const struct fb_log *log, struct fb_err *err) {
    struct fb_arena arena = {0};
    struct fb_pool *pool = NULL;
    const struct fb_node *node;
    int rc = FB_OK;

    if (!b->folder) return FB_OK;
    node = pool_node(l->type->pool, b->folder, &arena, err);
    rc = node ? fb_pool_create(&pool, node, log, err) : err->code;
    if (!rc) rc = fb_pool_load(pool, 0, &l->weights, err);
    for (int64_t i = 0; !rc && i < l->weights.names.count; i++)
        rc = fb_weights_own(&l->weights, i, err);
    if (!rc) rc = take_head(l, pool, err);
    fb_pool_close(pool);
    fb_arena_free(&arena);
    return rc;
}
