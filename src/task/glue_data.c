#include "task/glue_data.h"

#include "hub/hub.h"

#include <stdlib.h>

const char *fb_glue_tokenizer_name(const struct fb_node *node, const char *fallback,
                                   struct fb_err *err) {
    if (!node) return fallback;
    if (node->kind == FB_MAP) node = fb_node_get(node, "pretrained_model_name_or_path");
    if (node && node->kind == FB_TEXT) return node->text;
    fb_fail(err, FB_ECONFIG,
            "taskpool.tokenizer: expects a folder, a hub name or {pretrained_model_name_or_path: "
            "...}");
    return NULL;
}

int fb_glue_tokenizer_open(struct fb_tokenizer **out, const struct fb_node *node,
                           const char *fallback, struct fb_err *err) {
    const char *name = fb_glue_tokenizer_name(node, fallback, err);
    char *folder = NULL;
    int rc = name ? fb_hub_resolve(&folder, name, FB_HUB_MODEL, NULL, err) : err->code;

    *out = NULL;
    if (!rc) rc = fb_tokenizer_open(out, folder, err);
    free(folder);
    return rc ? fb_context(err, "taskpool.tokenizer '%s'", name ? name : "") : FB_OK;
}

int fb_glue_data_check(const struct fb_glue_item *item, const char *data_dir, struct fb_err *err) {
    struct fb_dataset data = {0};
    int rc = fb_glue_open(&data, item->task, item->split, data_dir, 1, err);

    fb_dataset_free(&data);
    return rc;
}
