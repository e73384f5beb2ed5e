#include "data/sink.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void fb_sink_free(struct fb_sink *sink) {
    free(sink->column.valid);
    free(sink->column.bytes);
    free(sink->column.offset);
    free(sink->column.integer);
    free(sink->column.real);
    sink->column = (struct fb_column){0};
}

static int charge(struct fb_sink *sink, uint64_t size, struct fb_err *err) {
    if (size > *sink->budget)
        return fb_fail(err, FB_EFORMAT,
                       "the data unpack to far more than the file's size can explain: %" PRIu64
                       " bytes asked for, %" PRIu64 " left",
                       size, *sink->budget);
    *sink->budget -= size;
    return FB_OK;
}

static int grow(void **array, size_t count, size_t size, struct fb_err *err) {
    void *grown = fb_realloc(*array, count, size, err);

    if (!grown) return err->code;
    *array = grown;
    return FB_OK;
}

int fb_sink_reserve(struct fb_sink *sink, int64_t n, struct fb_err *err) {
    struct fb_column *c = &sink->column;
    int64_t capacity;
    size_t want;
    bool first = !sink->capacity;

    if (n <= sink->capacity - sink->count && !first) return FB_OK;
    if (n > INT64_MAX / 32 - sink->count)
        return fb_fail(err, FB_EFORMAT, "%" PRId64 " rows, limit %" PRId64, n, INT64_MAX / 32);
    capacity = sink->count + n;
    if (capacity < sink->capacity / 2 * 3) capacity = sink->capacity / 2 * 3;
    /* 8 bytes of value or offset and 1 that says whether it is there. */
    if (charge(sink, (uint64_t)(capacity - sink->capacity) * 9, err)) return err->code;
    want = (size_t)capacity;
    if (sink->optional && grow((void **)&c->valid, want, 1, err)) return err->code;
    switch (c->kind) {
    case FB_COLUMN_TEXT:
        if (grow((void **)&c->offset, want + 1, sizeof *c->offset, err)) return err->code;
        if (first) c->offset[0] = 0;
        break;
    case FB_COLUMN_REAL:
        if (grow((void **)&c->real, want, sizeof *c->real, err)) return err->code;
        break;
    case FB_COLUMN_INT:
    case FB_COLUMN_BOOL:
        if (grow((void **)&c->integer, want, sizeof *c->integer, err)) return err->code;
        break;
    }
    sink->capacity = capacity;
    return FB_OK;
}

int fb_sink_reserve_text(struct fb_sink *sink, size_t n, struct fb_err *err) {
    size_t used = sink->column.offset[sink->count], want = sink->text_capacity;

    if (n <= sink->text_capacity - used && sink->column.bytes) return FB_OK;
    if (n > SIZE_MAX / 4 - used) return charge(sink, UINT64_MAX, err);
    want = want / 2 * 3 > used + n ? want / 2 * 3 : used + n;
    if (charge(sink, want - sink->text_capacity, err)) return err->code;
    if (grow((void **)&sink->column.bytes, want, 1, err)) return err->code;
    sink->text_capacity = want;
    return FB_OK;
}

void fb_sink_push_text(struct fb_sink *sink, const unsigned char *bytes, size_t size) {
    uint64_t *offset = &sink->column.offset[sink->count++];

    if (size) memcpy(sink->column.bytes + offset[0], bytes, size);
    offset[1] = offset[0] + size;
}

void fb_sink_spread(struct fb_sink *sink, int64_t present, int64_t rows) {
    struct fb_column *c = &sink->column;
    int64_t first = sink->count - present, from = sink->count;

    sink->count = first + rows;
    if (present == rows) return;
    sink->nulls = true;
    /* From the end, so that no value is overwritten before it has moved. */
    for (int64_t to = first + rows - 1; to >= first; to--) {
        bool valid = c->valid[to] != 0;
        if (c->kind == FB_COLUMN_TEXT) c->offset[to + 1] = c->offset[from];
        else if (c->kind == FB_COLUMN_REAL) c->real[to] = valid ? c->real[from - 1] : 0;
        else c->integer[to] = valid ? c->integer[from - 1] : 0;
        from -= valid;
    }
}

static int shrink(void **array, size_t count, size_t size, struct fb_err *err) {
    void *p = *array ? fb_realloc(*array, count, size, err) : NULL;

    if (*array && !p) return err->code;
    *array = p;
    return FB_OK;
}

int fb_sink_trim(struct fb_sink *sink, int64_t rows, struct fb_err *err) {
    struct fb_column *c = &sink->column;
    size_t n = (size_t)rows;

    if (!sink->nulls) {
        free(c->valid);
        c->valid = NULL;
    }
    if (shrink((void **)&c->valid, n, 1, err) ||
        shrink((void **)&c->integer, n, sizeof *c->integer, err) ||
        shrink((void **)&c->real, n, sizeof *c->real, err))
        return err->code;
    if (!c->offset) return FB_OK;
    if (shrink((void **)&c->offset, n + 1, sizeof *c->offset, err)) return err->code;
    return shrink((void **)&c->bytes, (size_t)c->offset[rows], 1, err);
}
