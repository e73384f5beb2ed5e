#include "method/select.h"

#include "base/clones.h"

#include <string.h>

enum { LOWER_BITS = 15, GROUP = 16, INFINITE = 0x7f800000 >> LOWER_BITS };

void fb_select_upper(int64_t bins[FB_SELECT_UPPER], const uint32_t *magnitude, int64_t count,
                     int copies) {
    for (int64_t i = 0; i < count; i++)
        bins[magnitude[i] >> LOWER_BITS] += copies;
}

static void count_lower(int64_t *bins, uint32_t upper, const uint32_t *magnitude, int64_t count,
                        int copies) {
    for (int64_t i = 0; i < count; i++)
        if (magnitude[i] >> LOWER_BITS == upper)
            bins[magnitude[i] & (FB_SELECT_LOWER - 1)] += copies;
}

/* Few values lie in one bin, so whole groups are tested at once. */
FB_CLONES void fb_select_lower(int64_t bins[FB_SELECT_LOWER], uint32_t upper,
                               const uint32_t *magnitude, int64_t count, int copies) {
    int64_t i = 0;

    for (; i + GROUP <= count; i += GROUP) {
        uint32_t found = 0;
        for (int j = 0; j < GROUP; j++)
            found |= magnitude[i + j] >> LOWER_BITS == upper;
        if (found) count_lower(bins, upper, magnitude + i, GROUP, copies);
    }
    count_lower(bins, upper, magnitude + i, count - i, copies);
}

uint32_t fb_select_bin(const int64_t *bins, uint32_t count, int64_t *rank) {
    uint32_t bin = 0;

    while (bin + 1 < count && *rank > bins[bin])
        *rank -= bins[bin++];
    return bin;
}

float fb_select_value(uint32_t upper, uint32_t lower) {
    uint32_t bits = upper << LOWER_BITS | lower;
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

bool fb_select_has_nonfinite(const int64_t bins[FB_SELECT_UPPER]) {
    for (uint32_t bin = INFINITE; bin < FB_SELECT_UPPER; bin++)
        if (bins[bin]) return true;
    return false;
}
