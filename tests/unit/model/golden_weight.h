/* golden_weight.h - the weights of small models, which the goldens do not store. */
#ifndef FB_TESTS_GOLDEN_WEIGHT_H
#define FB_TESTS_GOLDEN_WEIGHT_H

#include "hashed.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* As make_weight in tools/golden/gpt2.py. */
static inline float golden_weight(const char *name, int ndim, int64_t rows, uint32_t i) {
    double unit = hashed_unit(hashed_name(name), i);

    if (name[0] == 'w') return (float)(unit * 0.5);
    if (ndim == 2) return (float)(unit * (1.5 / sqrt((double)rows)));
    if (strstr(name, "weight")) return (float)(unit * 0.2 + 1.0);
    return (float)(unit * 0.1);
}

#endif
