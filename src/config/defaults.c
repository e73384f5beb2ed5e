/* defaults.c - walking defaults lists as Hydra 1.3 does.
 *
 * Lists are walked from the last entry to the first, so that an "override" further down is known
 * before the entry it changes; entries with interpolations wait until their siblings are chosen. */
#include "config/defaults.h"

#include <string.h>

enum { DEPTH_MOST = 64, NODES_MOST = 20000 };

struct builder {
    struct fb_sources *sources;
    struct fb_choices *choices;
    struct fb_arena *a;
    struct fb_err *err;
    bool skip_missing;
    int depth, nodes;
};

static int build(struct builder *b, struct fb_tree *t, bool interpolated);

static struct fb_tree *fresh(struct builder *b, struct fb_tree *parent, struct fb_default *entry) {
    struct fb_tree *t;

    if (b->nodes++ == NODES_MOST) {
        fb_fail(b->err, FB_ECONFIG, "more than %d entries in the defaults lists", NODES_MOST);
        return NULL;
    }
    if (!(t = fb_arena_calloc(b->a, 1, sizeof *t, b->err))) return NULL;
    t->parent = parent;
    t->entry = entry;
    return t;
}

static int push(struct builder *b, struct fb_tree *parent, struct fb_tree *child) {
    if (parent->count == parent->capacity) {
        int64_t capacity = parent->capacity ? parent->capacity * 2 : 8;
        struct fb_tree **grown = fb_arena_calloc(b->a, (size_t)capacity, sizeof(*grown), b->err);
        if (!grown) return b->err->code;
        if (parent->count) memcpy(grown, parent->child, (size_t)parent->count * sizeof(*grown));
        parent->child = grown;
        parent->capacity = capacity;
    }
    parent->child[parent->count++] = child;
    return FB_OK;
}

static int describe_not_found(struct builder *b, const struct fb_tree *t, struct fb_str *out) {
    const struct fb_default *d = t->entry;
    const char *name = fb_default_config(d, b->a, b->err), *group, *options, *from, *near = NULL;

    if (!name) return b->err->code;
    if (d->primary) return fb_str_printf(out, b->err, "there is no root config '%s'\n", name);
    if (t->parent && t->parent->entry) {
        if (!(from = fb_default_config(t->parent->entry, b->a, b->err))) return b->err->code;
        if (fb_str_printf(out, b->err, "in '%s': ", from)) return b->err->code;
    }
    if (fb_str_printf(out, b->err, "could not find '%s'", name)) return b->err->code;
    if (!d->is_group) return fb_str_putc(out, '\n', b->err);
    if (!(group = fb_default_group(d, b->a, b->err)) ||
        fb_sources_nearest(b->sources, &near, group, d->value, b->err) ||
        (near && fb_str_printf(out, b->err, "; did you mean '%s'?", near)) ||
        fb_str_putc(out, '\n', b->err) ||
        !(options = fb_sources_option_text(b->sources, group, "\n    ", b->err)))
        return b->err->code;
    if (!*options) return FB_OK;
    return fb_str_printf(out, b->err, "Available options in '%s':\n    %s\n", group, options);
}

static int fail_not_found(struct builder *b, const struct fb_tree *t) {
    struct fb_str text = {0};
    int rc = describe_not_found(b, t, &text);

    if (!rc) rc = fb_str_puts(&text, "Config search path:\n", b->err);
    if (!rc) rc = fb_sources_print(&text, b->sources, "    ", b->err);
    if (!rc) rc = fb_fail(b->err, FB_ENOTFOUND, "%.*s", (int)text.size - 1, fb_str_text(&text));
    fb_str_free(&text);
    return rc;
}

static int fail_missing(struct builder *b, const struct fb_default *d) {
    const char *group = fb_default_group(d, b->a, b->err);
    const char *key = group ? fb_default_key(d, b->a, b->err) : NULL;
    const char *options = key ? fb_sources_option_text(b->sources, group, "\n    ", b->err) : NULL;

    if (!options) return b->err->code;
    return fb_fail(b->err, FB_ECONFIG,
                   "you must specify '%s', e.g. %s=<OPTION>\nAvailable options:\n    %s", key, key,
                   options);
}

/* Appends "_self_" to a list without one, unless it holds nothing but overrides. */
static int add_self(struct builder *b, struct fb_default **list, int64_t *count,
                    const char *config) {
    struct fb_default *grown;
    bool self = false, plain = false;

    for (int64_t i = 0; i < *count; i++) {
        plain |= !(*list)[i].is_override;
        if (!fb_default_is_self(*list + i)) continue;
        if (self) return fb_fail(b->err, FB_ECONFIG, "'%s': _self_ appears twice", config);
        self = true;
    }
    if (self || (!plain && *count)) return FB_OK;
    if (!(grown = fb_arena_calloc(b->a, (size_t)*count + 1, sizeof *grown, b->err)))
        return b->err->code;
    if (*count) memcpy(grown, *list, (size_t)*count * sizeof *grown);
    grown[*count].path = "_self_";
    *list = grown;
    ++*count;
    return FB_OK;
}

static int append_external(struct builder *b, struct fb_default **list, int64_t *count) {
    int64_t total = *count + b->choices->appended;
    struct fb_default *grown;

    if (!b->choices->appended) return FB_OK;
    if (!(grown = fb_arena_calloc(b->a, (size_t)total, sizeof *grown, b->err))) return b->err->code;
    if (*count) memcpy(grown, *list, (size_t)*count * sizeof *grown);
    memcpy(grown + *count, b->choices->append, (size_t)b->choices->appended * sizeof *grown);
    *list = grown;
    *count = total;
    return FB_OK;
}

static int note_overrides(struct builder *b, struct fb_default *list, int64_t count,
                          const char *config, bool interpolated) {
    const char *seen = NULL, *key;

    for (int64_t i = 0; i < count; i++) {
        struct fb_default *d = list + i;
        if (fb_default_is_self(d)) continue;
        if (seen && !d->is_override && !d->external)
            return fb_fail(
                b->err, FB_ECONFIG,
                "in '%s': 'override %s' stands before '%s'; overrides must be at the end "
                "of the defaults list",
                config, seen, d->path);
        if (!d->is_group || !d->is_override) continue;
        if (!(seen = key = fb_default_key(d, b->a, b->err))) return b->err->code;
        if (interpolated)
            return fb_fail(b->err, FB_ECONFIG,
                           "in '%s': 'override %s' cannot stand below a group whose option is an "
                           "interpolation",
                           config, key);
        if (fb_choices_override(b->choices, d, config, b->err)) return b->err->code;
    }
    return FB_OK;
}

static int add_child(struct builder *b, struct fb_tree *parent, struct fb_default *d,
                     bool interpolated) {
    struct fb_tree *t = fresh(b, parent, d);

    if (!t || build(b, t, interpolated)) return b->err->code;
    return push(b, parent, t);
}

/* group: [a, b] loads "group/b", then "group/a": the tree is made backwards. */
static int add_options(struct builder *b, struct fb_tree *parent, const struct fb_default *d,
                       const char *config, bool interpolated) {
    for (int64_t i = d->options->count; i-- > 0;) {
        const char *option = d->options->item[i]->text;
        struct fb_default *one = fb_arena_calloc(b->a, 1, sizeof *one, b->err);
        if (!one) return b->err->code;
        if (strstr(option, "${"))
            return fb_fail(b->err, FB_ECONFIG,
                           "in '%s': an option list cannot hold interpolations: '%s'", config,
                           option);
        one->path = fb_arena_printf(b->a, b->err, "%s/%s", d->path, option);
        if (!one->path) return b->err->code;
        one->package = d->package;
        one->optional = d->optional;
        if (fb_default_set_parent(one, d->parent_group, d->parent_package, b->a, b->err) ||
            add_child(b, parent, one, interpolated))
            return b->err->code;
    }
    return FB_OK;
}

static int add_entry(struct builder *b, struct fb_tree *parent, struct fb_default *d,
                     const char *config, bool interpolated) {
    struct fb_tree *t;

    if (d->is_override) return FB_OK;
    if (!fb_default_is_self(d) && fb_choices_apply(b->choices, d, b->err)) return b->err->code;
    if (d->options) return add_options(b, parent, d, config, interpolated);
    if (!fb_default_is_self(d) && !fb_default_is_interpolation(d))
        return add_child(b, parent, d, interpolated);
    if (!(t = fresh(b, parent, d))) return b->err->code;
    return push(b, parent, t);
}

static int fail_unresolved(struct builder *b, const char *text) {
    struct fb_str keys = {0};
    int rc = FB_OK;

    for (const struct fb_choice *c = b->choices->known; c && !rc; c = c->next)
        if (!(rc = fb_str_puts(&keys, keys.size ? ", " : "", b->err)))
            rc = fb_str_puts(&keys, c->key, b->err);
    if (!rc)
        rc = fb_fail(b->err, FB_ECONFIG,
                     "cannot resolve '%s' in a defaults list; it may refer to: %s", text,
                     keys.size ? fb_str_text(&keys) : "none");
    fb_str_free(&keys);
    return rc;
}

/* "${db}_${server}": what may be referred to are the options chosen so far. */
static int substitute(struct builder *b, struct fb_str *out, const char *text) {
    for (const char *p = text, *open; *p; p = open) {
        const struct fb_choice *c = b->choices->known;
        size_t size;
        if (!(open = strstr(p, "${"))) return fb_str_puts(out, p, b->err);
        if (fb_str_append(out, p, (size_t)(open - p), b->err)) return b->err->code;
        open += 2;
        size = strcspn(open, "}");
        while (c && (strncmp(c->key, open, size) || c->key[size]))
            c = c->next;
        if (!c || !c->value || open[size] != '}') return fail_unresolved(b, text);
        if (fb_str_puts(out, c->value, b->err)) return b->err->code;
        open += size + 1;
    }
    return FB_OK;
}

static int resolve(struct builder *b, struct fb_default *d) {
    const char *text = d->is_group ? d->value : fb_default_config(d, b->a, b->err), *resolved;
    struct fb_str out = {0};

    if (!text) return b->err->code;
    resolved = substitute(b, &out, text) ? NULL : fb_arena_strdup(b->a, fb_str_text(&out), b->err);
    fb_str_free(&out);
    if (!resolved) return b->err->code;
    if (d->is_group) d->value = resolved;
    else d->path = resolved;
    return FB_OK;
}

static int build_interpolated(struct builder *b, struct fb_tree *t) {
    for (int64_t i = 0; i < t->count; i++) {
        struct fb_default *d = t->child[i]->entry;
        if (t->child[i]->count || fb_default_is_self(d) || !fb_default_is_interpolation(d))
            continue;
        if (resolve(b, d) || build(b, t->child[i], true)) return b->err->code;
    }
    return FB_OK;
}

static void reverse(struct fb_tree *t) {
    for (int64_t i = 0, j = t->count - 1; i < j; i++, j--) {
        struct fb_tree *swap = t->child[i];
        t->child[i] = t->child[j];
        t->child[j] = swap;
    }
}

static int build_list(struct builder *b, struct fb_tree *t, const struct fb_config *loaded,
                      bool interpolated) {
    const char *group = fb_default_group(t->entry, b->a, b->err);
    const char *package = group ? fb_default_package(t->entry, b->a, b->err) : NULL;
    struct fb_default *list;
    int64_t count;

    if (!package || fb_defaults_read(&list, &count, loaded->defaults, b->a, b->err))
        return b->err->code;
    if ((count || (t->entry->primary && b->choices->appended)) &&
        add_self(b, &list, &count, loaded->name))
        return b->err->code;
    if (t->entry->primary && append_external(b, &list, &count)) return b->err->code;
    for (int64_t i = 0; i < count; i++)
        if (fb_default_set_parent(list + i, group, package, b->a, b->err)) return b->err->code;
    if (note_overrides(b, list, count, loaded->name, interpolated)) return b->err->code;
    for (int64_t i = count; i-- > 0;)
        if (add_entry(b, t, list + i, loaded->name, interpolated)) return b->err->code;
    if (build_interpolated(b, t)) return b->err->code;
    reverse(t);
    return FB_OK;
}

static int build_node(struct builder *b, struct fb_tree *t, bool interpolated) {
    struct fb_default *d = t->entry;
    const struct fb_config *loaded = NULL;
    const char *name = fb_default_config(d, b->a, b->err);
    bool named = !d->is_group || d->value;

    if (!name) return b->err->code;
    if (named && !fb_default_is_missing(d)) {
        if (fb_sources_load(b->sources, &loaded, name, b->err)) return b->err->code;
        if (loaded && !d->header && fb_default_set_header(d, loaded->package, b->a, b->err))
            return b->err->code;
    }
    if (fb_choices_delete(b->choices, d, b->err)) return b->err->code;
    if (d->deleted) return FB_OK;
    if (fb_choices_note(b->choices, d, b->err)) return b->err->code;
    if (!named) return FB_OK;
    if (fb_default_is_missing(d))
        return b->skip_missing || !d->is_group ? FB_OK : fail_missing(b, d);
    if (loaded) return build_list(b, t, loaded, interpolated);
    if (!d->optional) return fail_not_found(b, t);
    d->deleted = true;
    return FB_OK;
}

static int build(struct builder *b, struct fb_tree *t, bool interpolated) {
    int rc;

    if (b->depth == DEPTH_MOST)
        return fb_fail(b->err, FB_ECONFIG,
                       "defaults lists nested more than %d deep at '%s': does a config include "
                       "itself?",
                       DEPTH_MOST, t->entry->path);
    b->depth++;
    rc = build_node(b, t, interpolated);
    b->depth--;
    return rc;
}

static int add_root(struct builder *b, struct fb_tree *root, const char *name, bool primary) {
    struct fb_default *d = fb_arena_calloc(b->a, 1, sizeof *d, b->err);

    if (!d) return b->err->code;
    d->path = name;
    d->primary = primary;
    if (fb_default_set_parent(d, "", "", b->a, b->err)) return b->err->code;
    return add_child(b, root, d, false);
}

static const char *parent_name(const struct fb_tree *t, struct fb_arena *a, struct fb_err *err) {
    if (!t || !t->entry) return "<root>";
    return fb_default_config(t->entry, a, err);
}

static int add_step(struct fb_defaults *out, const struct fb_tree *t, struct fb_arena *a,
                    struct fb_err *err) {
    bool self = fb_default_is_self(t->entry);
    const struct fb_tree *source = self ? t->parent : t;
    const struct fb_default *d = source->entry;
    struct fb_step *s = out->step + out->count;

    if (d->is_group && !d->value) return FB_OK;
    s->config = fb_default_config(d, a, err);
    s->package = fb_default_package(d, a, err);
    s->parent = parent_name(source->parent, a, err);
    if (!s->config || !s->package || !s->parent) return err->code;
    if (!self && d->is_group && !(s->key = fb_default_key(d, a, err))) return err->code;
    s->is_self = self;
    s->primary = d->primary;
    for (int64_t i = 0; s->key && i < out->count; i++)
        if (out->step[i].key && !strcmp(out->step[i].key, s->key))
            return fb_fail(err, FB_ECONFIG,
                           "group '%s' appears more than once in the defaults list", s->key);
    out->count++;
    return FB_OK;
}

static int flatten(struct fb_defaults *out, const struct fb_tree *t, struct fb_arena *a,
                   struct fb_err *err) {
    if (!t->count) {
        if (!t->entry || t->entry->deleted || fb_default_is_missing(t->entry)) return FB_OK;
        return add_step(out, t, a, err);
    }
    for (int64_t i = 0; i < t->count; i++)
        if (flatten(out, t->child[i], a, err)) return err->code;
    return FB_OK;
}

int fb_defaults_build(struct fb_defaults *out, struct fb_sources *sources,
                      struct fb_choices *choices, const char *config_name, bool skip_missing,
                      struct fb_arena *a, struct fb_err *err) {
    struct builder b = {sources, choices, a, err, skip_missing, 0, 0};
    struct fb_tree *root = fresh(&b, NULL, NULL);

    memset(out, 0, sizeof *out);
    /* Backwards, as everywhere: choices made in the root config reach Hydra's own groups. */
    if (!root || (config_name && add_root(&b, root, config_name, true)) ||
        add_root(&b, root, "hydra/config", false))
        return err->code;
    reverse(root);
    out->tree = root;
    if (!(out->step = fb_arena_calloc(a, (size_t)b.nodes, sizeof *out->step, err)))
        return err->code;
    if (flatten(out, root, a, err)) return err->code;
    return fb_choices_check_used(choices, err);
}
