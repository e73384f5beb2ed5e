/* parquet_codec.h - the compression of parquet pages.
 *
 * Uncompressed, snappy, gzip and zstd; the others are refused by name. */
#ifndef FB_DATA_PARQUET_CODEC_H
#define FB_DATA_PARQUET_CODEC_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { FB_PARQUET_UNCOMPRESSED = 0 };

/* FB_EUNSUPPORTED with the codec's name, or FB_OK. */
int fb_parquet_codec_check(int64_t codec, struct fb_err *err) FB_MUST_CHECK;
/* Fills `out` with exactly `size` bytes from exactly `n` compressed ones, or fails. */
int fb_parquet_decompress(int64_t codec, unsigned char *out, size_t size, const unsigned char *in,
                          size_t n, struct fb_err *err) FB_MUST_CHECK;

#endif
