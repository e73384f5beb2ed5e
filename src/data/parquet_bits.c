#include "data/parquet_bits.h"

#include <inttypes.h>
#include <string.h>

uint32_t fb_le32(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t fb_le64(const unsigned char *p) {
    return fb_le32(p) | (uint64_t)fb_le32(p + 4) << 32;
}

int fb_bytes_take(struct fb_bytes *b, uint64_t size, const unsigned char **out,
                  struct fb_err *err) {
    if (size > (uint64_t)(b->end - b->at))
        return fb_fail(err, FB_EFORMAT, "a page claims %" PRIu64 " more bytes, %td are left", size,
                       b->end - b->at);
    *out = b->at;
    b->at += size;
    return FB_OK;
}

static int varint(struct fb_bytes *b, uint64_t *out, struct fb_err *err) {
    uint64_t value = 0;

    for (int shift = 0; shift < 64 && b->at < b->end; shift += 7) {
        unsigned byte = *b->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80) continue;
        *out = value;
        return FB_OK;
    }
    return fb_fail(err, FB_EFORMAT, "a page ends inside an integer");
}

/* Value `i` of packed integers of `width` <= 64 bits, least significant bit first. */
static uint64_t unpack(const unsigned char *packed, const unsigned char *end, uint64_t i,
                       unsigned width) {
    uint64_t bit = i * width, low;
    const unsigned char *p = packed + bit / 8;
    unsigned shift = (unsigned)(bit % 8);
    unsigned char last[16] = {0};

    if (end - p < 9) {
        memcpy(last, p, (size_t)(end - p));
        p = last;
    }
    low = fb_le64(p) >> shift;
    if (shift) low |= (uint64_t)p[8] << (64 - shift);
    return width == 64 ? low : low & (((uint64_t)1 << width) - 1);
}

/* ---- RLE / bit-packed hybrid ----------------------------------------------------------------- */

int fb_runs_start(struct fb_runs *r, struct fb_bytes bytes, unsigned width, struct fb_err *err) {
    *r = (struct fb_runs){.bytes = bytes, .width = width};
    if (width > 32) return fb_fail(err, FB_EFORMAT, "packed values of %u bits, limit 32", width);
    return FB_OK;
}

static void packed_run(struct fb_runs *r, uint64_t groups) {
    uint64_t room = (uint64_t)(r->bytes.end - r->bytes.at);

    r->packed = r->bytes.at;
    r->position = 0;
    if (!r->width) {
        r->packed = NULL;
        r->left = groups < UINT32_MAX ? groups * 8 : UINT32_MAX;
    } else if (groups <= room / r->width) {
        r->bytes.at += groups * r->width;
        r->left = groups * 8;
    } else { /* the end of the page may cut off the last group */
        r->bytes.at = r->bytes.end;
        r->left = room * 8 / r->width;
    }
}

static int next_run(struct fb_runs *r, struct fb_err *err) {
    const unsigned char *p = NULL;
    unsigned size = (r->width + 7) / 8;
    uint64_t head = 0;

    if (varint(&r->bytes, &head, err)) return err->code;
    r->value = 0;
    if (head & 1) {
        packed_run(r, head >> 1);
        return FB_OK;
    }
    r->left = head >> 1;
    r->packed = NULL;
    if (fb_bytes_take(&r->bytes, size, &p, err)) return err->code;
    for (unsigned i = 0; i < size; i++)
        r->value |= (uint32_t)p[i] << 8 * i;
    return FB_OK;
}

int fb_runs_read(struct fb_runs *r, uint32_t *out, int64_t n, struct fb_err *err) {
    while (n > 0) {
        int64_t take;
        if (!r->left) {
            if (next_run(r, err)) return err->code;
            continue;
        }
        take = r->left < (uint64_t)n ? (int64_t)r->left : n;
        for (int64_t i = 0; i < take; i++)
            out[i] = r->packed ? (uint32_t)unpack(r->packed, r->bytes.end,
                                                  r->position + (uint64_t)i, r->width)
                               : r->value;
        r->position += (uint64_t)take;
        r->left -= (uint64_t)take;
        out += take;
        n -= take;
    }
    return FB_OK;
}

/* ---- DELTA_BINARY_PACKED ---------------------------------------------------------------------
 *
 * block size, miniblocks per block, count, first value, then blocks of
 * least delta, a width per miniblock, the miniblocks' packed (delta - least delta). */

enum { BLOCK_MAX = 1 << 20, MINIBLOCKS_MAX = 1 << 10 };

struct deltas {
    struct fb_bytes *bytes;
    uint64_t per_miniblock, miniblocks;
    uint64_t value; /* the last one, in wrapping arithmetic */
    unsigned bits;
};

static uint64_t unzigzag(uint64_t raw) {
    return raw >> 1 ^ (0 - (raw & 1));
}

static int64_t as_integer(uint64_t value, unsigned bits) {
    return bits == 32 ? (int32_t)(uint32_t)value : (int64_t)value;
}

static int read_miniblock(struct deltas *d, uint64_t least, unsigned width, int64_t *out,
                          uint64_t n, struct fb_err *err) {
    const unsigned char *packed = NULL;

    if (width > 64) return fb_fail(err, FB_EFORMAT, "deltas of %u bits, limit 64", width);
    /* per_miniblock is a multiple of 8, so this is a whole number of bytes. */
    if (fb_bytes_take(d->bytes, d->per_miniblock / 8 * width, &packed, err)) return err->code;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t delta = width ? unpack(packed, d->bytes->at, i, width) : 0;
        d->value += least + delta;
        out[i] = as_integer(d->value, d->bits);
    }
    return FB_OK;
}

static int read_block(struct deltas *d, int64_t **out, uint64_t *left, struct fb_err *err) {
    const unsigned char *widths = NULL;
    uint64_t least = 0;

    if (varint(d->bytes, &least, err)) return err->code;
    if (fb_bytes_take(d->bytes, d->miniblocks, &widths, err)) return err->code;
    least = unzigzag(least);
    for (uint64_t i = 0; i < d->miniblocks && *left; i++) {
        uint64_t n = *left < d->per_miniblock ? *left : d->per_miniblock;
        if (read_miniblock(d, least, widths[i], *out, n, err)) return err->code;
        *out += n;
        *left -= n;
    }
    return FB_OK;
}

int fb_deltas_read(struct fb_bytes *bytes, int64_t *out, int64_t n, unsigned bits,
                   struct fb_err *err) {
    struct deltas d = {.bytes = bytes, .bits = bits};
    uint64_t block = 0, count = 0, first = 0, left;

    if (varint(bytes, &block, err) || varint(bytes, &d.miniblocks, err) ||
        varint(bytes, &count, err) || varint(bytes, &first, err))
        return err->code;
    if (count != (uint64_t)n)
        return fb_fail(err, FB_EFORMAT, "%" PRIu64 " deltas for %" PRId64 " values", count, n);
    if (!n) return FB_OK;
    if (block > BLOCK_MAX || !d.miniblocks || d.miniblocks > MINIBLOCKS_MAX ||
        block % d.miniblocks || !(d.per_miniblock = block / d.miniblocks) || d.per_miniblock % 8)
        return fb_fail(err, FB_EFORMAT,
                       "delta blocks of %" PRIu64 " values in %" PRIu64 " parts are not valid",
                       block, d.miniblocks);
    d.value = unzigzag(first);
    *out++ = as_integer(d.value, bits);
    for (left = (uint64_t)n - 1; left;)
        if (read_block(&d, &out, &left, err)) return err->code;
    return FB_OK;
}
