#include "pool/member.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "config/json.h"
#include "hub/hub.h"

#include <stdlib.h>
#include <string.h>

/* The base of an adapter: the pool's own, or one that the entry names. */
static int find_base(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    int base = fb_pool_find(pool, "_pretrained_");

    if (base >= 0 && (!m->base_path || !strcmp(m->base_path, pool->member[base].path))) {
        m->base = &pool->member[base];
    } else if (m->base_path) {
        if (!(m->base = fb_calloc(1, sizeof *m->base, err))) return err->code;
        *m->base = (struct fb_member){.name = m->name, .path = m->base_path, .special = true};
        m->owns_base = true;
    } else {
        return fb_fail(err, FB_ENOTFOUND,
                       "is an adapter, and the model pool has no '_pretrained_' model for it");
    }
    if (m->base == m) return fb_fail(err, FB_EFORMAT, "is an adapter, expected a whole model");
    if (fb_member_resolve(pool, m->base, err)) return err->code;
    if (m->base->lora) return fb_fail(err, FB_EUNSUPPORTED, "is an adapter of an adapter");
    return FB_OK;
}

static int resolve_adapter(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    if (fb_lora_open(&m->lora, m->local, err) || find_base(pool, m, err)) return err->code;
    return (m->folder = fb_strdup(m->base->folder, err)) ? FB_OK : err->code;
}

static int resolve(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    if (!m->local && fb_hub_resolve(&m->local, m->path, FB_HUB_MODEL, m->revision, err))
        return err->code;
    if (fb_lora_is_adapter(m->local)) return resolve_adapter(pool, m, err);
    if (!m->special && (pool->type->adapters || m->base_path))
        return fb_fail(err, FB_EFORMAT, "'%s' is not an adapter: it has no adapter_config.json",
                       m->local);
    m->folder = fb_is_file(m->local) ? fb_path_dir(m->local, err) : fb_strdup(m->local, err);
    return m->folder ? FB_OK : err->code;
}

int fb_member_resolve(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    if (m->folder) return FB_OK;
    return resolve(pool, m, err) ? fb_context(err, "model '%s'", m->name) : FB_OK;
}

int fb_member_open(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    if (m->ckpt) return FB_OK;
    if (fb_member_resolve(pool, m, err)) return err->code;
    if (m->lora) return fb_member_open(pool, m->base, err);
    if (fb_ckpt_open(&m->ckpt, m->local, err)) return fb_context(err, "model '%s'", m->name);
    return FB_OK;
}

static int by_name(const struct fb_pool *pool, const char *a, const char *b) {
    return pool->type->compare ? pool->type->compare(a, b) : strcmp(a, b);
}

/* Bottom-up merge sort: qsort has no argument for the pool's order. */
static void sort(const struct fb_pool *pool, struct fb_bound *a, struct fb_bound *spare,
                 int64_t n) {
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t low = 0; low < n; low += 2 * width) {
            int64_t middle = low + width < n ? low + width : n;
            int64_t high = middle + width < n ? middle + width : n;
            int64_t i = low, j = middle;
            for (int64_t k = low; k < high; k++) {
                bool left = j >= high || (i < middle && by_name(pool, a[i].name, a[j].name) <= 0);
                spare[k] = left ? a[i++] : a[j++];
            }
        }
        memcpy(a, spare, (size_t)n * sizeof *a);
    }
}

static bool same_values(const struct fb_entry *a, const struct fb_entry *b) {
    return a->dtype == b->dtype && a->ndim == b->ndim && a->size == b->size &&
           !memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof a->shape[0]) &&
           (a->data == b->data || !memcmp(a->data, b->data, a->size));
}

/* Keeps one of several names of the same key. */
static int fold(const struct fb_pool *pool, struct fb_bound *bound, int64_t *n,
                struct fb_err *err) {
    int64_t kept = 0;

    for (int64_t i = 0; i < *n; i++) {
        const struct fb_entry *last = kept ? bound[kept - 1].entry : NULL;
        if (!last || !pool->type->shares || strcmp(bound[kept - 1].name, bound[i].name) != 0) {
            bound[kept++] = bound[i];
            continue;
        }
        if (!same_values(last, bound[i].entry))
            return fb_fail(err, FB_EFORMAT,
                           "'%s' and '%s' differ, but are one tensor in this architecture",
                           last->name, bound[i].entry->name);
    }
    *n = kept;
    return FB_OK;
}

static int check(const struct fb_bound *bound, int64_t n, struct fb_err *err) {
    for (int64_t i = 0; i < n; i++) {
        const struct fb_entry *e = bound[i].entry;
        if (i && !strcmp(bound[i - 1].name, bound[i].name))
            return fb_fail(err, FB_EFORMAT, "'%s' and '%s' are the same key of the state dict",
                           bound[i - 1].entry->name, e->name);
        if (!fb_dtype_is_float(e->dtype))
            return fb_fail(err, FB_EUNSUPPORTED,
                           "tensor '%s' holds %s; only float tensors can be merged", e->name,
                           fb_dtype_name(e->dtype));
    }
    return FB_OK;
}

/* An adapter may have a configuration of its own, which names its classes. */
static int find_config(char **path, const struct fb_member *m, struct fb_err *err) {
    if (!(*path = fb_path_join(m->lora ? m->local : m->folder, "config.json", err)))
        return err->code;
    if (!m->lora || fb_is_file(*path)) return FB_OK;
    free(*path);
    return (*path = fb_path_join(m->folder, "config.json", err)) ? FB_OK : err->code;
}

int fb_member_config(struct fb_pool *pool, struct fb_member *m, const struct fb_node **config,
                     struct fb_err *err) {
    char *path;
    int rc = FB_OK;

    *config = NULL;
    if (fb_member_resolve(pool, m, err)) return err->code;
    if (!m->config) {
        if (find_config(&path, m, err)) return err->code;
        if (fb_is_file(path) && fb_json_load(&m->config, &pool->arena, path, err))
            rc = fb_context(err, "model '%s'", m->name);
        free(path);
    }
    *config = m->config;
    return rc;
}

/* The architecture of a base: the pool's own, or, in a pool of anything, what the files say. */
static int find_kind(struct fb_pool *pool, struct fb_member *base, const struct fb_pool_type **kind,
                     struct fb_err *err) {
    const struct fb_node *config;

    *kind = pool->type;
    if (pool->type->conv1d) return FB_OK;
    if (fb_member_config(pool, base, &config, err)) return err->code;
    *kind = fb_pool_recognize(config, base->ckpt);
    return FB_OK;
}

/* Keys and tensors of the base, and the adapter fitted to them. */
static int bind_adapter(struct fb_pool *pool, struct fb_member *m, const struct fb_pool_type *kind,
                        struct fb_err *err) {
    const struct fb_member *base = m->base;
    struct fb_lora_base fit = {.count = base->keys,
                               .canonical = pool->type->canonical,
                               .conv1d = kind ? kind->conv1d : NULL};
    const char **name = fb_calloc((size_t)base->keys, sizeof *name, err);
    const struct fb_entry **entry = fb_calloc((size_t)base->keys, sizeof *entry, err);
    struct fb_bound *bound = fb_calloc((size_t)base->keys, sizeof *bound, err);
    int rc = name && entry && bound ? FB_OK : err->code;

    for (int64_t i = 0; !rc && i < base->keys; i++) {
        bound[i] = base->bound[i];
        name[i] = bound[i].name;
        entry[i] = bound[i].entry;
    }
    fit.name = name;
    fit.entry = entry;
    if (!rc) rc = fb_lora_bind(m->lora, &fit, pool->log, err);
    free(name);
    free(entry);
    if (rc) {
        free(bound);
        return fb_context(err, "model '%s'", m->name);
    }
    m->bound = bound;
    m->keys = base->keys;
    return FB_OK;
}

/* Heads that the base lacks are the tasks' own; one that the configuration makes a copy of the
 * embedding would be lost. */
static int check_heads(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    const struct fb_node *config;
    const char *name;

    if (!pool->type->drops) return FB_OK;
    if (fb_member_config(pool, m->base, &config, err)) return err->code;
    for (int64_t i = 0; i < fb_lora_heads(m->lora); i++)
        if (fb_lora_head(m->lora, i, &name) && pool->type->drops(config, name)) {
            fb_pool_fail_own_head(name, err);
            return fb_context(err, "model '%s'", m->name);
        }
    return FB_OK;
}

static int bind_on_base(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    const struct fb_pool_type *kind;

    if (fb_member_bind(pool, m->base, err) || find_kind(pool, m->base, &kind, err) ||
        bind_adapter(pool, m, kind, err))
        return err->code;
    if (!check_heads(pool, m, err)) return FB_OK;
    free(m->bound);
    m->bound = NULL;
    return err->code;
}

int fb_member_bind(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    struct fb_bound *bound = NULL, *spare = NULL;
    const struct fb_node *config = NULL;
    bool config_counts = pool->type->drops != NULL;
    int64_t count, n = 0;

    if (m->bound) return FB_OK;
    if (fb_member_open(pool, m, err)) return err->code;
    if (m->lora) return bind_on_base(pool, m, err);
    if (config_counts && fb_member_config(pool, m, &config, err)) return err->code;
    count = fb_ckpt_count(m->ckpt);
    if (!(bound = fb_calloc((size_t)count, sizeof *bound, err)) ||
        !(spare = fb_calloc((size_t)count, sizeof *spare, err)))
        goto fail;
    for (int64_t i = 0; i < count; i++) {
        const struct fb_entry *e = fb_ckpt_at(m->ckpt, i);
        const char *name = pool->type->canonical(e->name);
        if (name && !(config_counts && pool->type->drops(config, name)))
            bound[n++] = (struct fb_bound){name, e};
    }
    sort(pool, bound, spare, n);
    if (fold(pool, bound, &n, err) || check(bound, n, err)) goto fail;
    if (!n) {
        fb_fail(err, FB_EFORMAT, "'%s' has %jd tensors, none of which is a key of %s",
                fb_ckpt_path(m->ckpt), (intmax_t)count, pool->type->name);
        goto fail;
    }
    free(spare);
    m->bound = bound;
    m->keys = n;
    return FB_OK;
fail:
    free(bound);
    free(spare);
    return fb_context(err, "model '%s'", m->name);
}

const struct fb_entry *fb_member_find(const struct fb_pool *pool, const struct fb_member *m,
                                      const char *name) {
    int64_t low = 0, high = m->keys;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = by_name(pool, m->bound[middle].name, name);
        if (!order) return m->bound[middle].entry;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

void fb_member_close(struct fb_member *m) {
    fb_ckpt_close(m->ckpt);
    fb_lora_close(m->lora);
    if (m->owns_base) {
        fb_member_close(m->base);
        free(m->base);
    }
    free(m->local);
    free(m->folder);
    free(m->bound);
    m->ckpt = NULL;
    m->lora = NULL;
    m->base = NULL;
    m->owns_base = false;
    m->local = m->folder = NULL;
    m->bound = NULL;
}
