/* thrift.h - reading the compact protocol of Apache Thrift, which parquet's metadata is written in.
 *
 * A struct is a row of fields, each a header (identifier, type) and a value, ended by a stop byte:
 *
 *     struct fb_thrift_field f = {0};
 *     while (!(rc = fb_thrift_next(t, &f, err)) && f.type != FB_THRIFT_STOP)
 *         if (f.id == 3) rc = fb_thrift_int(t, &f, &rows, err);
 *         else rc = fb_thrift_skip(t, f.type, err);
 *
 * Every function fails with FB_EFORMAT and moves `at` only inside [at, end). A list cannot claim
 * more elements than bytes are left. Source: thrift/doc/specs/thrift-compact-protocol.md. */
#ifndef FB_DATA_THRIFT_H
#define FB_DATA_THRIFT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fb_thrift_type {
    FB_THRIFT_STOP = 0,
    FB_THRIFT_TRUE = 1,
    FB_THRIFT_FALSE = 2,
    FB_THRIFT_BYTE = 3,
    FB_THRIFT_I16 = 4,
    FB_THRIFT_I32 = 5,
    FB_THRIFT_I64 = 6,
    FB_THRIFT_DOUBLE = 7,
    FB_THRIFT_BINARY = 8,
    FB_THRIFT_LIST = 9,
    FB_THRIFT_SET = 10,
    FB_THRIFT_MAP = 11,
    FB_THRIFT_STRUCT = 12,
};

struct fb_thrift {
    const unsigned char *at, *end; /* borrowed */
};

struct fb_thrift_field {
    int64_t id; /* the next field's identifier is relative to this one: zero before the first */
    int type;   /* enum fb_thrift_type */
};

/* Moves on to the next field; the value of the one before must have been read or skipped. */
int fb_thrift_next(struct fb_thrift *t, struct fb_thrift_field *f,
                   struct fb_err *err) FB_MUST_CHECK;

/* Values of the field `f`; another type than the one asked for is an error. Integers of all widths
 * are read by fb_thrift_int. Bytes are borrowed from the input. */
int fb_thrift_int(struct fb_thrift *t, const struct fb_thrift_field *f, int64_t *out,
                  struct fb_err *err) FB_MUST_CHECK;
int fb_thrift_bool(const struct fb_thrift_field *f, bool *out, struct fb_err *err) FB_MUST_CHECK;
int fb_thrift_bytes(struct fb_thrift *t, const struct fb_thrift_field *f,
                    const unsigned char **bytes, size_t *size, struct fb_err *err) FB_MUST_CHECK;
/* Checks that the field is a struct, whose fields follow. */
int fb_thrift_struct(const struct fb_thrift_field *f, struct fb_err *err) FB_MUST_CHECK;
/* Header of a list of structs, which follow. */
int fb_thrift_structs(struct fb_thrift *t, const struct fb_thrift_field *f, int64_t *count,
                      struct fb_err *err) FB_MUST_CHECK;

/* Passes over one value; nesting deeper than 32 is an error. */
int fb_thrift_skip(struct fb_thrift *t, int type, struct fb_err *err) FB_MUST_CHECK;

#endif
