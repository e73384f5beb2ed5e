#include "config/default.h"

#include <string.h>

static const char *dots(const char *group, struct fb_arena *a, struct fb_err *err) {
    char *out = fb_arena_strdup(a, group, err);

    for (char *p = out; p && *p; p++)
        if (*p == '/') *p = '.';
    return out;
}

static const char *join(const char *left, char between, const char *right, struct fb_arena *a,
                        struct fb_err *err) {
    if (!*left) return fb_arena_strdup(a, right, err);
    if (!*right) return fb_arena_strdup(a, left, err);
    return fb_arena_printf(a, err, "%s%c%s", left, between, right);
}

static const char *name_of(const struct fb_default *d) {
    const char *slash = strrchr(d->path, '/');

    if (d->is_group) return d->value;
    return slash ? slash + 1 : d->path;
}

bool fb_default_is_self(const struct fb_default *d) {
    return !strcmp(d->is_group ? (d->value ? d->value : "") : d->path, "_self_");
}

bool fb_default_is_missing(const struct fb_default *d) {
    const char *name = name_of(d);

    return name && !strcmp(name, "???");
}

bool fb_default_is_interpolation(const struct fb_default *d) {
    const char *name = d->is_group ? d->value : d->path;

    return name && strstr(name, "${");
}

/* The group as written, without the leading '/' of an absolute one; "" for a bare config name. */
static const char *written_group(const struct fb_default *d, struct fb_arena *a,
                                 struct fb_err *err) {
    const char *path = d->path + (*d->path == '/');
    const char *slash = strrchr(path, '/');

    if (d->is_group) return path;
    return fb_arena_strndup(a, path, slash ? (size_t)(slash - path) : 0, err);
}

const char *fb_default_group(const struct fb_default *d, struct fb_arena *a, struct fb_err *err) {
    const char *group = written_group(d, a, err);

    if (!group || *d->path == '/') return group;
    return join(d->parent_group, '/', group, a, err);
}

const char *fb_default_config(const struct fb_default *d, struct fb_arena *a, struct fb_err *err) {
    const char *group;

    if (!d->is_group && *d->path == '/') return d->path + 1;
    if (!d->is_group) return join(d->parent_group, '/', d->path, a, err);
    if (!(group = fb_default_group(d, a, err))) return NULL;
    return fb_arena_printf(a, err, "%s/%s", group, d->value ? d->value : "None");
}

/* `header` says whether the package line of the file counts. */
static const char *final_package(const struct fb_default *d, bool header, struct fb_arena *a,
                                 struct fb_err *err) {
    static const char global[] = "_global_";
    const char *package = d->package ? d->package : header ? d->header : NULL;
    const char *full, *at, *last = NULL;

    if (!package && !((full = written_group(d, a, err)) && (package = dots(full, a, err))))
        return NULL;
    if (!(full = join(d->parent_package, '.', package, a, err))) return NULL;
    for (at = full; (at = strstr(at, global)); at++)
        last = at;
    if (!last) return full;
    last += strlen(global);
    return last + (*last != '\0');
}

const char *fb_default_package(const struct fb_default *d, struct fb_arena *a, struct fb_err *err) {
    return final_package(d, true, a, err);
}

const char *fb_default_key(const struct fb_default *d, struct fb_arena *a, struct fb_err *err) {
    const char *group = fb_default_group(d, a, err), *usual, *package;

    if (!group || !(usual = dots(group, a, err)) || !(package = final_package(d, false, a, err)))
        return NULL;
    if (!strcmp(usual, package)) return group;
    return fb_arena_printf(a, err, "%s@%s", group, *package ? package : "_global_");
}

int fb_default_set_parent(struct fb_default *d, const char *group, const char *package,
                          struct fb_arena *a, struct fb_err *err) {
    static const char word[] = "_group_";
    const char *at, *own;

    d->parent_group = group;
    d->parent_package = package;
    if (!d->package || !(at = strstr(d->package, word))) return FB_OK;
    if (!(own = fb_default_group(d, a, err)) || !(own = dots(own, a, err))) return err->code;
    d->package = fb_arena_printf(a, err, "_global_.%.*s%s%s", (int)(at - d->package), d->package,
                                 own, at + strlen(word));
    return d->package ? FB_OK : err->code;
}

int fb_default_set_header(struct fb_default *d, const char *package, struct fb_arena *a,
                          struct fb_err *err) {
    if (!package) return FB_OK;
    if (!strcmp(package, "_global_") || fb_starts_with(package, "_global_.")) {
        d->header = package;
        return FB_OK;
    }
    d->header = fb_arena_printf(a, err, "_global_.%s", package);
    return d->header ? FB_OK : err->code;
}

static int refuse(const struct fb_node *node, const char *words, struct fb_err *err) {
    char place[256];

    fb_place_format(place, sizeof place, node->place);
    return fb_fail(err, FB_ECONFIG, "%sdefaults list: %s", place, words);
}

/* "optional override group@package" into its parts. */
static int read_group(struct fb_default *d, const char *key, struct fb_arena *a,
                      struct fb_err *err) {
    const char *at = strchr(key, '@');
    size_t size = at ? (size_t)(at - key) : strlen(key);
    const char *word = key;

    for (const char *space; (space = memchr(word, ' ', size - (size_t)(word - key)));
         word = space + 1) {
        if (!strncmp(word, "optional ", 9)) d->optional = true;
        else if (!strncmp(word, "override ", 9)) d->is_override = true;
    }
    if (!(d->path = fb_arena_strndup(a, word, size - (size_t)(word - key), err))) return err->code;
    if (!at) return FB_OK;
    /* "@a:b" once renamed a package; what follows the colon is not looked at any more. */
    if (!(d->package = fb_arena_strndup(a, at + 1, strcspn(at + 1, ":"), err))) return err->code;
    if (!strcmp(d->package, "_here_")) d->package = "";
    return FB_OK;
}

static int read_option(struct fb_default *d, const struct fb_node *value, struct fb_err *err) {
    switch (value->kind) {
    case FB_NULL: return FB_OK;
    case FB_TEXT: d->value = value->text; return FB_OK;
    case FB_LIST:
        for (int64_t i = 0; i < value->count; i++)
            if (value->item[i]->kind != FB_TEXT)
                return refuse(value->item[i], "the items of an option list must be strings", err);
        d->options = value;
        return FB_OK;
    default:
        return refuse(value, "an option must be a string, a list of strings or null; quote it",
                      err);
    }
}

static int read_entry(struct fb_default *d, const struct fb_node *node, struct fb_arena *a,
                      struct fb_err *err) {
    d->place = node->place;
    if (node->kind == FB_TEXT) {
        const char *at = strchr(node->text, '@');
        size_t size = at ? (size_t)(at - node->text) : strlen(node->text);
        if (!(d->path = fb_arena_strndup(a, node->text, size, err))) return err->code;
        if (at && !(d->package = fb_arena_strndup(a, at + 1, strcspn(at + 1, ":"), err)))
            return err->code;
        if (at && fb_default_is_self(d)) return refuse(node, "_self_ takes no package", err);
        if (at && !strcmp(d->package, "_here_")) d->package = "";
        return FB_OK;
    }
    if (node->kind != FB_MAP)
        return refuse(node, "an entry is a config name or 'group: option'", err);
    if (node->count != 1)
        return refuse(node,
                      node->count ? "an entry holds one 'group: option'; begin each with '-'"
                                  : "an entry without a group",
                      err);
    d->is_group = true;
    if (read_group(d, node->key[0].text, a, err)) return err->code;
    if (!*d->path) return refuse(node, "an entry without a group", err);
    return read_option(d, node->item[0], err);
}

int fb_defaults_read(struct fb_default **out, int64_t *count, const struct fb_node *list,
                     struct fb_arena *a, struct fb_err *err) {
    *count = 0;
    *out = NULL;
    if (!list || !list->count) return FB_OK;
    if (!(*out = fb_arena_calloc(a, (size_t)list->count, sizeof **out, err))) return err->code;
    for (int64_t i = 0; i < list->count; i++)
        if (read_entry(*out + i, list->item[i], a, err)) return err->code;
    *count = list->count;
    return FB_OK;
}
