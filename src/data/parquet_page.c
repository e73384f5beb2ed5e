/* parquet_page.c - PageHeader of parquet.thrift; field numbers as there. */
#include "data/parquet_page.h"

#include <inttypes.h>
#include <zlib.h>

static int data_v1(struct fb_parquet_page *p, struct fb_thrift *t,
                   const struct fb_thrift_field *outer, struct fb_err *err) {
    struct fb_thrift_field f = {0};
    int rc = fb_thrift_struct(outer, err);

    while (!rc && !(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP) {
        switch (f.id) {
        case 1: rc = fb_thrift_int(t, &f, &p->values, err); break;
        case 2: rc = fb_thrift_int(t, &f, &p->encoding, err); break;
        case 3: rc = fb_thrift_int(t, &f, &p->level_encoding, err); break;
        default: rc = fb_thrift_skip(t, f.type, err);
        }
    }
    return rc;
}

static int dictionary(struct fb_parquet_page *p, struct fb_thrift *t,
                      const struct fb_thrift_field *outer, struct fb_err *err) {
    struct fb_thrift_field f = {0};
    int rc = fb_thrift_struct(outer, err);

    while (!rc && !(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP) {
        switch (f.id) {
        case 1: rc = fb_thrift_int(t, &f, &p->values, err); break;
        case 2: rc = fb_thrift_int(t, &f, &p->encoding, err); break;
        default: rc = fb_thrift_skip(t, f.type, err);
        }
    }
    return rc;
}

static int byte_count(struct fb_thrift *t, const struct fb_thrift_field *f, size_t *out,
                      struct fb_err *err) {
    int64_t value;

    if (fb_thrift_int(t, f, &value, err)) return err->code;
    if (value < 0 || value > INT32_MAX)
        return fb_fail(err, FB_EFORMAT, "a page header claims %" PRId64 " bytes", value);
    *out = (size_t)value;
    return FB_OK;
}

static int data_v2(struct fb_parquet_page *p, struct fb_thrift *t,
                   const struct fb_thrift_field *outer, struct fb_err *err) {
    struct fb_thrift_field f = {0};
    int rc = fb_thrift_struct(outer, err);

    while (!rc && !(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP) {
        switch (f.id) {
        case 1: rc = fb_thrift_int(t, &f, &p->values, err); break;
        case 2: rc = fb_thrift_int(t, &f, &p->nulls, err); break;
        case 4: rc = fb_thrift_int(t, &f, &p->encoding, err); break;
        case 5: rc = byte_count(t, &f, &p->level_size, err); break;
        case 6: rc = byte_count(t, &f, &p->repetition_size, err); break;
        case 7: rc = fb_thrift_bool(&f, &p->compressed, err); break;
        default: rc = fb_thrift_skip(t, f.type, err);
        }
    }
    return rc;
}

static int header(struct fb_parquet_page *p, struct fb_thrift *t, int64_t *checksum,
                  struct fb_err *err) {
    struct fb_thrift_field f = {0};
    int rc;

    while (!(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP) {
        switch (f.id) {
        case 1: rc = fb_thrift_int(t, &f, &p->kind, err); break;
        case 2: rc = byte_count(t, &f, &p->unpacked, err); break;
        case 3: rc = byte_count(t, &f, &p->size, err); break;
        case 4: rc = fb_thrift_int(t, &f, checksum, err); break;
        case 5: rc = data_v1(p, t, &f, err); break;
        case 7: rc = dictionary(p, t, &f, err); break;
        case 8: rc = data_v2(p, t, &f, err); break;
        default: rc = fb_thrift_skip(t, f.type, err);
        }
        if (rc) return rc;
    }
    return rc;
}

int fb_parquet_page_read(struct fb_parquet_page *out, struct fb_thrift *t, struct fb_err *err) {
    int64_t checksum = INT64_MIN;
    uint32_t found;

    *out = (struct fb_parquet_page){
        .kind = -1, .nulls = -1, .encoding = -1, .level_encoding = -1, .compressed = true};
    if (header(out, t, &checksum, err)) return fb_context(err, "page header");
    if (out->size > (size_t)(t->end - t->at))
        return fb_fail(err, FB_EFORMAT, "a page claims %zu bytes, its column has %td left",
                       out->size, t->end - t->at);
    if (out->values < 0 || out->values > INT32_MAX)
        return fb_fail(err, FB_EFORMAT, "a page claims %" PRId64 " values", out->values);
    out->body = t->at;
    t->at += out->size;
    if (checksum == INT64_MIN) return FB_OK;
    found = (uint32_t)crc32(0, out->body, (uInt)out->size);
    if (found != (uint32_t)checksum)
        return fb_fail(err, FB_EFORMAT, "checksum %08" PRIx32 ", the page has %08" PRIx32,
                       (uint32_t)checksum, found);
    return FB_OK;
}
