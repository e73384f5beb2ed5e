#include "nn/grads.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 256 };

static int grow(struct fb_grads *grads, struct fb_err *err) {
    int64_t capacity = grads->capacity ? grads->capacity * 2 : 32;
    struct fb_grad *item;

    if (grads->names.count < grads->capacity) return FB_OK;
    if (!(item = fb_realloc(grads->item, (size_t)capacity, sizeof *item, err))) return err->code;
    grads->item = item;
    grads->capacity = capacity;
    return FB_OK;
}

static void release(struct fb_grad *grad) {
    free(grad->block);
    free(grad->used);
    free(grad->marked);
}

int fb_grads_add(struct fb_grads *grads, const char *name, int64_t rows, int64_t cols,
                 bool is_table, struct fb_err *err) {
    struct fb_grad grad = {.rows = rows, .cols = cols, .is_table = is_table};
    int64_t at;
    int added;

    assert(rows >= 0 && cols >= 0);
    if (grow(grads, err)) return err->code;
    if (cols && (size_t)rows > (SIZE_MAX / 2 - FB_ALIGN) / sizeof *grad.data / (size_t)cols)
        return fb_fail(err, FB_ENOMEM, "out of memory: %jd rows of %jd values", (intmax_t)rows,
                       (intmax_t)cols);
    if (!(grad.block = fb_calloc((size_t)(rows * cols) * sizeof *grad.data + FB_ALIGN, 1, err)))
        goto fail;
    grad.data = fb_aligned(grad.block);
    /* Only the rows of a table that are used shall take memory. */
    if (!is_table) fb_want_huge_pages(grad.data, (size_t)(rows * cols) * sizeof *grad.data);
    if (is_table && (!(grad.used = fb_calloc((size_t)rows, sizeof *grad.used, err)) ||
                     !(grad.marked = fb_calloc((size_t)rows, sizeof *grad.marked, err))))
        goto fail;
    if ((at = fb_names_add(&grads->names, name, &added, err)) < 0) goto fail;
    if (!added) {
        fb_fail(err, FB_EMISMATCH, "two parameters '%s'", name);
        goto fail;
    }
    grad.name = grads->names.name[at];
    grads->item[at] = grad;
    return FB_OK;
fail:
    release(&grad);
    return err->code;
}

int fb_grads_want(struct fb_grads *grads, const struct fb_grads_filter *filter, const char *layer,
                  const char *suffix, int64_t rows, int64_t cols, bool is_table,
                  struct fb_err *err) {
    char name[NAME];

    snprintf(name, sizeof name, "%s.%s", layer, suffix);
    if (filter && !filter->wants(filter->self, name)) return FB_OK;
    return fb_grads_add(grads, name, rows, cols, is_table, err);
}

struct fb_grad *fb_grads_find(const struct fb_grads *grads, const char *name) {
    int64_t at = fb_names_find(&grads->names, name);

    return at < 0 ? NULL : &grads->item[at];
}

static void zero(struct fb_grad *grad) {
    size_t row = (size_t)grad->cols * sizeof *grad->data;

    grad->squaring = false;
    grad->squared = 0;
    grad->mixed = false;
    if (!grad->is_table) {
        grad->fresh = true;
        return;
    }
    for (int64_t i = 0; i < grad->used_count; i++) {
        memset(grad->data + grad->used[i] * grad->cols, 0, row);
        grad->marked[grad->used[i]] = false;
    }
    grad->used_count = 0;
}

void fb_grads_zero(struct fb_grads *grads) {
    for (int64_t i = 0; i < grads->names.count; i++)
        zero(&grads->item[i]);
}

void fb_grads_zero_to_square(struct fb_grads *grads) {
    fb_grads_zero(grads);
    for (int64_t i = 0; i < grads->names.count; i++)
        grads->item[i].squaring = grads->item[i].squares && !grads->item[i].is_table;
}

void fb_grads_free(struct fb_grads *grads) {
    for (int64_t i = 0; i < grads->names.count; i++)
        release(&grads->item[i]);
    free(grads->item);
    fb_names_free(&grads->names);
    *grads = (struct fb_grads){0};
}

bool fb_grad_begin(struct fb_grad *grad) {
    bool add = !grad->fresh;

    if (grad->squared) grad->mixed = true;
    grad->fresh = false;
    return add;
}

float *fb_grad_sums(struct fb_grad *grad) {
    if (!fb_grad_begin(grad))
        memset(grad->data, 0, (size_t)(grad->rows * grad->cols) * sizeof *grad->data);
    return grad->data;
}

float *fb_grad_squares(struct fb_grad *grad, int64_t count) {
    if (!grad->squaring) return NULL;
    if (!grad->fresh || count > grad->rows * grad->cols - grad->squared) {
        grad->mixed = true;
        return NULL;
    }
    grad->squared += count;
    return grad->squares;
}

void fb_grad_use(struct fb_grad *grad, const int64_t *row, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        assert(row[i] >= 0 && row[i] < grad->rows);
        if (grad->marked[row[i]]) continue;
        grad->marked[row[i]] = true;
        grad->used[grad->used_count++] = row[i];
    }
}

void fb_grad_use_all(struct fb_grad *grad) {
    for (int64_t row = 0; row < grad->rows; row++)
        fb_grad_use(grad, &row, 1);
}

int fb_grads_settle(struct fb_grads *grads, struct fb_err *err) {
    for (int64_t i = 0; i < grads->names.count; i++) {
        const struct fb_grad *grad = &grads->item[i];
        if (grad->mixed)
            return fb_fail(err, FB_EUNSUPPORTED,
                           "'%s' is used more than once in a pass: its gradient is a sum, whose "
                           "square is not the sum of the squares of its parts",
                           grad->name);
        if (!grad->squared) fb_grad_sums(&grads->item[i]);
    }
    return FB_OK;
}
