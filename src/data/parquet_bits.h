/* parquet_bits.h - the integer encodings of parquet: runs, packed bits, deltas.
 *
 * Everything reads from [at, end), borrowed, and fails with FB_EFORMAT when the bytes do not
 * suffice. Source: apache/parquet-format, Encodings.md. */
#ifndef FB_DATA_PARQUET_BITS_H
#define FB_DATA_PARQUET_BITS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct fb_bytes {
    const unsigned char *at, *end;
};

/* Little-endian loads and checked steps. */
uint32_t fb_le32(const unsigned char *p);
uint64_t fb_le64(const unsigned char *p);
int fb_bytes_take(struct fb_bytes *b, uint64_t size, const unsigned char **out,
                  struct fb_err *err) FB_MUST_CHECK;

/* RLE / bit-packed hybrid of values of `width` bits (0 to 32). */
struct fb_runs {
    struct fb_bytes bytes;
    unsigned width;
    uint64_t left;               /* values that the current run still holds */
    const unsigned char *packed; /* bit-packed run, or NULL: `value` is repeated */
    uint64_t position;           /* next value of the packed run */
    uint32_t value;
};

int fb_runs_start(struct fb_runs *r, struct fb_bytes bytes, unsigned width,
                  struct fb_err *err) FB_MUST_CHECK;
int fb_runs_read(struct fb_runs *r, uint32_t *out, int64_t n, struct fb_err *err) FB_MUST_CHECK;

/* DELTA_BINARY_PACKED: exactly `n` integers; `bytes` is moved behind them. `bits` is 32 or 64: the
 * width in which sums wrap. */
int fb_deltas_read(struct fb_bytes *bytes, int64_t *out, int64_t n, unsigned bits,
                   struct fb_err *err) FB_MUST_CHECK;

#endif
