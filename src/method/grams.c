#include "method/grams.h"

#include "base/alloc.h"
#include "kernel/outer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int open_one(struct fb_gram *to, struct fb_entry *entry, const struct fb_gram *from,
                    struct fb_err *err) {
    size_t n = (size_t)from->n, most = SIZE_MAX / sizeof(float);

    if (n && n > most / n)
        return fb_fail(err, FB_ENOMEM, "out of memory: a matrix of %jd x %jd", (intmax_t)from->n,
                       (intmax_t)from->n);
    *to = (struct fb_gram){.layer = from->layer, .n = from->n};
    if (!(to->matrix = fb_malloc(n * n * sizeof(float), err))) return err->code;
    fb_want_huge_pages(to->matrix, n * n * sizeof(float));
    *entry = (struct fb_entry){.name = to->layer,
                               .dtype = FB_F32,
                               .ndim = 2,
                               .shape = {to->n, to->n},
                               .numel = to->n * to->n,
                               .data = to->matrix,
                               .size = n * n * sizeof(float)};
    return FB_OK;
}

int fb_grams_open(struct fb_grams *out, const struct fb_gram *item, int64_t count,
                  struct fb_err *err) {
    *out = (struct fb_grams){.item = fb_calloc((size_t)count, sizeof *out->item, err)};
    if (out->item) out->entry = fb_calloc((size_t)count, sizeof *out->entry, err);
    if (!out->entry) {
        fb_grams_free(out);
        return err->code;
    }
    for (; out->count < count; out->count++)
        if (open_one(&out->item[out->count], &out->entry[out->count], &item[out->count], err)) {
            fb_grams_free(out);
            return err->code;
        }
    return FB_OK;
}

void fb_grams_free(struct fb_grams *g) {
    for (int64_t i = 0; i < g->count; i++)
        free(g->item[i].matrix);
    free(g->item);
    free(g->entry);
    *g = (struct fb_grams){0};
}

void fb_grams_clear(struct fb_grams *g) {
    for (int64_t i = 0; i < g->count; i++)
        g->item[i].rows = 0;
}

static int add(void *self, const char *name, const struct fb_tensor *input, struct fb_err *err) {
    struct fb_grams *g = self;

    for (int64_t i = 0; i < g->count; i++) {
        struct fb_gram *gram = &g->item[i];
        if (strcmp(gram->layer, name) != 0) continue;
        assert(input->cols == gram->n);
        if (fb_gram(gram->matrix, input->data, input->cols, input->rows, gram->n, gram->rows > 0,
                    err))
            return err->code;
        gram->rows += input->rows;
    }
    return FB_OK;
}

struct fb_observer fb_grams_observer(struct fb_grams *g) {
    return (struct fb_observer){add, g};
}

int fb_grams_finish(struct fb_grams *g, struct fb_err *err) {
    for (int64_t i = 0; i < g->count; i++) {
        struct fb_gram *gram = &g->item[i];
        if (!gram->rows)
            return fb_fail(err, FB_EMISMATCH, "the model has no linear layer '%s'", gram->layer);
        for (int64_t r = 0; r < gram->n; r++)
            for (int64_t c = 0; c <= r; c++)
                gram->matrix[r * gram->n + c] /= (float)gram->rows;
        fb_gram_mirror(gram->matrix, gram->n);
    }
    return FB_OK;
}

void fb_grams_read(struct fb_grams *g, const struct fb_ckpt *file) {
    for (int64_t i = 0; i < g->count; i++)
        memcpy(g->item[i].matrix, fb_ckpt_find(file, g->item[i].layer)->data, g->entry[i].size);
}
