#include "nn/turned.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>

struct fb_turned_item {
    const struct fb_packed *weight;
    int64_t column;
    struct fb_packed packed;
    bool stale;
};

static struct fb_turned_item *find(const struct fb_turned *turned, const struct fb_packed *weight,
                                   int64_t column, int64_t columns) {
    for (int64_t i = 0; i < turned->count; i++) {
        struct fb_turned_item *item = &turned->item[i];
        if (item->weight == weight && item->column == column && item->packed.in == columns)
            return item;
    }
    return NULL;
}

static struct fb_turned_item *append(struct fb_turned *turned, const struct fb_packed *weight,
                                     int64_t column, int64_t columns, struct fb_err *err) {
    int64_t capacity = turned->capacity ? turned->capacity * 2 : 64;
    struct fb_turned_item *item;

    if (turned->count == turned->capacity) {
        if (!(item = fb_realloc(turned->item, (size_t)capacity, sizeof *item, err))) return NULL;
        turned->item = item;
        turned->capacity = capacity;
    }
    item = &turned->item[turned->count];
    *item = (struct fb_turned_item){.weight = weight, .column = column};
    if (fb_pack_turned(&item->packed, weight, column, columns, err)) return NULL;
    turned->count++;
    return item;
}

const struct fb_packed *fb_turned_get(struct fb_turned *turned, const struct fb_packed *weight,
                                      int64_t column, int64_t columns, struct fb_err *err) {
    struct fb_turned_item *item = find(turned, weight, column, columns);

    if (!item) item = append(turned, weight, column, columns, err);
    if (!item) return NULL;
    assert(item->packed.out == weight->in);
    if (item->stale) fb_pack_turned_again(&item->packed, weight, column);
    item->stale = false;
    return &item->packed;
}

void fb_turned_forget(struct fb_turned *turned) {
    for (int64_t i = 0; i < turned->count; i++)
        turned->item[i].stale = true;
}

void fb_turned_free(struct fb_turned *turned) {
    for (int64_t i = 0; i < turned->count; i++)
        fb_packed_free(&turned->item[i].packed);
    free(turned->item);
    *turned = (struct fb_turned){0};
}
