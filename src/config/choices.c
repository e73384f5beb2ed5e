#include "config/choices.h"

#include <string.h>

static struct fb_choice *find(struct fb_choice *list, const char *key) {
    while (list && strcmp(list->key, key))
        list = list->next;
    return list;
}

static struct fb_choice *append(struct fb_choices *choices, struct fb_choice **list,
                                const char *key, struct fb_err *err) {
    struct fb_choice *fresh = fb_arena_calloc(choices->arena, 1, sizeof *fresh, err);

    if (!fresh) return NULL;
    fresh->key = key;
    while (*list)
        list = &(*list)->next;
    *list = fresh;
    return fresh;
}

static const char *key_of(const struct fb_override *o, struct fb_arena *a, struct fb_err *err) {
    if (!o->package) return o->key;
    return fb_arena_printf(a, err, "%s@%s", o->key, o->package);
}

static int refuse_value(const struct fb_override *o, const struct fb_node *found,
                        const struct fb_sources *sources, struct fb_err *err) {
    const char *options = fb_sources_option_text(sources, o->key, ", ", err);

    if (!options) return err->code;
    if (found == o->value && found->kind == FB_NULL)
        return fb_fail(err, FB_ECONFIG,
                       "override '%s': the option of group '%s' cannot be null; write ~%s to leave "
                       "the group out, or choose one of: %s",
                       o->text, o->key, o->key, options);
    return fb_fail(err, FB_ECONFIG,
                   "override '%s': the option of group '%s' must be a name or a list of names, "
                   "found %s%s; choose one of: %s",
                   o->text, o->key, fb_kind_name(found->kind),
                   found == o->value ? "" : " in the list", options);
}

static int split_delete(struct fb_choices *choices, const struct fb_override *o,
                        struct fb_err *err) {
    const char *key = key_of(o, choices->arena, err);
    struct fb_choice *entry;

    if (!key) return err->code;
    if (o->value && o->value->kind != FB_NULL && o->value->kind != FB_TEXT)
        return fb_fail(err, FB_ECONFIG,
                       "override '%s': the option to delete must be a name, found %s", o->text,
                       fb_kind_name(o->value->kind));
    if (!(entry = find(choices->deleted, key)) &&
        !(entry = append(choices, &choices->deleted, key, err)))
        return err->code;
    entry->value = o->value && o->value->kind == FB_TEXT ? o->value->text : NULL;
    return FB_OK;
}

/* Hydra refuses null for every group; here taskpool=null means ~taskpool, because "no evaluation"
 * is a wish that everybody writes that way first. */
static bool leaves_out(const struct fb_override *o) {
    return o->kind == FB_OVERRIDE_SET && o->value->kind == FB_NULL && !o->package &&
           !strcmp(o->key, "taskpool");
}

/* What cannot name an option: the value itself, or an item of the list; NULL if all is well. */
static const struct fb_node *no_name(const struct fb_node *value) {
    if (value->kind == FB_TEXT) return NULL;
    if (value->kind != FB_LIST) return value;
    for (int64_t i = 0; i < value->count; i++)
        if (value->item[i]->kind != FB_TEXT) return value->item[i];
    return NULL;
}

static int split_group(struct fb_choices *choices, const struct fb_sources *sources,
                       const struct fb_override *o, struct fb_err *err) {
    bool list = o->value && o->value->kind == FB_LIST;
    const struct fb_node *wrong;
    struct fb_choice *entry;
    const char *key;

    if (o->kind == FB_OVERRIDE_FORCE)
        return fb_fail(err, FB_ECONFIG,
                       "override '%s': '++' is not for config groups; write %s=... to choose an "
                       "option or +%s=... to add the group",
                       o->text, o->key, o->key);
    if (o->kind == FB_OVERRIDE_DELETE || leaves_out(o)) return split_delete(choices, o, err);
    if ((wrong = no_name(o->value))) return refuse_value(o, wrong, sources, err);
    if (o->kind == FB_OVERRIDE_ADD) {
        struct fb_default *d = choices->append + choices->appended++;
        d->is_group = d->external = true;
        d->path = o->key;
        d->package = o->package && !strcmp(o->package, "_here_") ? "" : o->package;
        d->value = list ? NULL : o->value->text;
        d->options = list ? o->value : NULL;
        return FB_OK;
    }
    if (!(key = key_of(o, choices->arena, err))) return err->code;
    if (!(entry = find(choices->chosen, key)) &&
        !(entry = append(choices, &choices->chosen, key, err)))
        return err->code;
    entry->value = list ? NULL : o->value->text;
    entry->options = list ? o->value : NULL;
    return FB_OK;
}

int fb_choices_init(struct fb_choices *choices, const struct fb_sources *sources,
                    const struct fb_override *overrides, int64_t count, struct fb_arena *a,
                    struct fb_err *err) {
    size_t n = count ? (size_t)count : 1;

    memset(choices, 0, sizeof *choices);
    choices->arena = a;
    if (!(choices->append = fb_arena_calloc(a, n, sizeof *choices->append, err)) ||
        !(choices->values = fb_arena_calloc(a, n, sizeof(*choices->values), err)))
        return err->code;
    for (int64_t i = 0; i < count; i++) {
        const struct fb_override *o = overrides + i;
        bool map = o->value && o->value->kind == FB_MAP;
        if (o->sweep != FB_SWEEP_NONE) continue;
        if (map || !*o->key || !fb_sources_have_group(sources, o->key))
            choices->values[choices->value_count++] = o;
        else if (split_group(choices, sources, o, err)) return err->code;
    }
    return FB_OK;
}

int fb_choices_override(struct fb_choices *choices, const struct fb_default *d, const char *from,
                        struct fb_err *err) {
    const char *key = fb_default_key(d, choices->arena, err);
    struct fb_choice *entry;

    if (!key) return err->code;
    if (find(choices->chosen, key)) return FB_OK;
    if (!(entry = append(choices, &choices->chosen, key, err))) return err->code;
    entry->value = d->value;
    entry->options = d->options;
    entry->from = from;
    return FB_OK;
}

int fb_choices_apply(struct fb_choices *choices, struct fb_default *d, struct fb_err *err) {
    const char *key;
    struct fb_choice *entry;

    if (!d->is_group) return FB_OK;
    if (!(key = fb_default_key(d, choices->arena, err))) return err->code;
    if (!(entry = find(choices->chosen, key))) return FB_OK;
    d->value = entry->value;
    d->options = entry->options;
    entry->used = true;
    return FB_OK;
}

int fb_choices_delete(struct fb_choices *choices, struct fb_default *d, struct fb_err *err) {
    const char *key;
    struct fb_choice *entry;

    if (!d->is_group) return FB_OK;
    if (!(key = fb_default_key(d, choices->arena, err))) return err->code;
    if (!(entry = find(choices->deleted, key))) return FB_OK;
    if (entry->value && (!d->value || strcmp(entry->value, d->value))) return FB_OK;
    d->deleted = entry->used = true;
    return FB_OK;
}

int fb_choices_note(struct fb_choices *choices, const struct fb_default *d, struct fb_err *err) {
    const char *key;
    struct fb_choice *entry;

    if (!d->is_group) return FB_OK;
    if (!(key = fb_default_key(d, choices->arena, err))) return err->code;
    if ((entry = find(choices->known, key))) {
        const char *before = entry->value ? entry->value : "null";
        if (!strcmp(before, d->value ? d->value : "null")) return FB_OK;
        if (entry->external && !d->external)
            return fb_fail(
                err, FB_ECONFIG,
                "group '%s' is in the defaults list already, as '%s'; write %s=%s without "
                "'+' to choose another option",
                key, d->value ? d->value : "null", key, before);
        return fb_fail(err, FB_ECONFIG,
                       "group '%s' is given twice, as '%s' and as '%s'; to change it in a defaults "
                       "list write 'override %s: %s'",
                       key, before, d->value ? d->value : "null", key, before);
    }
    if (!(entry = append(choices, &choices->known, key, err))) return err->code;
    entry->value = d->value;
    entry->external = d->external;
    entry->group = fb_default_group(d, choices->arena, err);
    return entry->group ? FB_OK : err->code;
}

/* Keys under which the group of `key` was met, "a, b"; empty if none. */
static int list_known(struct fb_str *out, const struct fb_choices *choices, const char *key,
                      struct fb_err *err) {
    size_t size = strcspn(key, "@");

    for (const struct fb_choice *k = choices->known; k; k = k->next)
        if (!strncmp(k->group, key, size) && !k->group[size] &&
            ((out->size && fb_str_puts(out, ", ", err)) || fb_str_puts(out, k->key, err)))
            return err->code;
    return FB_OK;
}

static int fail_unused(const struct fb_choices *choices, const struct fb_choice *c,
                       struct fb_err *err) {
    struct fb_str known = {0};
    const char *said = c->value ? c->value : "[...]", *text;
    int rc = list_known(&known, choices, c->key, err);

    if (rc) goto done;
    text = known.size ? fb_arena_printf(choices->arena, err, "; did you mean to override %s?",
                                        fb_str_text(&known))
                      : ": no match in the defaults list";
    if (!text) rc = err->code;
    else if (c->from)
        rc = fb_fail(err, FB_ECONFIG, "in '%s': could not override '%s'%s", c->from, c->key, text);
    else
        rc = fb_fail(err, FB_ECONFIG,
                     "could not override '%s'%s\nTo append to the defaults list use +%s=%s", c->key,
                     text, c->key, said);
done:
    fb_str_free(&known);
    return rc;
}

int fb_choices_check_used(const struct fb_choices *choices, struct fb_err *err) {
    for (const struct fb_choice *c = choices->chosen; c; c = c->next)
        if (!c->used) return fail_unused(choices, c, err);
    for (const struct fb_choice *c = choices->deleted; c; c = c->next)
        if (!c->used)
            return fb_fail(err, FB_ECONFIG,
                           "could not delete '%s%s%s': no match in the defaults list", c->key,
                           c->value ? "=" : "", c->value ? c->value : "");
    return FB_OK;
}
