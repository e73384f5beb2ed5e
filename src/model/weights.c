/* weights.c - see weights.h. */
#include "model/weights.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, NAME = 256 }; /* a cache line, and the widest vector */

static int grow(struct fb_weights *w, struct fb_err *err) {
    int64_t capacity = w->capacity ? w->capacity * 2 : 32;
    struct fb_weight *item;

    if (w->names.count < w->capacity) return FB_OK;
    if (!(item = fb_realloc(w->item, (size_t)capacity, sizeof *item, err))) return err->code;
    w->item = item;
    w->capacity = capacity;
    return FB_OK;
}

/* Product of the shape; FB_EFORMAT when the values' bytes do not fit a size_t. */
static int count_values(int64_t *numel, const char *name, int ndim, const int64_t *shape,
                        struct fb_err *err) {
    const int64_t most = (INT64_MAX - ALIGNMENT) / (int64_t)sizeof(float);

    assert(ndim >= 0 && ndim <= FB_DIMS);
    *numel = 1;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0 || (shape[d] && *numel > most / shape[d]))
            return fb_fail(err, FB_EFORMAT, "tensor '%s': dimension %d of %jd is out of range",
                           name, d, (intmax_t)shape[d]);
        *numel *= shape[d];
    }
    return FB_OK;
}

/* aligned_alloc wants a multiple of the alignment. */
static float *allocate(int64_t numel, struct fb_err *err) {
    size_t size = ((size_t)numel * sizeof(float) + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    float *values = aligned_alloc(ALIGNMENT, size);

    if (!values) fb_fail(err, FB_ENOMEM, "out of memory: %zu bytes refused", size);
    return values;
}

struct fb_weight *fb_weights_borrow(struct fb_weights *w, const char *name, int ndim,
                                    const int64_t *shape, const float *data, struct fb_err *err) {
    struct fb_weight *item;
    int64_t numel, at;
    int added;

    if (count_values(&numel, name, ndim, shape, err) || grow(w, err)) return NULL;
    if ((at = fb_names_add(&w->names, name, &added, err)) < 0) return NULL;
    if (!added) {
        fb_fail(err, FB_EMISMATCH, "two tensors '%s'", name);
        return NULL;
    }
    item = &w->item[at];
    *item = (struct fb_weight){
        .name = w->names.name[at], .ndim = ndim, .numel = numel, .data = data, .trainable = true};
    if (ndim) memcpy(item->shape, shape, (size_t)ndim * sizeof *shape);
    return item;
}

struct fb_weight *fb_weights_borrow_entry(struct fb_weights *w, const char *name,
                                          const struct fb_ckpt *ckpt, const struct fb_entry *entry,
                                          struct fb_err *err) {
    struct fb_weight *item =
        fb_weights_borrow(w, name, entry->ndim, entry->shape, entry->data, err);

    assert(entry->dtype == FB_F32 && (uintptr_t)entry->data % sizeof(float) == 0);
    if (!item) return NULL;
    item->ckpt = ckpt;
    item->entry = entry;
    return item;
}

struct fb_weight *fb_weights_add(struct fb_weights *w, const char *name, int ndim,
                                 const int64_t *shape, struct fb_err *err) {
    struct fb_weight *item;
    float *values;
    int64_t numel;

    if (count_values(&numel, name, ndim, shape, err)) return NULL;
    if (!(values = allocate(numel, err))) return NULL;
    if (!(item = fb_weights_borrow(w, name, ndim, shape, values, err))) {
        free(values);
        return NULL;
    }
    item->owned = values;
    return item;
}

int fb_weights_add_part(struct fb_weights *w, const char *layer, const char *suffix, int64_t rows,
                        int64_t cols, struct fb_err *err) {
    const int64_t shape[] = {rows ? rows : cols, cols};
    char name[NAME];

    snprintf(name, sizeof name, "%s.%s", layer, suffix);
    return fb_weights_add(w, name, rows ? 2 : 1, shape, err) ? FB_OK : err->code;
}

int fb_weights_own(struct fb_weights *w, int64_t i, struct fb_err *err) {
    struct fb_weight *item = &w->item[i];

    if (item->owned) return FB_OK;
    if (!(item->owned = allocate(item->numel, err))) return err->code;
    memcpy(item->owned, item->data, (size_t)item->numel * sizeof *item->owned);
    item->data = item->owned;
    return FB_OK;
}

const struct fb_weight *fb_weights_find(const struct fb_weights *w, const char *name) {
    int64_t at = fb_names_find(&w->names, name);

    return at < 0 ? NULL : &w->item[at];
}

void fb_weights_release(struct fb_weights *w, const char *name) {
    int64_t at = fb_names_find(&w->names, name);
    struct fb_weight *item;

    if (at < 0) return;
    item = &w->item[at];
    if (item->owned) {
        free(item->owned);
        item->data = item->owned = NULL;
    } else if (item->ckpt) {
        fb_ckpt_forget(item->ckpt, item->entry, 0, item->numel);
    }
}

void fb_weights_free(struct fb_weights *w) {
    for (int64_t i = 0; i < w->names.count; i++)
        free(w->item[i].owned);
    free(w->item);
    fb_names_free(&w->names);
    *w = (struct fb_weights){0};
}
