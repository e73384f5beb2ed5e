#include "text/tokenizer_choice.h"

#include "hub/hub.h"

#include <stdlib.h>

const char *fb_tokenizer_chosen(const struct fb_tokenizer_choice *choice, struct fb_err *err) {
    const struct fb_node *node = choice->node;

    if (!node) return choice->fallback;
    if (node->kind == FB_MAP) node = fb_node_get(node, "pretrained_model_name_or_path");
    if (node && node->kind == FB_TEXT) return node->text;
    fb_fail(err, FB_ECONFIG,
            "%s.tokenizer: expects a folder, a hub name or {pretrained_model_name_or_path: ...}",
            choice->where);
    return NULL;
}

int fb_tokenizer_open_chosen(struct fb_tokenizer **out, const struct fb_tokenizer_choice *choice,
                             struct fb_err *err) {
    const char *name = fb_tokenizer_chosen(choice, err);
    char *folder = NULL;
    int rc;

    *out = NULL;
    if (!name) return err->code;
    rc = fb_hub_resolve(&folder, name, FB_HUB_MODEL, NULL, err);
    if (!rc) rc = fb_tokenizer_open(out, folder, err);
    free(folder);
    return rc ? fb_context(err, "%s.tokenizer '%s'", choice->where, name) : FB_OK;
}
