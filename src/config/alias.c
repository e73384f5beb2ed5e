#include "config/alias.h"

#include "base/number.h"

#include <string.h>

static const char models[] = "modelpool.models.";

static const char *const pairs[][2] = {
    {"save_report", "report_save_path"},
    {"report_save_path", "save_report"},
};

/* The item of a list of models that has the name; -1 if none. */
static int64_t index_of(const struct fb_node *list, const char *name, size_t size) {
    for (int64_t i = 0; i < list->count; i++) {
        const struct fb_node *node = fb_node_get(list->item[i], "name");
        if (node && node->kind == FB_TEXT && !strncmp(node->text, name, size) && !node->text[size])
            return i;
    }
    return -1;
}

/* "modelpool.models.<which>.<field>" in the other layout, or NULL where no such model is. */
static const char *other_model(const struct fb_node *root, const char *which, size_t size,
                               const char *field, struct fb_arena *a, struct fb_err *err) {
    const struct fb_node *node = fb_node_at(root, "modelpool.models");
    char number[24] = {0};
    int64_t at;

    if (!node) return NULL;
    if (node->kind == FB_LIST && !strcmp(field, "pretrained_model_name_or_path")) {
        if ((at = index_of(node, which, size)) < 0) return NULL;
        return fb_arena_printf(a, err, "%s%jd.path", models, (intmax_t)at);
    }
    if (node->kind != FB_MAP || strcmp(field, "path") || size >= sizeof number) return NULL;
    memcpy(number, which, size);
    if (!fb_parse_int(number, &at) || at < 0 || at >= node->count) return NULL;
    if (node->item[at]->kind == FB_TEXT)
        return fb_arena_printf(a, err, "%s%s", models, node->key[at].text);
    return fb_arena_printf(a, err, "%s%s.pretrained_model_name_or_path", models,
                           node->key[at].text);
}

int fb_alias_apply(struct fb_override *o, const struct fb_node *root, struct fb_arena *a,
                   struct fb_err *err) {
    const char *which, *dot, *other = NULL;

    if (o->kind != FB_OVERRIDE_SET || fb_node_at(root, o->key)) return FB_OK;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (!strcmp(o->key, pairs[i][0])) other = pairs[i][1];
    if (fb_starts_with(o->key, models)) {
        which = o->key + strlen(models);
        if (!(dot = strchr(which, '.'))) return FB_OK;
        err->code = FB_OK;
        other = other_model(root, which, (size_t)(dot - which), dot + 1, a, err);
        if (err->code) return err->code;
    }
    if (other && fb_node_at(root, other)) o->key = other;
    return FB_OK;
}
