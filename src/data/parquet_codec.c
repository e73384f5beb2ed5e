#include "data/parquet_codec.h"

#include <inttypes.h>
#include <limits.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

/* CompressionCodec of parquet.thrift. */
enum { SNAPPY = 1, GZIP = 2, ZSTD = 6, CODECS = 8 };

static const char *const names[CODECS] = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO",
                                          "BROTLI",       "LZ4",    "ZSTD", "LZ4_RAW"};

int fb_parquet_codec_check(int64_t codec, struct fb_err *err) {
    if (codec == FB_PARQUET_UNCOMPRESSED || codec == SNAPPY || codec == GZIP || codec == ZSTD)
        return FB_OK;
    if (codec < 0 || codec >= CODECS)
        return fb_fail(err, FB_EFORMAT, "unknown compression %" PRId64, codec);
    return fb_fail(err, FB_EUNSUPPORTED,
                   "the compression %s is not supported (UNCOMPRESSED, SNAPPY, GZIP and ZSTD are)",
                   names[codec]);
}

static int snappy(unsigned char *out, size_t size, const unsigned char *in, size_t n,
                  struct fb_err *err) {
    size_t length;

    if (snappy_uncompressed_length((const char *)in, n, &length) != SNAPPY_OK)
        return fb_fail(err, FB_EFORMAT, "damaged snappy data");
    if (length != size)
        return fb_fail(err, FB_EFORMAT, "snappy data of %zu bytes, the page claims %zu", length,
                       size);
    if (snappy_uncompress((const char *)in, n, (char *)out, &length) != SNAPPY_OK)
        return fb_fail(err, FB_EFORMAT, "damaged snappy data");
    return FB_OK;
}

static int gzip(unsigned char *out, size_t size, const unsigned char *in, size_t n,
                struct fb_err *err) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in, .next_out = out};
    int rc;

    if (size > INT_MAX || n > INT_MAX)
        return fb_fail(err, FB_EFORMAT, "a gzip page of %zu bytes, limit %d", size, INT_MAX);
    z.avail_in = (uInt)n;
    z.avail_out = (uInt)size;
    /* 32: a zlib or a gzip header, whichever there is. */
    if (inflateInit2(&z, MAX_WBITS + 32) != Z_OK)
        return fb_fail(err, FB_ENOMEM, "out of memory for inflate");
    rc = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    if (rc != Z_STREAM_END || z.total_out != size)
        return fb_fail(err, FB_EFORMAT, "damaged gzip data: %lu of %zu bytes", z.total_out, size);
    return FB_OK;
}

static int zstd(unsigned char *out, size_t size, const unsigned char *in, size_t n,
                struct fb_err *err) {
    size_t got = ZSTD_decompress(out, size, in, n);

    if (ZSTD_isError(got))
        return fb_fail(err, FB_EFORMAT, "damaged zstd data: %s", ZSTD_getErrorName(got));
    if (got != size)
        return fb_fail(err, FB_EFORMAT, "zstd data of %zu bytes, the page claims %zu", got, size);
    return FB_OK;
}

int fb_parquet_decompress(int64_t codec, unsigned char *out, size_t size, const unsigned char *in,
                          size_t n, struct fb_err *err) {
    switch (codec) {
    case SNAPPY: return snappy(out, size, in, n, err);
    case GZIP: return gzip(out, size, in, n, err);
    case ZSTD: return zstd(out, size, in, n, err);
    default: return fb_parquet_codec_check(codec, err);
    }
}
