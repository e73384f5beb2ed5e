#include "data/flatbuf.h"

#include "data/parquet_bits.h"

#include <inttypes.h>

static unsigned le16(const unsigned char *p) {
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static int outside(const char *what, size_t at, size_t size, struct fb_err *err) {
    return fb_fail(err, FB_EFORMAT, "%s at byte %zu of metadata of %zu bytes", what, at, size);
}

/* The table at `at`, and its vtable. */
static int table_at(struct fb_flat_table *out, const unsigned char *bytes, size_t size, size_t at,
                    struct fb_err *err) {
    int64_t vtable;
    unsigned words;

    if (size < 4 || at > size - 4) return outside("a table", at, size, err);
    vtable = (int64_t)at - (int32_t)fb_le32(bytes + at);
    if (vtable < 0 || (uint64_t)vtable > size - 4)
        return fb_fail(err, FB_EFORMAT, "a vtable at byte %" PRId64 " of metadata of %zu bytes",
                       vtable, size);
    words = le16(bytes + vtable);
    *out = (struct fb_flat_table){.bytes = bytes, .size = size, .at = at};
    out->vtable = (size_t)vtable;
    out->length = le16(bytes + vtable + 2);
    if (words < 4 || words % 2 || words > size - out->vtable)
        return fb_fail(err, FB_EFORMAT, "a vtable of %u bytes at byte %zu of %zu", words,
                       out->vtable, size);
    if (out->length < 4 || out->length > size - at)
        return fb_fail(err, FB_EFORMAT, "a table of %zu bytes at byte %zu of %zu", out->length, at,
                       size);
    out->fields = (int)(words - 4) / 2;
    return FB_OK;
}

int fb_flat_root(struct fb_flat_table *out, const unsigned char *bytes, size_t size,
                 struct fb_err *err) {
    if (size < 4) return fb_fail(err, FB_EFORMAT, "metadata of %zu bytes", size);
    return table_at(out, bytes, size, fb_le32(bytes), err);
}

/* Place of a field of `width` bytes in the buffer; 0 when it is absent. */
static int find(const struct fb_flat_table *t, int field, size_t width, size_t *at,
                struct fb_err *err) {
    unsigned offset = 0;

    if (field < t->fields) offset = le16(t->bytes + t->vtable + 4 + 2 * (size_t)field);
    *at = offset ? t->at + offset : 0;
    if (offset && (offset < 4 || width > t->length || offset > t->length - width))
        return fb_fail(err, FB_EFORMAT, "field %d at byte %u of a table of %zu bytes", field,
                       offset, t->length);
    return FB_OK;
}

int fb_flat_int(const struct fb_flat_table *t, int field, size_t width, int64_t absent,
                int64_t *out, struct fb_err *err) {
    const unsigned char *p;
    size_t at;

    if (find(t, field, width, &at, err)) return err->code;
    p = t->bytes + at;
    if (!at) *out = absent;
    else if (width == 1) *out = (int64_t)(*p ^ 0x80u) - 0x80; /* two's complement */
    else if (width == 2) *out = (int16_t)le16(p);
    else *out = width == 4 ? (int64_t)(int32_t)fb_le32(p) : (int64_t)fb_le64(p);
    return FB_OK;
}

/* Follows the distance that stands at `at`, which lies in the buffer with its four bytes. */
static size_t follow(const unsigned char *bytes, size_t at) {
    return at + fb_le32(bytes + at);
}

int fb_flat_child(const struct fb_flat_table *t, int field, struct fb_flat_table *out,
                  struct fb_err *err) {
    size_t at;

    *out = (struct fb_flat_table){0};
    if (find(t, field, 4, &at, err)) return err->code;
    return at ? table_at(out, t->bytes, t->size, follow(t->bytes, at), err) : FB_OK;
}

int fb_flat_list(const struct fb_flat_table *t, int field, size_t element,
                 struct fb_flat_vector *out, struct fb_err *err) {
    size_t at;

    *out = (struct fb_flat_vector){.bytes = t->bytes, .size = t->size, .element = element};
    if (find(t, field, 4, &at, err)) return err->code;
    if (!at) return FB_OK;
    at = follow(t->bytes, at);
    if (at > t->size - 4) return outside("a vector", at, t->size, err);
    out->at = at + 4;
    out->count = fb_le32(t->bytes + at);
    if ((uint64_t)out->count > (t->size - out->at) / element)
        return fb_fail(err, FB_EFORMAT, "a vector of %" PRId64 " elements, %zu bytes are left",
                       out->count, t->size - out->at);
    return FB_OK;
}

int fb_flat_item(const struct fb_flat_vector *v, int64_t i, struct fb_flat_table *out,
                 struct fb_err *err) {
    return table_at(out, v->bytes, v->size, follow(v->bytes, v->at + 4 * (size_t)i), err);
}

int64_t fb_flat_word(const struct fb_flat_vector *v, int64_t i, size_t word) {
    return (int64_t)fb_le64(v->bytes + v->at + v->element * (size_t)i + 8 * word);
}
