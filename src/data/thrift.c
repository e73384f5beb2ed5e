#include "data/thrift.h"

#include <inttypes.h>

enum { DEPTH_MAX = 32 };

static int truncated(struct fb_err *err) {
    return fb_fail(err, FB_EFORMAT, "metadata ends in the middle of a value");
}

static int byte(struct fb_thrift *t, unsigned *out, struct fb_err *err) {
    if (t->at == t->end) return truncated(err);
    *out = *t->at++;
    return FB_OK;
}

static int varint(struct fb_thrift *t, uint64_t *out, struct fb_err *err) {
    uint64_t value = 0;
    unsigned b = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        if (byte(t, &b, err)) return err->code;
        value |= (uint64_t)(b & 0x7f) << shift;
        if (b & 0x80) continue;
        if (shift == 63 && b > 1) break;
        *out = value;
        return FB_OK;
    }
    return fb_fail(err, FB_EFORMAT, "metadata holds an integer of more than 64 bits");
}

static int zigzag(struct fb_thrift *t, int64_t *out, struct fb_err *err) {
    uint64_t raw;

    if (varint(t, &raw, err)) return err->code;
    *out = (int64_t)(raw >> 1 ^ (0 - (raw & 1)));
    return FB_OK;
}

int fb_thrift_next(struct fb_thrift *t, struct fb_thrift_field *f, struct fb_err *err) {
    unsigned head = 0;
    int64_t id = 0;

    if (byte(t, &head, err)) return err->code;
    f->type = (int)(head & 0x0f);
    if (f->type == FB_THRIFT_STOP) return FB_OK;
    if (head >> 4) id = f->id + (int64_t)(head >> 4);
    else if (zigzag(t, &id, err)) return err->code;
    if (id < INT16_MIN || id > INT16_MAX)
        return fb_fail(err, FB_EFORMAT, "metadata field %" PRId64 " is beyond 16 bits", id);
    f->id = id;
    return FB_OK;
}

static int wrong_type(const struct fb_thrift_field *f, const char *wanted, struct fb_err *err) {
    return fb_fail(err, FB_EFORMAT, "metadata field %" PRId64 " has type %d, expected %s", f->id,
                   f->type, wanted);
}

int fb_thrift_int(struct fb_thrift *t, const struct fb_thrift_field *f, int64_t *out,
                  struct fb_err *err) {
    unsigned b = 0;

    if (f->type == FB_THRIFT_BYTE) {
        if (byte(t, &b, err)) return err->code;
        *out = b < 0x80 ? (int64_t)b : (int64_t)b - 0x100;
        return FB_OK;
    }
    if (f->type < FB_THRIFT_I16 || f->type > FB_THRIFT_I64) return wrong_type(f, "integer", err);
    return zigzag(t, out, err);
}

int fb_thrift_bool(const struct fb_thrift_field *f, bool *out, struct fb_err *err) {
    if (f->type != FB_THRIFT_TRUE && f->type != FB_THRIFT_FALSE) return wrong_type(f, "bool", err);
    *out = f->type == FB_THRIFT_TRUE;
    return FB_OK;
}

static int take(struct fb_thrift *t, uint64_t size, struct fb_err *err) {
    if (size > (uint64_t)(t->end - t->at))
        return fb_fail(err, FB_EFORMAT, "metadata claims %" PRIu64 " bytes, %td are left", size,
                       t->end - t->at);
    t->at += size;
    return FB_OK;
}

static int bytes_of(struct fb_thrift *t, const unsigned char **bytes, size_t *size,
                    struct fb_err *err) {
    uint64_t n;

    if (varint(t, &n, err)) return err->code;
    *bytes = t->at;
    *size = (size_t)n;
    return take(t, n, err);
}

int fb_thrift_bytes(struct fb_thrift *t, const struct fb_thrift_field *f,
                    const unsigned char **bytes, size_t *size, struct fb_err *err) {
    if (f->type != FB_THRIFT_BINARY) return wrong_type(f, "text", err);
    return bytes_of(t, bytes, size, err);
}

int fb_thrift_struct(const struct fb_thrift_field *f, struct fb_err *err) {
    return f->type == FB_THRIFT_STRUCT ? FB_OK : wrong_type(f, "struct", err);
}

/* Every element takes a byte at least, whatever its type: a stop byte, a length, a bool. */
static int list_header(struct fb_thrift *t, int *type, uint64_t *count, struct fb_err *err) {
    unsigned head = 0;

    if (byte(t, &head, err)) return err->code;
    *type = (int)(head & 0x0f);
    *count = head >> 4;
    if (*count == 15 && varint(t, count, err)) return err->code;
    if (*count > (uint64_t)(t->end - t->at))
        return fb_fail(err, FB_EFORMAT,
                       "metadata claims a list of %" PRIu64 " elements, %td bytes are left", *count,
                       t->end - t->at);
    return FB_OK;
}

int fb_thrift_structs(struct fb_thrift *t, const struct fb_thrift_field *f, int64_t *count,
                      struct fb_err *err) {
    uint64_t n;
    int type;

    if (f->type != FB_THRIFT_LIST) return wrong_type(f, "list", err);
    if (list_header(t, &type, &n, err)) return err->code;
    if (n && type != FB_THRIFT_STRUCT) return wrong_type(f, "list of structs", err);
    *count = (int64_t)n;
    return FB_OK;
}

static int skip_value(struct fb_thrift *t, int type, int depth, struct fb_err *err);

static int skip_list(struct fb_thrift *t, int depth, struct fb_err *err) {
    uint64_t count;
    int type;

    if (list_header(t, &type, &count, err)) return err->code;
    if (type == FB_THRIFT_TRUE || type == FB_THRIFT_FALSE) return take(t, count, err);
    while (count--)
        if (skip_value(t, type, depth, err)) return err->code;
    return FB_OK;
}

static int skip_map(struct fb_thrift *t, int depth, struct fb_err *err) {
    uint64_t count;
    unsigned types = 0;

    if (varint(t, &count, err)) return err->code;
    if (!count) return FB_OK;
    if (byte(t, &types, err)) return err->code;
    /* In a map, as in a list, a bool is a byte of its own. */
    for (unsigned side[2] = {types >> 4, types & 0x0f}; count--;)
        for (int i = 0; i < 2; i++) {
            int type = side[i] <= FB_THRIFT_FALSE ? FB_THRIFT_BYTE : (int)side[i];
            if (skip_value(t, type, depth, err)) return err->code;
        }
    return FB_OK;
}

static int skip_struct(struct fb_thrift *t, int depth, struct fb_err *err) {
    struct fb_thrift_field f = {0};
    int rc;

    while (!(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP)
        if (skip_value(t, f.type, depth, err)) return err->code;
    return rc;
}

static int skip_value(struct fb_thrift *t, int type, int depth, struct fb_err *err) {
    const unsigned char *bytes;
    uint64_t number;
    size_t size;

    if (depth >= DEPTH_MAX)
        return fb_fail(err, FB_EFORMAT, "metadata is nested deeper than %d", DEPTH_MAX);
    switch (type) {
    case FB_THRIFT_TRUE:
    case FB_THRIFT_FALSE: return FB_OK;
    case FB_THRIFT_BYTE: return take(t, 1, err);
    case FB_THRIFT_I16:
    case FB_THRIFT_I32:
    case FB_THRIFT_I64: return varint(t, &number, err);
    case FB_THRIFT_DOUBLE: return take(t, 8, err);
    case FB_THRIFT_BINARY: return bytes_of(t, &bytes, &size, err);
    case FB_THRIFT_LIST:
    case FB_THRIFT_SET: return skip_list(t, depth + 1, err);
    case FB_THRIFT_MAP: return skip_map(t, depth + 1, err);
    case FB_THRIFT_STRUCT: return skip_struct(t, depth + 1, err);
    default: return fb_fail(err, FB_EFORMAT, "metadata holds the unknown type %d", type);
    }
}

int fb_thrift_skip(struct fb_thrift *t, int type, struct fb_err *err) {
    return skip_value(t, type, 0, err);
}
