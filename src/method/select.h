/* select.h - the exact k-th smallest magnitude of a stream that is never held.
 *
 * The bits of |x|, read as an integer, are ordered like |x|. Two passes over the values find the
 * k-th: the first counts the upper 16 of the 31 bits, which names a bin of 2^15 neighbouring
 * floats and the rank inside it; the second counts the lower 15 bits of the values in that bin.
 * Counts add up, so threads and blocks may come in any order. */
#ifndef FB_METHOD_SELECT_H
#define FB_METHOD_SELECT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FB_SELECT_UPPER = 1 << 16, /* bins of the first pass */
    FB_SELECT_LOWER = 1 << 15, /* bins of the second */
};

/* Adds `copies` to the bin of each of the `count` magnitudes, given as bits without sign. */
void fb_select_upper(int64_t bins[FB_SELECT_UPPER], const uint32_t *magnitude, int64_t count,
                     int copies);
/* The same for the magnitudes whose upper bits are `upper`; the others are passed over. */
void fb_select_lower(int64_t bins[FB_SELECT_LOWER], uint32_t upper, const uint32_t *magnitude,
                     int64_t count, int copies);
/* The bin that holds the *rank-th smallest (from 1), and in `*rank` its rank inside the bin. The
 * rank must be at most the sum of all bins. */
uint32_t fb_select_bin(const int64_t *bins, uint32_t count, int64_t *rank);
/* The magnitude with these upper and lower bits. */
float fb_select_value(uint32_t upper, uint32_t lower);
/* Whether a bin of the first pass holds infinities or NaN. */
bool fb_select_has_nonfinite(const int64_t bins[FB_SELECT_UPPER]);

#endif
