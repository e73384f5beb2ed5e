#include "base/rng.h"

uint64_t fb_rng_bits(uint64_t seed, uint64_t counter) {
    uint64_t z = seed + (counter + 1) * 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The upper 64 bits of a product of 128, from products of halves. */
static uint64_t high_product(uint64_t a, uint64_t b) {
    uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32); /* at most (2^32 - 1) * 2^32: no carry is lost */
    uint64_t low = a0 * b1 + (middle & 0xffffffffu);

    return a1 * b1 + (middle >> 32) + (low >> 32);
}

uint64_t fb_rng_below(uint64_t seed, uint64_t counter, uint64_t n) {
    return high_product(fb_rng_bits(seed, counter), n);
}

void fb_rng_shuffle(int64_t *order, int64_t n, uint64_t seed, uint64_t epoch) {
    uint64_t stream = fb_rng_bits(fb_rng_bits(seed, epoch), (uint64_t)n);

    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    for (int64_t i = 0; i < n - 1; i++) {
        int64_t j = i + (int64_t)fb_rng_below(stream, (uint64_t)i, (uint64_t)(n - i));
        int64_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}
