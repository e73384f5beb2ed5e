#include "pool/save.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "ckpt/write.h"
#include "config/json.h"
#include "config/yaml.h"
#include "hub/companions.h"
#include "hub/hub.h"

#include <stdlib.h>
#include <string.h>

bool fb_save_is_folder(const char *path) {
    return !fb_ends_with(path, ".safetensors");
}

int fb_save_check(const char *path, struct fb_err *err) {
    static const char *const pickles[] = {".bin", ".pt", ".pth", ".ckpt", ".pkl", NULL};
    char *weights;
    int rc;

    for (int i = 0; pickles[i]; i++)
        if (fb_ends_with(path, pickles[i]))
            return fb_fail(err, FB_EUNSUPPORTED,
                           "merged_model_save_path '%s': torch pickles are not written; name a "
                           "folder or a .safetensors file",
                           path);
    if (fb_save_is_folder(path) && fb_is_file(path))
        return fb_fail(
            err, FB_EIO,
            "merged_model_save_path '%s' is a file; name a folder or a .safetensors file", path);
    if (!(weights = fb_save_weights_path(path, err))) return err->code;
    rc = fb_file_probe(weights, err);
    free(weights);
    return rc ? fb_context(err, "merged_model_save_path") : FB_OK;
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

static int write_file(const char *folder, const char *name, const struct fb_str *text,
                      struct fb_err *err) {
    char *path = fb_path_join(folder, name, err);
    int rc = path ? fb_file_replace(path, fb_str_text(text), text->size, err) : err->code;

    free(path);
    return rc;
}

static const char *torch_name(enum fb_dtype dtype) {
    return dtype == FB_F16 ? "float16" : dtype == FB_BF16 ? "bfloat16" : "float32";
}

static int write_config(struct fb_pool *pool, const struct fb_save *save, struct fb_arena *a,
                        struct fb_err *err) {
    const char *backbone = fb_pool_kind(pool)->backbone;
    struct fb_node *config, *list;
    const struct fb_node *original;
    struct fb_str text = {0};
    int rc;

    if (fb_pool_config(pool, save->model, &original, err)) return err->code;
    if (!(config = fb_node_copy(a, original, err))) return err->code;
    if (backbone) {
        list = fb_node_list(a, (struct fb_place){0}, err);
        if (fb_node_push(a, list, fb_node_text(a, backbone, (struct fb_place){0}, err), err) ||
            fb_node_set(a, config, "architectures", list, err))
            return err->code;
    }
    if (fb_node_set_text(a, config, "torch_dtype", torch_name(save->dtype), err)) return err->code;
    rc = fb_json_print_indented(&text, config, err) ||
         write_file(save->path, "config.json", &text, err);
    fb_str_free(&text);
    return rc ? err->code : FB_OK;
}

/* The folder that has the tokenizer: the model's own, else the one the pool names. */
static int tokenizer_folder(struct fb_pool *pool, int model, char **out, struct fb_err *err) {
    const struct fb_node *node = fb_node_get(fb_pool_node(pool), "tokenizer");
    const char *folder;
    bool there;

    *out = NULL;
    if (fb_pool_folder(pool, model, &folder, err) || fb_companions_there(folder, &there, err))
        return err->code;
    if (there) return (*out = fb_strdup(folder, err)) ? FB_OK : err->code;
    if (node && node->kind == FB_MAP) node = fb_node_get(node, "pretrained_model_name_or_path");
    if (!node || node->kind != FB_TEXT) return FB_OK;
    return fb_hub_resolve(out, node->text, FB_HUB_MODEL, NULL, err);
}

static int copy_tokenizer(struct fb_pool *pool, const struct fb_save *save, struct fb_err *err) {
    char *folder = NULL;
    int rc = tokenizer_folder(pool, save->model, &folder, err);

    if (!rc && folder) rc = fb_companions_copy(folder, save->path, err);
    free(folder);
    return rc;
}

static int print_models(struct fb_str *out, const struct fb_pool *pool, const char *format,
                        struct fb_err *err) {
    for (int i = 0; i < fb_pool_models(pool); i++) {
        const char *path = fb_pool_model_path(pool, i);
        if (!strcmp(format, "yaml")
                ? fb_str_printf(out, err, "- %s\n", path)
                : fb_str_printf(out, err, "- `%s`: %s\n", fb_pool_model_name(pool, i), path))
            return err->code;
    }
    return FB_OK;
}

static int print_yaml_block(struct fb_str *out, const char *title, const struct fb_node *node,
                            struct fb_err *err) {
    if (!node) return FB_OK;
    if (fb_str_printf(out, err, "\n## %s\n\n```yaml\n", title) || fb_yaml_print(out, node, err))
        return err->code;
    return fb_str_puts(out, "```\n", err);
}

static int write_card(const struct fb_pool *pool, const struct fb_save *save, struct fb_err *err) {
    struct fb_str text = {0};
    int rc = fb_str_puts(&text, "---\nbase_model:\n", err);

    if (!rc) rc = print_models(&text, pool, "yaml", err);
    if (!rc)
        rc =
            fb_str_printf(&text, err,
                          "library_name: transformers\ntags:\n- fusion-bench\n- merge\n---\n\n"
                          "# Deep Model Fusion\n\n"
                          "Merged with fusion_bench %s by the method `%s`, computed in float32 and "
                          "stored as %s.\n\n## Models\n\n",
                          FB_VERSION, save->method_name, torch_name(save->dtype));
    if (!rc) rc = print_models(&text, pool, "list", err);
    if (!rc) rc = print_yaml_block(&text, "Method", save->method, err);
    if (!rc) rc = print_yaml_block(&text, "Model pool", save->modelpool, err);
    if (!rc) rc = write_file(save->path, "README.md", &text, err);
    fb_str_free(&text);
    return rc;
}

int fb_save_model(struct fb_pool *pool, const struct fb_save *save, struct fb_arena *arena,
                  struct fb_err *err) {
    int rc = save->weights ? write_weights(save, err) : FB_OK;

    if (!rc && fb_save_is_folder(save->path)) {
        rc = write_config(pool, save, arena, err);
        if (!rc && save->tokenizer) rc = copy_tokenizer(pool, save, err);
        if (!rc) rc = write_card(pool, save, err);
    }
    return rc ? fb_context(err, "saving '%s'", save->path) : FB_OK;
}
