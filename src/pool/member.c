#include "pool/member.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "hub/hub.h"

#include <stdlib.h>
#include <string.h>

int fb_member_resolve(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    (void)pool;
    if (m->folder) return FB_OK;
    if (!m->local && fb_hub_resolve(&m->local, m->path, FB_HUB_MODEL, m->revision, err))
        return fb_context(err, "model '%s'", m->name);
    m->folder = fb_is_file(m->local) ? fb_path_dir(m->local, err) : fb_strdup(m->local, err);
    return m->folder ? FB_OK : err->code;
}

int fb_member_open(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    if (m->ckpt) return FB_OK;
    if (fb_member_resolve(pool, m, err)) return err->code;
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

int fb_member_bind(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    struct fb_bound *bound = NULL, *spare = NULL;
    int64_t count, n = 0;

    if (m->bound) return FB_OK;
    if (fb_member_open(pool, m, err)) return err->code;
    count = fb_ckpt_count(m->ckpt);
    if (!(bound = fb_calloc((size_t)count, sizeof *bound, err)) ||
        !(spare = fb_calloc((size_t)count, sizeof *spare, err)))
        goto fail;
    for (int64_t i = 0; i < count; i++) {
        const struct fb_entry *e = fb_ckpt_at(m->ckpt, i);
        const char *name = pool->type->canonical(e->name);
        if (name) bound[n++] = (struct fb_bound){name, e};
    }
    sort(pool, bound, spare, n);
    if (check(bound, n, err)) goto fail;
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
    free(m->local);
    free(m->folder);
    free(m->bound);
    m->ckpt = NULL;
    m->local = m->folder = NULL;
    m->bound = NULL;
}
