/* golden_weight.h - the weights of small models, which the goldens do not store. */
#ifndef FB_TESTS_GOLDEN_WEIGHT_H
#define FB_TESTS_GOLDEN_WEIGHT_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* As make_weight in tools/golden/gpt2.py. */
static inline float golden_weight(const char *name, int ndim, int64_t rows, uint32_t i) {
    uint32_t seed = 2166136261u, x;
    double unit;

    for (const char *c = name; *c; c++)
        seed = (seed ^ (unsigned char)*c) * 16777619u;
    x = i * 2654435761u + seed;
    x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
    x = (x ^ (x >> 13)) * 0xC2B2AE35u;
    unit = (double)(x ^ (x >> 16)) / 2147483648.0 - 1.0;
    if (name[0] == 'w') return (float)(unit * 0.5);
    if (ndim == 2) return (float)(unit * (1.5 / sqrt((double)rows)));
    if (strstr(name, "weight")) return (float)(unit * 0.2 + 1.0);
    return (float)(unit * 0.1);
}

#endif
