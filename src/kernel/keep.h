/* keep.h - which elements dropout keeps. An element is dropped with probability p and divided by
 * 1 - p otherwise (Srivastava et al. 2014, in the "inverted" form of torch.nn.Dropout). */
#ifndef FB_KERNEL_KEEP_H
#define FB_KERNEL_KEEP_H

#include "base/rng.h"

struct fb_keep {
    uint64_t limit; /* numbers below are dropped */
    float scale;    /* of what is kept; 0: nothing is */
};

/* p in [0, 1] */
static inline struct fb_keep fb_keep_of(double p) {
    struct fb_keep keep = {0, 1.0f};

    if (p >= 1.0) keep.scale = 0.0f;
    if (p <= 0.0 || p >= 1.0) return keep;
    keep.limit = (uint64_t)(p * 0x1p64);
    keep.scale = (float)(1.0 / (1.0 - p));
    return keep;
}

/* What element `number` of a sequence is multiplied by. */
static inline float fb_keep_factor(const struct fb_keep *keep, uint64_t seed, uint64_t number) {
    return fb_rng_bits(seed, number) < keep->limit ? 0.0f : keep->scale;
}

/* The seed of one row of attention probabilities, whose elements are numbered by position. */
static inline uint64_t fb_keep_row(uint64_t seed, int64_t head, int64_t row) {
    return fb_rng_bits(fb_rng_bits(seed, (uint64_t)head), (uint64_t)row);
}

#endif
