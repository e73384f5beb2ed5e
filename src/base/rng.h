/* rng.h - random numbers by position: the n-th number of a seed is computed, not drawn.
 *
 * SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): the n-th
 * number is a bijective mix of seed + (n + 1) * 0x9e3779b97f4a7c15. Nothing is remembered between
 * calls, so that threads can work on any part of a sequence and give what one thread gives. Good
 * for sampling; not for secrets. */
#ifndef FB_BASE_RNG_H
#define FB_BASE_RNG_H

#include <stdint.h>

/* 64 random bits. */
uint64_t fb_rng_bits(uint64_t seed, uint64_t counter);
/* A number in [0, n), n > 0: the upper half of bits * n. The chances of two numbers differ by at
 * most n / 2^64 of themselves. */
uint64_t fb_rng_below(uint64_t seed, uint64_t counter, uint64_t n);
/* A random order of 0 .. n - 1 (Fisher and Yates): a function of (seed, n, epoch) alone. */
void fb_rng_shuffle(int64_t *order, int64_t n, uint64_t seed, uint64_t epoch);

#endif
