/* compare.h - how far two tensors are apart, and what a tensor hashes to. */
#ifndef FB_CKPT_COMPARE_H
#define FB_CKPT_COMPARE_H

#include "base/digest.h"
#include "ckpt/ckpt.h"

struct fb_difference {
    int64_t elements; /* whose bits differ */
    int64_t bits;     /* that differ */
    /* Over the elements that differ: |a - b|, and |a - b| / max(|a|, |b|). NaN as soon as one of
     * them is NaN on either side; infinite where one is infinite. Computed in double: differences
     * of 64-bit integers beyond 2^53 are rounded. */
    double max_abs, max_rel;
};

/* Compares two entries of the same dtype and shape in blocks; pages are dropped behind. FB_OK or
 * FB_EINTERRUPTED. */
int fb_ckpt_compare(struct fb_difference *out, const struct fb_ckpt *ckpt_a,
                    const struct fb_entry *a, const struct fb_ckpt *ckpt_b,
                    const struct fb_entry *b, struct fb_err *err) FB_MUST_CHECK;

/* SHA-256 of the entry's little-endian bytes, in lower-case digits. */
int fb_ckpt_sha256(char out[FB_SHA256_TEXT], const struct fb_ckpt *ckpt,
                   const struct fb_entry *entry, struct fb_err *err) FB_MUST_CHECK;

#endif
