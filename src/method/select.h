/* select.h - the exact k-th smallest magnitude of a stream that is never held.
 *
 * Where a sample tells roughly how large the k-th is, one pass over the values finds it: it counts
 * those below a window of neighbouring floats, and those inside one float at a time. If the k-th is
 * not inside, nothing is lost but time, and the long way remains:
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
    FB_SELECT_UPPER = 1 << 16,  /* bins of the first pass */
    FB_SELECT_LOWER = 1 << 15,  /* bins of the second */
    FB_SELECT_WINDOW = 1 << 18, /* floats in a window */
};

/* A window and what was counted with it; zeroed but for `first` before the first value. */
struct fb_window {
    uint32_t first; /* bits of its smallest magnitude */
    int64_t below, inside;
    bool nonfinite;                  /* an infinity or NaN was met */
    uint32_t bins[FB_SELECT_WINDOW]; /* of the floats inside, modulo 2^32 */
};

/* The window around the `part` (0 .. 1) smallest of what fb_select_upper counted: its `first`. */
uint32_t fb_select_guess(const int64_t bins[FB_SELECT_UPPER], double part);
/* Counts the magnitudes of x - base, each `copies` times. */
typedef void fb_near_fn(struct fb_window *w, const float *x, const float *base, int64_t count,
                        int copies);
/* The versions of it that this machine can run, the best first, and NULL after the last; all count
 * the same. */
fb_near_fn *fb_select_near(int version);
/* Adds up windows with the same `first`. The k-th smallest (from 1) of all that they counted, if
 * it is inside and all bins are exact; false otherwise. `sum` [FB_SELECT_WINDOW] is overwritten. */
bool fb_select_inside(float *out, const struct fb_window *const *w, int windows, int64_t k,
                      int64_t *sum);

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

#endif
