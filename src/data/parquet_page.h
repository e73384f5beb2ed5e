/* parquet_page.h - the header of a page and the bytes of its body. */
#ifndef FB_DATA_PARQUET_PAGE_H
#define FB_DATA_PARQUET_PAGE_H

#include "data/thrift.h"

enum fb_parquet_page_kind {
    FB_PARQUET_DATA_V1 = 0,
    FB_PARQUET_INDEX = 1,
    FB_PARQUET_DICTIONARY = 2,
    FB_PARQUET_DATA_V2 = 3,
};

/* Encodings that the structure of pages itself uses. */
enum {
    FB_PARQUET_PLAIN = 0,
    FB_PARQUET_PLAIN_DICTIONARY = 2,
    FB_PARQUET_RLE = 3,
    FB_PARQUET_BIT_PACKED = 4,
};

struct fb_parquet_page {
    int64_t kind;                       /* enum fb_parquet_page_kind, or one that is not known */
    int64_t values;                     /* nulls included; >= 0 */
    int64_t nulls;                      /* version 2, else -1 */
    int64_t encoding;                   /* of the values */
    int64_t level_encoding;             /* version 1 */
    size_t repetition_size, level_size; /* version 2: bytes of levels in front of the values */
    bool compressed;                    /* version 2 may say no */
    const unsigned char *body;          /* borrowed */
    size_t size, unpacked;              /* bytes of the body as it is, and uncompressed */
};

/* Reads the header at `t` and moves `t` behind the body. The checksum is verified if there is one.
 * FB_EFORMAT. */
int fb_parquet_page_read(struct fb_parquet_page *out, struct fb_thrift *t,
                         struct fb_err *err) FB_MUST_CHECK;

#endif
