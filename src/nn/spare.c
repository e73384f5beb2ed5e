#include "nn/spare.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>

struct fb_spare_block {
    float *data;
    int64_t size, asked; /* in floats; asked: 0 when it is not out */
};

/* A kept block: the smallest of at least `count`, else the largest; NULL: none is kept. */
static struct fb_spare_block *choose(const struct fb_spare *spare, int64_t count) {
    struct fb_spare_block *best = NULL;

    for (int64_t i = 0; i < spare->count; i++) {
        struct fb_spare_block *b = &spare->block[i];
        if (b->asked) continue;
        if (!best ||
            (best->size < count ? b->size > best->size : b->size >= count && b->size < best->size))
            best = b;
    }
    return best;
}

/* Room for one more entry. */
static struct fb_spare_block *append(struct fb_spare *spare, struct fb_err *err) {
    int64_t capacity = spare->capacity ? spare->capacity * 2 : 16;

    if (spare->count == spare->capacity) {
        struct fb_spare_block *block =
            fb_realloc(spare->block, (size_t)capacity, sizeof *block, err);
        if (!block) return NULL;
        spare->block = block;
        spare->capacity = capacity;
    }
    spare->block[spare->count] = (struct fb_spare_block){0};
    return &spare->block[spare->count++];
}

float *fb_spare_take(struct fb_spare *spare, int64_t count, struct fb_err *err) {
    struct fb_spare_block *b = choose(spare, count);

    assert(count >= 0);
    if (count == 0) count = 1;
    if (!b && !(b = append(spare, err))) return NULL;
    if (b->size < count) {
        free(b->data);
        *b = (struct fb_spare_block){0};
        if ((size_t)count > SIZE_MAX / sizeof *b->data) {
            fb_fail(err, FB_ENOMEM, "out of memory: %jd values", (intmax_t)count);
            return NULL;
        }
        if (!(b->data = fb_malloc((size_t)count * sizeof *b->data, err))) return NULL;
        fb_want_huge_pages(b->data, (size_t)count * sizeof *b->data);
        b->size = count;
    }
    b->asked = count;
    spare->taken += (size_t)count * sizeof *b->data;
    return b->data;
}

void fb_spare_give(struct fb_spare *spare, float *data) {
    for (int64_t i = 0; data && i < spare->count; i++)
        if (spare->block[i].data == data) {
            spare->taken -= (size_t)spare->block[i].asked * sizeof *data;
            spare->block[i].asked = 0;
            return;
        }
    assert(!data);
}

void fb_spare_free(struct fb_spare *spare) {
    for (int64_t i = 0; i < spare->count; i++)
        free(spare->block[i].data);
    free(spare->block);
    *spare = (struct fb_spare){0};
}
