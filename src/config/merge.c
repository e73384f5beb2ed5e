#include "config/merge.h"

#include <string.h>

static bool is_container(const struct fb_node *node) {
    return node->kind == FB_LIST || node->kind == FB_MAP;
}

static struct fb_node *root_of(struct fb_node *node) {
    while (node->parent)
        node = node->parent;
    return node;
}

struct fb_node *fb_merge_target(const struct fb_node *node) {
    struct fb_node *from;
    char path[512];
    const char *p;
    size_t size;

    if (node->kind != FB_TEXT || strncmp(node->text, "${", 2)) return NULL;
    p = node->text + 2;
    size = strcspn(p, "}");
    if (p[size] != '}' || p[size + 1] || strpbrk(p, ":{[ '\"$") || size >= sizeof path) return NULL;
    from = *p == '.' ? node->parent : root_of(node->parent);
    if (*p == '.')
        for (p++, size--; *p == '.' && from; p++, size--)
            from = from->parent;
    if (!from || !size) return NULL;
    memcpy(path, p, size);
    path[size] = '\0';
    from = fb_node_at(from, path);
    return from && is_container(from) ? from : NULL;
}

static int fail_kinds(const struct fb_node *under, const struct fb_node *over, struct fb_err *err) {
    struct fb_str path = {0};
    char place[256];

    fb_place_format(place, sizeof place, over->place);
    if (!fb_node_path(&path, under, err))
        fb_fail(err, FB_ECONFIG, "%scannot merge %s onto %s '%s'", place, fb_kind_name(over->kind),
                fb_kind_name(under->kind), fb_str_text(&path));
    fb_str_free(&path);
    return err->code;
}

static int fail_unknown(const struct fb_node *under, const char *key, struct fb_err *err) {
    struct fb_str path = {0};

    if (!fb_node_path(&path, under, err))
        fb_fail(err, FB_ENOTFOUND, "%s%s%s", fb_str_text(&path), path.size ? "." : "", key);
    fb_str_free(&path);
    return err->code;
}

static int merge_key(struct fb_node *under, struct fb_key key, struct fb_node *over, bool strict,
                     struct fb_arena *a, struct fb_err *err) {
    int64_t at = fb_node_index(under, key);
    struct fb_node *old = at < 0 ? NULL : under->item[at], *target;

    if (!old && strict) return fail_unknown(under, key.text, err);
    if (!old) return fb_node_set_key(a, under, key, over, err);
    if ((is_container(over) || fb_node_is_missing(over)) && (target = fb_merge_target(old))) {
        if (!(old = fb_node_copy(a, target, err)) || fb_node_set_key(a, under, key, old, err))
            return err->code;
    }
    if (fb_node_is_missing(over)) return FB_OK;
    if (is_container(old) && is_container(over)) return fb_merge(old, over, strict, a, err);
    return fb_node_set_key(a, under, key, over, err);
}

static void replace_list(struct fb_node *under, const struct fb_node *over) {
    under->item = over->item;
    under->count = over->count;
    under->capacity = over->capacity;
    under->place = over->place;
    for (int64_t i = 0; i < under->count; i++)
        under->item[i]->parent = under;
}

int fb_merge(struct fb_node *under, struct fb_node *over, bool strict, struct fb_arena *a,
             struct fb_err *err) {
    if (under->kind != over->kind) return fail_kinds(under, over, err);
    if (under->kind == FB_LIST) {
        replace_list(under, over);
        return FB_OK;
    }
    for (int64_t i = 0; i < over->count; i++)
        if (merge_key(under, over->key[i], over->item[i], strict, a, err)) return err->code;
    return FB_OK;
}
