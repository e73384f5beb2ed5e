#include "pool/companions.h"

#include "base/file.h"
#include "base/map.h"
#include "config/json.h"
#include "config/yaml.h"

#include <stdlib.h>

/* The files of all kinds of tokenizer. */
static const char *const tokenizer_files[] = {"vocab.json",
                                              "merges.txt",
                                              "tokenizer.json",
                                              "tokenizer_config.json",
                                              "special_tokens_map.json",
                                              "added_tokens.json",
                                              "spiece.model",
                                              "tokenizer.model",
                                              "sentencepiece.bpe.model",
                                              "vocab.txt",
                                              NULL};

static int write_file(const char *folder, const char *name, const struct fb_str *text,
                      struct fb_err *err) {
    char *path = fb_path_join(folder, name, err);
    int rc = path ? fb_file_replace(path, fb_str_text(text), text->size, err) : err->code;

    free(path);
    return rc;
}

/* ---- configuration ---- */

int fb_companions_set_architecture(struct fb_node *config, const char *architecture,
                                   struct fb_arena *a, struct fb_err *err) {
    const struct fb_place nowhere = {0};
    struct fb_node *list = fb_node_list(a, nowhere, err);
    struct fb_node *name = list ? fb_node_text(a, architecture, nowhere, err) : NULL;

    if (!name || fb_node_push(a, list, name, err)) return err->code;
    return fb_node_set(a, config, "architectures", list, err);
}

int fb_companions_write_config(const char *folder, struct fb_node *config, enum fb_dtype dtype,
                               struct fb_arena *a, struct fb_err *err) {
    struct fb_str text = {0};
    int rc = fb_node_set_text(a, config, "torch_dtype", fb_dtype_torch_name(dtype), err);

    if (!rc) rc = fb_json_print_indented(&text, config, err);
    if (!rc) rc = write_file(folder, "config.json", &text, err);
    fb_str_free(&text);
    return rc;
}

/* ---- files that are copied ---- */

bool fb_companions_has_tokenizer(const char *folder) {
    for (int i = 0; tokenizer_files[i]; i++)
        if (fb_has_file(folder, tokenizer_files[i])) return true;
    return false;
}

static int copy(const char *from, const char *to, const char *name, struct fb_err *err) {
    char *source, *target;
    int rc;

    if (!fb_has_file(from, name)) return FB_OK;
    source = fb_path_join(from, name, err);
    target = source ? fb_path_join(to, name, err) : NULL;
    rc = target ? fb_file_copy(source, target, err) : err->code;
    free(source);
    free(target);
    return rc;
}

int fb_companions_copy_tokenizer(const char *from, const char *to, struct fb_err *err) {
    for (int i = 0; tokenizer_files[i]; i++)
        if (copy(from, to, tokenizer_files[i], err)) return err->code;
    return FB_OK;
}

int fb_companions_copy_generation(const char *from, const char *to, struct fb_err *err) {
    return copy(from, to, "generation_config.json", err);
}

/* ---- model card ---- */

static int print_models(struct fb_str *out, const struct fb_card *card, struct fb_err *err) {
    for (int i = 0; i < card->models; i++)
        if (card->name[i] ? fb_str_printf(out, err, "- `%s`: %s\n", card->name[i], card->path[i])
                          : fb_str_printf(out, err, "- %s\n", card->path[i]))
            return err->code;
    return FB_OK;
}

/* The block of YAML that the hub reads. */
static int print_head(struct fb_str *out, const struct fb_card *card, struct fb_arena *a,
                      struct fb_err *err) {
    const struct fb_place nowhere = {0};
    struct fb_node *map = fb_node_map(a, nowhere, err);
    struct fb_node *list = map ? fb_node_list(a, nowhere, err) : NULL;

    if (!list || fb_node_set(a, map, "base_model", list, err)) return err->code;
    for (int i = 0; i < card->models; i++) {
        struct fb_node *path = fb_node_text(a, card->path[i], nowhere, err);
        if (!path || fb_node_push(a, list, path, err)) return err->code;
    }
    if (fb_str_puts(out, "---\n", err) || fb_yaml_print(out, map, err)) return err->code;
    return fb_str_printf(out, err, "library_name: transformers\ntags:\n- fusion-bench\n%s---\n\n",
                         card->merged ? "- merge\n" : "");
}

static int print_yaml_block(struct fb_str *out, const char *title, const struct fb_node *node,
                            struct fb_err *err) {
    if (!node) return FB_OK;
    if (fb_str_printf(out, err, "\n## %s\n\n```yaml\n", title) || fb_yaml_print(out, node, err))
        return err->code;
    return fb_str_puts(out, "```\n", err);
}

int fb_companions_write_card(const char *folder, const struct fb_card *card, struct fb_arena *a,
                             struct fb_err *err) {
    struct fb_str text = {0};
    int rc = print_head(&text, card, a, err);

    if (!rc)
        rc = fb_str_printf(&text, err, "# %s\n\n%s\n\n## Models\n\n",
                           card->merged ? "Deep Model Fusion" : "Converted model", card->what);
    if (!rc) rc = print_models(&text, card, err);
    if (!rc) rc = print_yaml_block(&text, "Method", card->method, err);
    if (!rc) rc = print_yaml_block(&text, "Model pool", card->modelpool, err);
    if (!rc) rc = write_file(folder, "README.md", &text, err);
    fb_str_free(&text);
    return rc;
}
