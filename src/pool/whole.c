#include "pool/whole.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "base/names.h"
#include "base/str.h"
#include "config/json.h"
#include "hub/hub.h"

#include <stdlib.h>
#include <string.h>

#define HEAD   "lm_head.weight"
#define WEIGHT ".weight"

/* ---- architecture ---- */

static bool has_marker(const struct fb_pool_type *type, const struct fb_ckpt *ckpt) {
    for (int64_t i = 0; i < fb_ckpt_count(ckpt); i++) {
        const char *key = type->canonical(fb_ckpt_at(ckpt, i)->name);
        if (key && !strcmp(key, type->marker)) return true;
    }
    return false;
}

const struct fb_pool_type *fb_pool_recognize(const struct fb_node *config,
                                             const struct fb_ckpt *ckpt) {
    const struct fb_node *node = fb_node_get(config, "model_type");

    for (int t = 0; fb_pool_types[t]; t++) {
        const struct fb_pool_type *type = fb_pool_types[t];
        if (!type->model_types) continue;
        if (!node || node->kind != FB_TEXT) {
            if (has_marker(type, ckpt)) return type;
            continue;
        }
        for (int i = 0; type->model_types[i]; i++)
            if (!strcmp(type->model_types[i], node->text)) return type;
    }
    return NULL;
}

int fb_pool_fail_own_head(const char *name, struct fb_err *err) {
    return fb_fail(err, FB_EUNSUPPORTED,
                   "the adapter has its own '%s', which this model shares with its embedding "
                   "(tie_word_embeddings)",
                   name);
}

/* tie_word_embeddings. The configurations of the known architectures leave it out when it is true;
 * for others only what is said counts. */
static bool is_tied(const struct fb_whole *w) {
    const struct fb_node *node = fb_node_get(w->config, "tie_word_embeddings");

    if (!w->config) return false;
    return node && node->kind == FB_BOOL ? node->value.flag : w->kind != NULL;
}

/* ---- names ---- */

/* How the names of the file become those that the adapter uses. */
struct naming {
    const char *add; /* "transformer.", from the arena; "": nothing */
    size_t strip;    /* length of a first component to take off */
    const char *stripped;
};

static bool has(const struct fb_ckpt *ckpt, const char *module, size_t length, struct fb_err *err) {
    struct fb_str name = {.max = 4096};
    bool found = false;

    if (!fb_str_printf(&name, err, "%.*s" WEIGHT, (int)length, module))
        found = fb_ckpt_find(ckpt, fb_str_text(&name)) != NULL;
    fb_str_free(&name);
    return found;
}

/* The first component of a tensor "<component>.<module>.weight" of the file, or NULL. */
static const char *container(const struct fb_ckpt *ckpt, const char *module, size_t length,
                             size_t *size) {
    for (int64_t i = 0; i < fb_ckpt_count(ckpt); i++) {
        const char *name = fb_ckpt_at(ckpt, i)->name, *dot = strchr(name, '.');
        if (!dot || strncmp(dot + 1, module, length) || strcmp(dot + 1 + length, WEIGHT)) continue;
        *size = (size_t)(dot + 1 - name);
        return name;
    }
    return NULL;
}

/* The first module of the adapter that the file has, with a component more or less if need be,
 * decides for all. */
static int find_naming(struct naming *out, struct fb_whole *w, struct fb_err *err) {
    const struct fb_ckpt *adapter = fb_lora_ckpt(w->lora);

    *out = (struct naming){.add = ""};
    for (int64_t i = 0; i < fb_ckpt_count(adapter); i++) {
        size_t length;
        const char *module = fb_lora_module(fb_ckpt_at(adapter, i), &length), *dot;
        if (!module) continue;
        if (has(w->ckpt, module, length, err) || err->code) return err->code;
        dot = memchr(module, '.', length);
        if (dot && has(w->ckpt, dot + 1, length - (size_t)(dot + 1 - module), err)) {
            out->add = fb_arena_strndup(&w->arena, module, (size_t)(dot + 1 - module), err);
            return out->add ? FB_OK : err->code;
        }
        if (err->code) return err->code;
        if ((out->stripped = container(w->ckpt, module, length, &out->strip))) return FB_OK;
    }
    return FB_OK;
}

/* NULL after a failure. */
static const char *prefixed(struct fb_whole *w, const char *add, const char *name,
                            struct fb_err *err) {
    if (!*add || fb_starts_with(name, add)) return name;
    return fb_arena_printf(&w->arena, err, "%s%s", add, name);
}

/* A name of the file as the adapter would write it. */
static const char *adapted(struct fb_whole *w, const struct naming *n, const char *name,
                           struct fb_err *err) {
    if (n->strip && !strncmp(name, n->stripped, n->strip)) name += n->strip;
    name = prefixed(w, n->add, name, err);
    return name && w->kind && w->kind->shares ? w->kind->canonical(name) : name;
}

/* ---- the adapter ---- */

/* The keys that the adapter is fitted to: tensors of the file, each value once. */
struct keys {
    struct fb_names names;
    const struct fb_entry **entry; /* [names.count] the first tensor of a key */
    int64_t *of;                   /* [tensors of the file]; -1: a copy of a tied embedding */
    int64_t head; /* the language model's, among the tensors of the file; -1: none */
};

static int make_keys(struct keys *k, struct fb_whole *w, const struct naming *naming,
                     struct fb_err *err) {
    size_t count = (size_t)fb_ckpt_count(w->ckpt);
    bool tied = is_tied(w);

    k->entry = fb_arena_calloc(&w->arena, count, sizeof *k->entry, err);
    k->of = fb_arena_calloc(&w->arena, count, sizeof *k->of, err);
    if (!k->entry || !k->of) return err->code;
    for (size_t i = 0; i < count; i++) {
        const struct fb_entry *e = fb_ckpt_at(w->ckpt, (int64_t)i);
        const char *name = adapted(w, naming, e->name, err);
        int added = 0;
        k->of[i] = -1;
        if (!name) return err->code;
        if (!strcmp(name, HEAD) || fb_ends_with(name, "." HEAD)) k->head = (int64_t)i;
        if (tied && k->head == (int64_t)i) continue;
        if ((k->of[i] = fb_names_add(&k->names, name, &added, err)) < 0) return err->code;
        if (added) k->entry[k->of[i]] = e;
    }
    return FB_OK;
}

static bool same_values(const struct fb_entry *a, const struct fb_entry *b) {
    return a->dtype == b->dtype && a->ndim == b->ndim && a->size == b->size &&
           !memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof a->shape[0]) &&
           (a->data == b->data || !memcmp(a->data, b->data, a->size));
}

static int check_changed(const struct fb_entry *e, const struct fb_entry *first,
                         struct fb_err *err) {
    if (!fb_dtype_is_float(e->dtype))
        return fb_fail(err, FB_EUNSUPPORTED,
                       "tensor '%s' holds %s; an adapter can change float tensors only", e->name,
                       fb_dtype_name(e->dtype));
    if (!same_values(e, first))
        return fb_fail(err, FB_EFORMAT,
                       "'%s' and '%s' differ, but are one tensor in this architecture", first->name,
                       e->name);
    return FB_OK;
}

/* Whether a head of the base is none of the merged model's: the adapter makes a classifier of it,
 * has a head of its own, or changes the embedding that this is a copy of, which transformers makes
 * anew. */
static bool is_replaced(const struct fb_whole *w, const struct fb_entry *head, bool tied) {
    const char *name, *task = fb_lora_task(w->lora);

    if (fb_lora_heads(w->lora) && task && fb_ends_with(task, "_CLS")) return true;
    if (!tied) return false;
    for (int64_t i = 0; i < fb_lora_heads(w->lora); i++)
        if (fb_lora_head(w->lora, i, &name) && !strcmp(name, HEAD)) return true;
    for (int64_t i = 0; i < w->count; i++)
        if (w->tensor[i].change >= 0 && same_values(&w->tensor[i].entry, head)) return true;
    return false;
}

static int add_tensors(struct fb_whole *w, const struct keys *k, const char *add,
                       struct fb_err *err) {
    for (int64_t i = 0; i < fb_ckpt_count(w->ckpt); i++) {
        struct fb_whole_tensor t = {.entry = *fb_ckpt_at(w->ckpt, i), .change = -1};
        if (k->of[i] >= 0 && fb_lora_touches(w->lora, k->of[i])) {
            if (check_changed(&t.entry, k->entry[k->of[i]], err)) return err->code;
            t.change = k->of[i];
        }
        if (!(t.entry.name = prefixed(w, add, t.entry.name, err))) return err->code;
        w->tensor[w->count++] = t;
    }
    for (int64_t i = w->count; i-- > 0;)
        if (i == k->head && is_replaced(w, &w->tensor[i].entry, k->of[i] < 0)) {
            w->count--;
            memmove(&w->tensor[i], &w->tensor[i + 1], (size_t)(w->count - i) * sizeof *w->tensor);
        }
    return FB_OK;
}

static int add_heads(struct fb_whole *w, struct fb_err *err) {
    w->heads = fb_lora_heads(w->lora);
    for (int64_t i = 0; i < w->heads; i++) {
        struct fb_whole_tensor t = {.change = -1};
        const char *name;
        t.entry = *fb_lora_head(w->lora, i, &name);
        t.entry.name = name;
        w->tensor[w->count++] = t;
        if (strcmp(name, HEAD) != 0 || !is_tied(w)) continue;
        if (w->kind && w->kind->shares) return fb_pool_fail_own_head(name, err);
        w->unties = true;
    }
    return FB_OK;
}

static int fit(struct fb_whole *w, struct keys *k, const struct fb_log *log, struct fb_err *err) {
    struct naming naming;
    struct fb_lora_base base = {0};

    if (find_naming(&naming, w, err) || make_keys(k, w, &naming, err)) return err->code;
    base.name = (const char *const *)k->names.name;
    base.entry = k->entry;
    base.count = k->names.count;
    base.canonical = w->kind && w->kind->shares ? w->kind->canonical : NULL;
    base.conv1d = w->kind ? w->kind->conv1d : NULL;
    if (fb_lora_bind(w->lora, &base, log, err)) return err->code;
    w->tensor =
        fb_arena_calloc(&w->arena, (size_t)(fb_ckpt_count(w->ckpt) + fb_lora_heads(w->lora)),
                        sizeof *w->tensor, err);
    if (!w->tensor) return err->code;
    /* A head beside names of a bare backbone would be no model that transformers opens. */
    if (add_tensors(w, k, fb_lora_heads(w->lora) ? naming.add : "", err)) return err->code;
    return add_heads(w, err);
}

static int merge(struct fb_whole *w, const struct fb_log *log, struct fb_err *err) {
    struct keys k = {.head = -1};
    int rc = fit(w, &k, log, err);

    fb_names_free(&k.names);
    return rc;
}

/* ---- opening ---- */

static int list_tensors(struct fb_whole *w, struct fb_err *err) {
    int64_t count = fb_ckpt_count(w->ckpt);

    w->tensor = fb_arena_calloc(&w->arena, (size_t)count + 1, sizeof *w->tensor, err);
    if (!w->tensor) return err->code;
    for (; w->count < count; w->count++)
        w->tensor[w->count] =
            (struct fb_whole_tensor){.entry = *fb_ckpt_at(w->ckpt, w->count), .change = -1};
    return FB_OK;
}

static int open_weights(struct fb_whole *w, struct fb_err *err) {
    char *path;
    int rc = FB_OK;

    if (fb_ckpt_open(&w->ckpt, w->path, err)) return err->code;
    w->folder = fb_is_dir(w->path) ? fb_strdup(w->path, err) : fb_path_dir(w->path, err);
    if (!w->folder) return err->code;
    if (fb_has_file(w->folder, "config.json")) {
        if (!(path = fb_path_join(w->folder, "config.json", err))) return err->code;
        rc = fb_json_load(&w->config, &w->arena, path, err);
        if (!rc && w->config->kind != FB_MAP)
            rc = fb_fail(err, FB_EFORMAT, "'%s': expected a mapping, found a %s", path,
                         fb_kind_name(w->config->kind));
        free(path);
    }
    w->kind = fb_pool_recognize(w->config, w->ckpt);
    return rc;
}

/* The base of the adapter: what the user says, else what the adapter does. */
static int find_base(struct fb_whole *w, const char *base, struct fb_err *err) {
    const char *named = fb_lora_base_name(w->lora);

    if (!base && !named)
        return fb_fail(err, FB_ENOTFOUND,
                       "adapter '%s' does not say what its base is "
                       "(base_model_name_or_path); name its folder with --base",
                       w->adapter);
    if (base) {
        if (fb_hub_resolve(&w->path, base, FB_HUB_MODEL, NULL, err)) return err->code;
    } else if (fb_hub_resolve(&w->path, named, FB_HUB_MODEL, fb_lora_base_revision(w->lora), err)) {
        return fb_context(err, "base of adapter '%s' (name another one with --base)", w->adapter);
    }
    if (fb_lora_is_adapter(w->path))
        return fb_fail(err, FB_EUNSUPPORTED, "base '%s' is an adapter, expected a whole model",
                       w->path);
    return FB_OK;
}

int fb_whole_open(struct fb_whole *w, const char *name, const char *base, const struct fb_log *log,
                  struct fb_err *err) {
    char *local;

    *w = (struct fb_whole){0};
    if (fb_hub_resolve(&local, name, FB_HUB_MODEL, NULL, err)) return err->code;
    if (base ? fb_is_dir(local) && fb_lora_is_folder(local) : fb_lora_is_adapter(local)) {
        w->adapter = local;
        if (fb_lora_open(&w->lora, local, err) || find_base(w, base, err) || open_weights(w, err))
            return err->code;
        return merge(w, log, err);
    }
    w->path = local;
    if (base)
        return fb_fail(err, FB_EUSAGE,
                       "--base goes with an adapter, and '%s' is not a folder with "
                       "adapter_config.json",
                       local);
    if (open_weights(w, err)) return err->code;
    return list_tensors(w, err);
}

void fb_whole_close(struct fb_whole *w) {
    fb_lora_close(w->lora);
    fb_ckpt_close(w->ckpt);
    free(w->path);
    free(w->folder);
    free(w->adapter);
    fb_arena_free(&w->arena);
    *w = (struct fb_whole){0};
}

/* ---- values ---- */

void fb_whole_block(const struct fb_whole *w, int64_t i, int64_t begin, int64_t count,
                    float *values) {
    const struct fb_entry *e = &w->tensor[i].entry;

    fb_dtype_to_f32(values, (const char *)e->data + (size_t)begin * fb_dtype_size(e->dtype),
                    e->dtype, count);
    if (w->tensor[i].change >= 0)
        fb_lora_apply(w->lora, w->tensor[i].change, begin, count, values, values);
}

void fb_whole_forget(const struct fb_whole *w, int64_t i, int64_t begin, int64_t count) {
    fb_ckpt_forget(w->ckpt, &w->tensor[i].entry, begin, count);
}
