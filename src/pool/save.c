#include "pool/save.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "ckpt/write.h"
#include "hub/hub.h"
#include "pool/companions.h"

#include <stdlib.h>
#include <string.h>

bool fb_save_is_folder(const char *path) {
    return !fb_ends_with(path, ".safetensors");
}

int fb_save_check(const char *path, const char *what, struct fb_err *err) {
    static const char *const pickles[] = {".bin", ".pt", ".pth", ".ckpt", ".pkl", NULL};

    for (int i = 0; pickles[i]; i++)
        if (fb_ends_with(path, pickles[i]))
            return fb_fail(err, FB_EUNSUPPORTED,
                           "%s '%s': torch pickles are not written; name a folder or a "
                           ".safetensors file",
                           what, path);
    if (fb_starts_with(path, "embedded:"))
        return fb_fail(err, FB_EUNSUPPORTED, "%s '%s': files in the program cannot be written",
                       what, path);
    if (fb_save_is_folder(path) && fb_is_file(path))
        return fb_fail(err, FB_EIO, "%s '%s' is a file; name a folder or a .safetensors file", what,
                       path);
    return FB_OK;
}

int fb_save_probe(const char *path, const char *what, struct fb_err *err) {
    char *weights;
    int rc;

    if (fb_save_check(path, what, err)) return err->code;
    if (!(weights = fb_save_weights_path(path, err))) return err->code;
    rc = fb_file_probe(weights, err);
    free(weights);
    return rc ? fb_context(err, "%s", what) : FB_OK;
}

char *fb_save_weights_path(const char *path, struct fb_err *err) {
    if (!fb_save_is_folder(path)) return fb_strdup(path, err);
    return fb_path_join(path, "model.safetensors", err);
}

static int write_weights(const struct fb_save *save, struct fb_err *err) {
    const struct fb_weights *w = save->weights;
    struct fb_entry *entries = fb_calloc((size_t)w->names.count, sizeof *entries, err);
    struct fb_ckpt_writer *writer = NULL;
    char *path = entries ? fb_save_weights_path(save->path, err) : NULL;
    void *scratch = NULL;
    int64_t largest = 0;
    int rc;

    for (int64_t i = 0; path && i < w->names.count; i++) {
        const struct fb_weight *from = &w->item[i];
        entries[i] = (struct fb_entry){
            .name = from->name, .dtype = save->dtype, .ndim = from->ndim, .numel = from->numel};
        memcpy(entries[i].shape, from->shape, sizeof from->shape);
        if (from->numel > largest) largest = from->numel;
    }
    rc = path ? FB_OK : err->code;
    if (!rc && save->dtype != FB_F32 && !(scratch = fb_malloc((size_t)largest * 4, err)))
        rc = err->code;
    if (!rc) rc = fb_ckpt_create(&writer, path, entries, w->names.count, NULL, 0, err);
    for (int64_t i = 0; !rc && i < w->names.count; i++)
        rc = fb_ckpt_write_f32(writer, i, 0, w->item[i].numel, w->item[i].data, scratch, err);
    if (!rc) rc = fb_ckpt_commit(writer, err);
    else if (writer) fb_ckpt_abandon(writer);
    free(scratch);
    free(entries);
    free(path);
    return rc;
}

static int write_config(struct fb_pool *pool, const struct fb_save *save, struct fb_arena *a,
                        struct fb_err *err) {
    const char *backbone = fb_pool_kind(pool)->backbone;
    const struct fb_node *original;
    struct fb_node *config;

    if (fb_pool_config(pool, save->model, &original, err)) return err->code;
    if (!(config = fb_node_copy(a, original, err))) return err->code;
    if (backbone && fb_companions_set_architecture(config, backbone, a, err)) return err->code;
    return fb_companions_write_config(save->path, config, save->dtype, a, err);
}

/* The folder that has the tokenizer: the model's own, else the one the pool names. */
static int tokenizer_folder(struct fb_pool *pool, int model, char **out, struct fb_err *err) {
    const struct fb_node *node = fb_node_get(fb_pool_node(pool), "tokenizer");
    const char *folder;

    *out = NULL;
    if (fb_pool_folder(pool, model, &folder, err)) return err->code;
    if (fb_companions_has_tokenizer(folder))
        return (*out = fb_strdup(folder, err)) ? FB_OK : err->code;
    if (node && node->kind == FB_MAP) node = fb_node_get(node, "pretrained_model_name_or_path");
    if (!node || node->kind != FB_TEXT) return FB_OK;
    return fb_hub_resolve(out, node->text, FB_HUB_MODEL, NULL, err);
}

static int copy_files(struct fb_pool *pool, const struct fb_save *save, struct fb_err *err) {
    char *from = NULL;
    const char *own;
    int rc = fb_pool_folder(pool, save->model, &own, err);

    if (!rc) rc = fb_companions_copy_generation(own, save->path, err);
    if (!rc && save->tokenizer) rc = tokenizer_folder(pool, save->model, &from, err);
    if (!rc && from) rc = fb_companions_copy_tokenizer(from, save->path, err);
    free(from);
    return rc;
}

static int write_card(const struct fb_pool *pool, const struct fb_save *save, struct fb_arena *a,
                      struct fb_err *err) {
    size_t n = (size_t)fb_pool_models(pool);
    const char **name = fb_arena_calloc(a, n, sizeof *name, err);
    const char **path = fb_arena_calloc(a, n, sizeof *path, err);
    struct fb_card card = {.name = name,
                           .path = path,
                           .models = (int)n,
                           .merged = true,
                           .method = save->method,
                           .modelpool = save->modelpool};

    if (!name || !path) return err->code;
    for (int i = 0; i < card.models; i++) {
        name[i] = fb_pool_model_name(pool, i);
        path[i] = fb_pool_model_path(pool, i);
    }
    card.what = fb_arena_printf(a, err,
                                "Merged with fusion_bench %s by the method `%s`, computed in "
                                "float32 and stored as %s.",
                                FB_VERSION, save->method_name, fb_dtype_torch_name(save->dtype));
    return card.what ? fb_companions_write_card(save->path, &card, a, err) : err->code;
}

int fb_save_model(struct fb_pool *pool, const struct fb_save *save, struct fb_arena *arena,
                  struct fb_err *err) {
    int rc = save->weights ? write_weights(save, err) : FB_OK;

    if (!rc && fb_save_is_folder(save->path)) {
        rc = write_config(pool, save, arena, err);
        if (!rc) rc = copy_files(pool, save, err);
        if (!rc) rc = write_card(pool, save, arena, err);
    }
    return rc ? fb_context(err, "saving '%s'", save->path) : FB_OK;
}
