#include "method/select.h"

#include "base/clones.h"

#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { LOWER_BITS = 15, GROUP = 16, INFINITE = 0x7f800000 >> LOWER_BITS };

/* ---- one pass -------------------------------------------------------------------------------- */

uint32_t fb_select_guess(const int64_t bins[FB_SELECT_UPPER], double part) {
    const uint32_t width = FB_SELECT_WINDOW >> LOWER_BITS;
    int64_t total = 0, rank;
    uint32_t bin, before;

    for (uint32_t b = 0; b < FB_SELECT_UPPER; b++)
        total += bins[b];
    rank = (int64_t)((double)total * part);
    bin = fb_select_bin(bins, FB_SELECT_UPPER, &rank);
    /* The width is even: one bin more on the side to which the rank is nearer. */
    before = width / 2 - (rank > bins[bin] / 2);
    bin = bin > before ? bin - before : 0;
    return (bin < INFINITE - width ? bin : INFINITE - width) << LOWER_BITS;
}

static uint32_t magnitude_bits(float x, float base) {
    float tau = x - base;
    uint32_t bits;

    memcpy(&bits, &tau, sizeof bits);
    return bits & 0x7fffffff;
}

static void near_plain(struct fb_window *w, const float *x, const float *base, int64_t count,
                       int copies) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t m = magnitude_bits(x[i], base[i]);
        if (m >= 0x7f800000) w->nonfinite = true;
        if (m < w->first) w->below += copies;
        if (m - w->first >= FB_SELECT_WINDOW) continue;
        w->bins[m - w->first] += (uint32_t)copies;
        w->inside += copies;
    }
}

#ifdef __x86_64__
enum {
    LANES = 8,
    LANES_512 = 16,
    FOUND = 512,
    STRIP = 1 << 16
}; /* a strip is short enough for its counts to fit in 32 bits */

__attribute__((target("avx2"))) static int64_t sum_lanes(__m256i v) {
    int32_t lane[LANES];
    int64_t sum = 0;

    _mm256_storeu_si256((__m256i *)lane, v);
    for (int i = 0; i < LANES; i++)
        sum += lane[i];
    return sum;
}

/* Magnitudes inside the window, gathered so that their bins, which are far apart, are fetched
 * together and not one after the other. */
struct found {
    int count;
    uint32_t magnitude[FOUND];
};

static void count_found(struct fb_window *w, struct found *f, int copies) {
    for (int i = 0; i < f->count; i++)
        w->bins[f->magnitude[i] - w->first] += (uint32_t)copies;
    w->inside += (int64_t)f->count * copies;
    f->count = 0;
}

static void find(struct found *f, const uint32_t m[LANES], unsigned lanes) {
    for (; lanes; lanes &= lanes - 1)
        f->magnitude[f->count++] = m[__builtin_ctz(lanes)];
}

/* `count` is a multiple of LANES_512. */
__attribute__((target("avx512f"))) static void
near_groups(struct fb_window *w, const float *x, const float *base, int64_t count, int copies) {
    const __m512i first = _mm512_set1_epi32((int)w->first), mask = _mm512_set1_epi32(0x7fffffff);
    const __m512i width = _mm512_set1_epi32(FB_SELECT_WINDOW);
    __m512i most = _mm512_setzero_si512();
    int64_t below = 0;
    struct found found;

    found.count = 0;
    for (int64_t i = 0; i < count; i += LANES_512) {
        __m512 tau = _mm512_sub_ps(_mm512_loadu_ps(x + i), _mm512_loadu_ps(base + i));
        __m512i m = _mm512_and_si512(_mm512_castps_si512(tau), mask);
        __mmask16 inside = _mm512_cmplt_epu32_mask(_mm512_sub_epi32(m, first), width);
        below += __builtin_popcount(_mm512_cmplt_epu32_mask(m, first));
        most = _mm512_max_epu32(most, m);
        if (inside) {
            if (found.count > FOUND - LANES_512) count_found(w, &found, copies);
            _mm512_mask_compressstoreu_epi32(found.magnitude + found.count, inside, m);
            found.count += __builtin_popcount(inside);
        }
    }
    count_found(w, &found, copies);
    w->below += below * copies;
    if (_mm512_cmpgt_epu32_mask(most, _mm512_set1_epi32(0x7f7fffff))) w->nonfinite = true;
}

/* `count` is a multiple of LANES and at most STRIP. Magnitudes are compared as signed integers,
 * which they are not too large for. */
__attribute__((target("avx2"))) static void
near_strip(struct fb_window *w, const float *x, const float *base, int64_t count, int copies) {
    const __m256i first = _mm256_set1_epi32((int)w->first), mask = _mm256_set1_epi32(0x7fffffff);
    const __m256i last = _mm256_set1_epi32((int)w->first + FB_SELECT_WINDOW - 1);
    __m256i below = _mm256_setzero_si256(), most = below;
    struct found found;

    found.count = 0;
    for (int64_t i = 0; i < count; i += LANES) {
        __m256 tau = _mm256_sub_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(base + i));
        __m256i m = _mm256_and_si256(_mm256_castps_si256(tau), mask);
        __m256i is_below = _mm256_cmpgt_epi32(first, m), is_above = _mm256_cmpgt_epi32(m, last);
        __m256i outside = _mm256_or_si256(is_below, is_above);
        unsigned inside = ~(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(outside)) & 0xff;
        below = _mm256_sub_epi32(below, is_below);
        most = _mm256_max_epi32(most, m);
        if (inside) {
            uint32_t bits[LANES];
            _mm256_storeu_si256((__m256i *)bits, m);
            if (found.count > FOUND - LANES) count_found(w, &found, copies);
            find(&found, bits, inside);
        }
    }
    count_found(w, &found, copies);
    w->below += sum_lanes(below) * copies;
    if (_mm256_movemask_epi8(_mm256_cmpgt_epi32(most, _mm256_set1_epi32(0x7f7fffff))))
        w->nonfinite = true;
}

static void near_avx2(struct fb_window *w, const float *x, const float *base, int64_t count,
                      int copies) {
    int64_t i = 0;

    while (count - i >= LANES) {
        int64_t n = count - i < STRIP ? (count - i) / LANES * LANES : STRIP;
        near_strip(w, x + i, base + i, n, copies);
        i += n;
    }
    near_plain(w, x + i, base + i, count - i, copies);
}

static void near_avx512(struct fb_window *w, const float *x, const float *base, int64_t count,
                        int copies) {
    int64_t whole = count / LANES_512 * LANES_512;

    near_groups(w, x, base, whole, copies);
    near_plain(w, x + whole, base + whole, count - whole, copies);
}
#endif

fb_near_fn *fb_select_near(int version) {
    fb_near_fn *known[3];
    int n = 0;

#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) known[n++] = near_avx512;
    if (__builtin_cpu_supports("avx2")) known[n++] = near_avx2;
#endif
    known[n++] = near_plain;
    return version < n ? known[version] : NULL;
}

bool fb_select_inside(float *out, const struct fb_window *const *w, int windows, int64_t k,
                      int64_t *sum) {
    int64_t inside = 0;
    uint32_t bits;

    memset(sum, 0, FB_SELECT_WINDOW * sizeof *sum);
    for (int i = 0; i < windows; i++) {
        int64_t exact = w[i]->inside;
        for (int b = 0; b < FB_SELECT_WINDOW; b++) {
            sum[b] += w[i]->bins[b];
            exact -= w[i]->bins[b];
        }
        if (exact) return false;
        k -= w[i]->below;
        inside += w[i]->inside;
    }
    if (k < 1 || k > inside) return false;
    bits = w[0]->first + fb_select_bin(sum, FB_SELECT_WINDOW, &k);
    memcpy(out, &bits, sizeof bits);
    return true;
}

/* ---- two passes ------------------------------------------------------------------------------ */

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
