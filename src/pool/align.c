/* align.c - do the models fit together, and if not, what differs. */
#include "base/alloc.h"
#include "base/str.h"
#include "pool/member.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 20, NAMED_MAX = 4 };

struct table {
    struct fb_pool *pool;
    const int *model;
    int count;
    struct fb_str text;
    int64_t lines; /* keys that differ, shown or not */
};

static bool same_shape(const struct fb_entry *a, const struct fb_entry *b) {
    return a->ndim == b->ndim && !memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof a->shape[0]);
}

static int put_state(struct table *t, const char *name, const struct fb_entry *e, bool first,
                     struct fb_err *err) {
    if (fb_str_printf(&t->text, err, "%s %s", first ? "" : ",", name)) return err->code;
    if (!e) return fb_str_puts(&t->text, " lacks it", err);
    if (fb_str_puts(&t->text, " [", err)) return err->code;
    for (int i = 0; i < e->ndim; i++)
        if (fb_str_printf(&t->text, err, "%s%jd", i ? ", " : "", (intmax_t)e->shape[i]))
            return err->code;
    return fb_str_puts(&t->text, "]", err);
}

static const struct fb_member *member(const struct table *t, int i) {
    return &t->pool->member[t->model[i]];
}

/* One line for a key if some model differs from the first of the list. */
static int compare_key(struct table *t, const char *name, struct fb_err *err) {
    const struct fb_entry *first = fb_member_find(t->pool, member(t, 0), name);
    int differing = 0;

    for (int i = 1; i < t->count; i++) {
        const struct fb_entry *e = fb_member_find(t->pool, member(t, i), name);
        if (first && e ? same_shape(first, e) : first == e) continue;
        if (!differing && t->lines++ >= LINES_MAX) return FB_OK;
        if (!differing && (fb_str_printf(&t->text, err, "\n  %s:", name) ||
                           put_state(t, member(t, 0)->name, first, true, err)))
            return err->code;
        if (differing++ < NAMED_MAX && put_state(t, member(t, i)->name, e, false, err))
            return err->code;
    }
    if (differing > NAMED_MAX)
        return fb_str_printf(&t->text, err, " and %d more models", differing - NAMED_MAX);
    return FB_OK;
}

/* The key was seen in a model before model `i` of the list. */
static bool seen(const struct table *t, int i, const char *name) {
    while (i-- > 0)
        if (fb_member_find(t->pool, member(t, i), name)) return true;
    return false;
}

static int compare_all(struct table *t, struct fb_err *err) {
    for (int i = 0; i < t->count; i++) {
        const struct fb_member *m = member(t, i);
        for (int64_t k = 0; k < m->keys; k++)
            if (!seen(t, i, m->bound[k].name) && compare_key(t, m->bound[k].name, err))
                return err->code;
    }
    if (!t->lines) return FB_OK;
    if (t->lines > LINES_MAX &&
        fb_str_printf(&t->text, err, "\n  and %jd more keys", (intmax_t)(t->lines - LINES_MAX)))
        return err->code;
    return fb_fail(err, FB_EMISMATCH, "the models do not fit together:%s", fb_str_text(&t->text));
}

static int make_keys(struct fb_pool *pool, struct fb_member *m, struct fb_err *err) {
    const struct fb_node *config = NULL;
    struct fb_pool_key *key;

    if (pool->type->copies && fb_member_config(pool, m, &config, err)) return err->code;
    if (!(key = fb_calloc((size_t)m->keys, sizeof *key, err))) return err->code;
    for (int64_t k = 0; k < m->keys; k++) {
        const struct fb_entry *e = m->bound[k].entry;
        key[k] = (struct fb_pool_key){.name = m->bound[k].name,
                                      .ndim = e->ndim,
                                      .numel = e->numel,
                                      .dtype = e->dtype,
                                      .copies = 1};
        memcpy(key[k].shape, e->shape, sizeof key[k].shape);
        if (pool->type->copies) key[k].copies = pool->type->copies(config, key[k].name);
    }
    free(pool->key);
    pool->key = key;
    pool->keys = m->keys;
    return FB_OK;
}

int fb_pool_align(struct fb_pool *pool, const int *models, int count, struct fb_err *err) {
    struct table t = {.pool = pool, .model = models, .count = count, .text = {.max = 1 << 16}};
    int rc = FB_OK;

    if (count < 1) return fb_fail(err, FB_EMISMATCH, "no model was named");
    for (int i = 0; i < count && !rc; i++)
        rc = fb_member_bind(pool, &pool->member[models[i]], err);
    if (!rc) rc = compare_all(&t, err);
    fb_str_free(&t.text);
    return rc ? rc : make_keys(pool, &pool->member[models[0]], err);
}
