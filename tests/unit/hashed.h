/* hashed.h - numbers without a pattern that a test and a script can make again. */
#ifndef FB_TESTS_HASHED_H
#define FB_TESTS_HASHED_H

#include <stdint.h>

/* FNV-1a of a name. */
static inline uint32_t hashed_name(const char *name) {
    uint32_t seed = 2166136261u;

    for (const char *c = name; *c; c++)
        seed = (seed ^ (unsigned char)*c) * 16777619u;
    return seed;
}

/* Number i of a seed, in [-1, 1). As `unit` in tools/golden/weights.py. */
static inline double hashed_unit(uint32_t seed, uint32_t i) {
    uint32_t x = i * 2654435761u + seed;

    x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
    x = (x ^ (x >> 13)) * 0xC2B2AE35u;
    return (double)(x ^ (x >> 16)) / 2147483648.0 - 1.0;
}

#endif
