/* compare.c - see compare.h. Equal blocks are recognised by memcmp and cost no arithmetic. */
#include "ckpt/compare.h"

#include "base/interrupt.h"

#include <math.h>
#include <string.h>

enum {
    STEP = 1 << 20, /* elements between two looks at interrupts and the drop of pages */
    BLOCK = 1024    /* elements converted at a time */
};

/* Elements as doubles; exact but for wide integers. */
static void load(double *out, const unsigned char *bytes, enum fb_dtype dtype, int64_t count) {
    const size_t size = fb_dtype_size(dtype);
    float values[BLOCK];

    if (size < sizeof(float) || dtype == FB_F32) {
        fb_dtype_to_f32(values, bytes, dtype, count);
        for (int64_t i = 0; i < count; i++)
            out[i] = values[i];
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        uint64_t word = 0;
        memcpy(&word, bytes + (size_t)i * size, size);
        switch (dtype) {
        case FB_F64: memcpy(&out[i], &word, sizeof out[i]); break;
        case FB_I64: out[i] = (double)(int64_t)word; break;
        case FB_I32: out[i] = (double)(int32_t)(uint32_t)word; break;
        default: out[i] = (double)word; break;
        }
    }
}

static int count_bits(uint64_t word) {
    int n = 0;

    for (; word; word &= word - 1)
        n++;
    return n;
}

/* Bits that differ in one element. */
static int differing_bits(const unsigned char *a, const unsigned char *b, size_t size) {
    uint64_t x = 0, y = 0;

    memcpy(&x, a, size);
    memcpy(&y, b, size);
    return count_bits(x ^ y);
}

/* A maximum that a NaN enters and never leaves. */
static void raise_to(double *most, double value) {
    if (!isnan(*most) && !(value <= *most)) *most = value;
}

static void add_values(struct fb_difference *out, double a, double b) {
    double apart = fabs(a - b), scale = fmax(fabs(a), fabs(b));

    raise_to(&out->max_abs, apart);
    raise_to(&out->max_rel, apart == 0 ? 0 : isinf(apart) ? INFINITY : apart / scale);
}

static void add_block(struct fb_difference *out, const unsigned char *a, const unsigned char *b,
                      enum fb_dtype dtype, int64_t count) {
    const size_t size = fb_dtype_size(dtype);
    double x[BLOCK], y[BLOCK];

    if (!memcmp(a, b, (size_t)count * size)) return;
    load(x, a, dtype, count);
    load(y, b, dtype, count);
    for (int64_t i = 0; i < count; i++) {
        int bits = differing_bits(a + (size_t)i * size, b + (size_t)i * size, size);
        if (!bits) continue;
        out->elements++;
        out->bits += bits;
        add_values(out, x[i], y[i]);
    }
}

int fb_ckpt_compare(struct fb_difference *out, const struct fb_ckpt *ckpt_a,
                    const struct fb_entry *a, const struct fb_ckpt *ckpt_b,
                    const struct fb_entry *b, struct fb_err *err) {
    const size_t size = fb_dtype_size(a->dtype);
    const unsigned char *p = a->data, *q = b->data;

    *out = (struct fb_difference){0};
    for (int64_t at = 0; at < a->numel; at += STEP) {
        const int64_t count = a->numel - at < STEP ? a->numel - at : STEP;
        if (fb_interrupted(err)) return err->code;
        if (memcmp(p + (size_t)at * size, q + (size_t)at * size, (size_t)count * size))
            for (int64_t i = at; i < at + count; i += BLOCK)
                add_block(out, p + (size_t)i * size, q + (size_t)i * size, a->dtype,
                          at + count - i < BLOCK ? at + count - i : BLOCK);
        fb_ckpt_forget(ckpt_a, a, at, count);
        fb_ckpt_forget(ckpt_b, b, at, count);
    }
    return FB_OK;
}

static int digest_entry(struct fb_digest *digest, const struct fb_ckpt *ckpt,
                        const struct fb_entry *entry, struct fb_err *err) {
    const size_t size = fb_dtype_size(entry->dtype);
    const unsigned char *p = entry->data;

    for (int64_t at = 0; at < entry->numel; at += STEP) {
        const int64_t count = entry->numel - at < STEP ? entry->numel - at : STEP;
        if (fb_interrupted(err) ||
            fb_digest_add(digest, p + (size_t)at * size, (size_t)count * size, err))
            return err->code;
        fb_ckpt_forget(ckpt, entry, at, count);
    }
    return FB_OK;
}

int fb_ckpt_sha256(char out[FB_SHA256_TEXT], const struct fb_ckpt *ckpt,
                   const struct fb_entry *entry, struct fb_err *err) {
    struct fb_digest digest = {0};
    int rc = fb_digest_begin(&digest, err);

    if (!rc) rc = digest_entry(&digest, ckpt, entry, err);
    if (!rc) rc = fb_digest_end(&digest, out, err);
    fb_digest_free(&digest);
    return rc;
}
