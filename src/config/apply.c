#include "config/apply.h"

#include "base/alloc.h"
#include "base/number.h"
#include "config/merge.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS_SHOWN = 12 };

static const struct fb_place on_line = {"command line", 0, 0};

static bool is_container(const struct fb_node *node) {
    return node && (node->kind == FB_LIST || node->kind == FB_MAP);
}

/* The child that one segment of a key names: a string key, or an index within the list. */
static struct fb_node *child(const struct fb_node *node, const char *segment) {
    int64_t at;

    if (node->kind == FB_MAP) return fb_node_get(node, segment);
    if (node->kind != FB_LIST || !fb_parse_int(segment, &at)) return NULL;
    return at >= 0 && at < node->count ? node->item[at] : NULL;
}

/* What a dotted key leads to, interpolations of mappings and lists followed; NULL if nothing. */
static int selected(struct fb_node **out, struct fb_node *root, const char *path,
                    struct fb_arena *a, struct fb_err *err) {
    char *segment = fb_arena_strdup(a, path, err);
    struct fb_node *node = root, *target;

    if (!segment) return err->code;
    for (char *dot; node && segment; segment = dot ? dot + 1 : NULL) {
        if ((dot = strchr(segment, '.'))) *dot = '\0';
        if (node != root && (target = fb_merge_target(node))) node = target;
        node = child(node, segment);
    }
    *out = node;
    return FB_OK;
}

static int list_keys(struct fb_str *out, const struct fb_node *map, struct fb_err *err) {
    int shown = 0;

    for (int64_t i = 0; i < map->count; i++) {
        if (!map->parent && !strcmp(map->key[i].text, "hydra")) continue;
        if (shown == KEYS_SHOWN) return fb_str_puts(out, ", ...", err);
        if ((shown++ && fb_str_puts(out, ", ", err)) || fb_str_puts(out, map->key[i].text, err))
            return err->code;
    }
    return FB_OK;
}

/* `segment` is no key of `map`: what is there, and what may have been meant. */
static int fail_unknown(const struct fb_override *o, const struct fb_node *map, const char *segment,
                        struct fb_err *err) {
    const char *near = NULL, *plain = o->text + (o->kind == FB_OVERRIDE_FORCE ? 2 : 0);
    struct fb_str where = {0}, keys = {0};
    const char **names;
    int rc = FB_OK;

    if ((rc = fb_node_path(&where, map, err)) || (rc = list_keys(&keys, map, err))) goto done;
    if ((names = fb_malloc((size_t)(map->count + 1) * sizeof(*names), err))) {
        for (int64_t i = 0; i < map->count; i++)
            names[i] = map->key[i].text;
        near = fb_nearest(segment, names, (size_t)map->count);
        free(names);
    } else {
        rc = err->code;
        goto done;
    }
    rc = fb_fail(
        err, FB_ECONFIG,
        "could not override '%s': %s%s%s has no key '%s'%s%s%s (keys: %s)\nTo append to the "
        "configuration use +%s",
        o->key, where.size ? "'" : "", where.size ? fb_str_text(&where) : "the configuration",
        where.size ? "'" : "", segment, near ? "; did you mean '" : "", near ? near : "",
        near ? "'?" : "", keys.size ? fb_str_text(&keys) : "none", plain);
done:
    fb_str_free(&where);
    fb_str_free(&keys);
    return rc;
}

static int fail_scalar(const struct fb_override *o, const struct fb_node *node, const char *segment,
                       struct fb_err *err) {
    struct fb_str where = {0};

    if (!fb_node_path(&where, node, err))
        fb_fail(err, FB_ECONFIG,
                "could not override '%s': '%s' is %s and has no key '%s'\nTo replace it by a "
                "mapping use +%s",
                o->key, fb_str_text(&where), fb_kind_name(node->kind), segment, o->text);
    fb_str_free(&where);
    return err->code;
}

static int fail_index(const struct fb_override *o, const struct fb_node *list, const char *segment,
                      struct fb_err *err) {
    struct fb_str where = {0};
    int64_t at;

    if (fb_node_path(&where, list, err)) goto done;
    if (!fb_parse_int(segment, &at))
        fb_fail(err, FB_ECONFIG,
                "override '%s': '%s' is a list; '%s' is not one of its indices 0 to %jd", o->text,
                fb_str_text(&where), segment, (intmax_t)list->count - 1);
    else
        fb_fail(err, FB_ECONFIG,
                "override '%s': index %s is beyond the end of '%s', which has %jd items; write the "
                "whole list as %s=[...] to make it longer",
                o->text, segment, fb_str_text(&where), (intmax_t)list->count, fb_str_text(&where));
done:
    fb_str_free(&where);
    return err->code;
}

static int put(struct fb_node *into, const char *segment, struct fb_node *value, struct fb_arena *a,
               struct fb_err *err) {
    int64_t at = 0;

    if (into->kind == FB_MAP) return fb_node_set(a, into, segment, value, err);
    (void)fb_parse_int(segment, &at);
    value->parent = into;
    into->item[at] = value;
    return FB_OK;
}

/* One step down an inner segment; scalars are replaced by mappings when `open`. */
static int descend(struct fb_node **node, const struct fb_override *o, const char *segment,
                   bool open, struct fb_arena *a, struct fb_err *err) {
    struct fb_node *next = child(*node, segment);

    if (is_container(next)) {
        *node = next;
        return FB_OK;
    }
    if ((*node)->kind == FB_LIST && !next) return fail_index(o, *node, segment, err);
    if (!open && !next) return fail_unknown(o, *node, segment, err);
    if (!open) return fail_scalar(o, next, strrchr(o->key, '.') + 1, err);
    if (!(next = fb_node_map(a, on_line, err)) || put(*node, segment, next, a, err))
        return err->code;
    *node = next;
    return FB_OK;
}

static int merge_value(struct fb_node *old, struct fb_node *value, const struct fb_override *o,
                       bool open, struct fb_arena *a, struct fb_err *err) {
    struct fb_node *map;
    char *path, *dot;

    if (!fb_merge(old, value, !open, a, err)) return FB_OK;
    if (err->code != FB_ENOTFOUND) return fb_context(err, "override '%s'", o->text);
    /* The message is the path of the key that is missing below `old`. */
    if (!(path = fb_arena_strdup(a, err->msg, err))) return err->code;
    err->msg[0] = '\0';
    map = old;
    while (map->parent)
        map = map->parent;
    if (!(dot = strrchr(path, '.'))) return fail_unknown(o, map, path, err);
    *dot = '\0';
    map = fb_node_at(map, path);
    return fail_unknown(o, map ? map : old, dot + 1, err);
}

static int update(struct fb_node *root, const struct fb_override *o, bool open, struct fb_arena *a,
                  struct fb_err *err) {
    char *segment = fb_arena_strdup(a, o->key, err), *dot;
    struct fb_node *value = segment ? fb_node_copy(a, o->value, err) : NULL, *old;

    if (!value) return err->code;
    for (; (dot = strchr(segment, '.')); segment = dot + 1) {
        *dot = '\0';
        if (descend(&root, o, segment, open, a, err)) return err->code;
    }
    old = child(root, segment);
    if (is_container(old) && is_container(value)) return merge_value(old, value, o, open, a, err);
    if (!old && root->kind == FB_LIST) return fail_index(o, root, segment, err);
    if (!old && !open) return fail_unknown(o, root, segment, err);
    return put(root, segment, value, a, err);
}

static int add(struct fb_node *root, const struct fb_override *o, struct fb_arena *a,
               struct fb_err *err) {
    struct fb_node *old;
    int rc = selected(&old, root, o->key, a, err);

    if (rc) return rc;
    if (!old || old->kind == FB_NULL || fb_node_is_missing(old) || is_container(o->value))
        return update(root, o, true, a, err);
    return fb_fail(
        err, FB_ECONFIG,
        "could not append to the configuration: an item is already at '%s'\nEither remove "
        "the +: '%s'\nOr add a second + to add or override '%s': '+%s'",
        o->key, o->text + 1, o->key, o->text);
}

static int fail_value(const struct fb_override *o, const struct fb_node *found,
                      struct fb_err *err) {
    struct fb_str has = {0}, wanted = {0};

    if (!fb_override_print_value(&has, found, err) &&
        !fb_override_print_value(&wanted, o->value, err))
        fb_fail(err, FB_ECONFIG, "could not delete '%s': its value is %.500s and not %.500s",
                o->key, fb_str_text(&has), fb_str_text(&wanted));
    fb_str_free(&has);
    fb_str_free(&wanted);
    return err->code;
}

static int remove_value(struct fb_node *root, const struct fb_override *o, struct fb_arena *a,
                        struct fb_err *err) {
    struct fb_node *found, *parent;

    if (selected(&found, root, o->key, a, err)) return err->code;
    if (!found || found->kind == FB_NULL || fb_node_is_missing(found))
        return fb_fail(err, FB_ECONFIG, "could not delete '%s': %s", o->key,
                       found ? "it has no value" : "it does not exist");
    if (o->value && o->value->kind != FB_NULL && !fb_node_equal(found, o->value))
        return fail_value(o, found, err);
    if (!(parent = found->parent) || parent->kind != FB_MAP)
        return fb_fail(
            err, FB_ECONFIG,
            "could not delete '%s': items of lists cannot be deleted; write the whole list "
            "as key=[...]",
            o->key);
    for (int64_t i = 0; i < parent->count; i++)
        if (parent->item[i] == found) {
            fb_node_remove(parent, i);
            break;
        }
    return FB_OK;
}

int fb_apply_override(struct fb_node *root, const struct fb_override *o, struct fb_arena *a,
                      struct fb_err *err) {
    if (o->package)
        return fb_fail(
            err, FB_ECONFIG,
            "override '%s' looks like the choice of a config group, but there is no group "
            "'%s'",
            o->text, o->key);
    if (!*o->key) return fb_fail(err, FB_ECONFIG, "override '%s' has no key", o->text);
    switch (o->kind) {
    case FB_OVERRIDE_DELETE: return remove_value(root, o, a, err);
    case FB_OVERRIDE_ADD: return add(root, o, a, err);
    case FB_OVERRIDE_FORCE: return update(root, o, true, a, err);
    default: return update(root, o, false, a, err);
    }
}
