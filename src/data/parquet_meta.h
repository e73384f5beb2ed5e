/* parquet_meta.h - the footer of a parquet file: its columns, and where their bytes are.
 *
 *     "PAR1" ... column chunks ... | metadata (thrift) | its size, 4 bytes | "PAR1"
 *
 * What the footer claims is checked against the file: a chunk lies before the footer, counts of
 * rows agree. Everything is borrowed from the arena that was given. */
#ifndef FB_DATA_PARQUET_META_H
#define FB_DATA_PARQUET_META_H

#include "base/arena.h"
#include "data/dataset.h"

enum fb_parquet_type {
    FB_PARQUET_BOOLEAN = 0,
    FB_PARQUET_INT32 = 1,
    FB_PARQUET_INT64 = 2,
    FB_PARQUET_INT96 = 3,
    FB_PARQUET_FLOAT = 4,
    FB_PARQUET_DOUBLE = 5,
    FB_PARQUET_BYTE_ARRAY = 6,
    FB_PARQUET_FIXED = 7, /* FIXED_LEN_BYTE_ARRAY */
};

/* One primitive column. */
struct fb_parquet_leaf {
    const char *name; /* of the top-level field it belongs to */
    enum fb_parquet_type type;
    int64_t width;       /* bytes of a value of FB_PARQUET_FIXED */
    bool optional;       /* has definition levels 0 (null) and 1 */
    bool is_unsigned;    /* integers */
    const char *refused; /* why it is not read ("is a list"), or NULL */
};

/* The pages of one column in one row group: file bytes [begin, begin + size). */
struct fb_parquet_chunk {
    int64_t codec;
    uint64_t begin, size;
};

struct fb_parquet_group {
    int64_t rows;
    struct fb_parquet_chunk *chunk; /* [leaves] */
};

struct fb_parquet_meta {
    int64_t rows;
    int leaves;
    struct fb_parquet_leaf *leaf;
    int64_t groups;
    struct fb_parquet_group *group;
};

/* Errors: FB_EFORMAT; FB_EUNSUPPORTED for encrypted files. */
int fb_parquet_meta_read(struct fb_parquet_meta *out, const unsigned char *file, size_t size,
                         struct fb_arena *arena, struct fb_err *err) FB_MUST_CHECK;

#endif
