#include "kernel/grad.h"
#include "kernel/keep.h"

enum { COUNT_FOR_THREADS = 16384 };

void fb_dropout(float *y, const float *x, int64_t count, double p, uint64_t seed) {
    const struct fb_keep keep = fb_keep_of(p);

    /* What is dropped is 0 even where x is infinite. */
#pragma omp parallel for schedule(static) if (count >= COUNT_FOR_THREADS)
    for (int64_t i = 0; i < count; i++) {
        float factor = fb_keep_factor(&keep, seed, (uint64_t)i);
        y[i] = factor == 0.0f ? 0.0f : x[i] * factor;
    }
}
