#include "kernel/adamw.h"

#include "kernel/cpu.h"

/* A block is large enough to be worth a thread's while, and a multiple of every vector. */
enum { BLOCK = 4096, BLOCKS_FOR_THREADS = 4 };

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

void fb_adamw(float *value, float *exp_avg, float *exp_avg_sq, const float *gradient, int64_t count,
              const struct fb_adamw_factors *f) {
    const struct fb_isa *isa = fb_cpu_isa();
    int64_t blocks = (count + BLOCK - 1) / BLOCK;

#pragma omp parallel for schedule(static) if (blocks >= BLOCKS_FOR_THREADS)
    for (int64_t b = 0; b < blocks; b++) {
        int64_t at = b * BLOCK;
        isa->adamw(value + at, exp_avg + at, exp_avg_sq + at, gradient + at,
                   least(BLOCK, count - at), f);
    }
}
