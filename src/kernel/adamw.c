#include "kernel/adamw.h"

#include "kernel/cpu.h"

/* A block is large enough to be worth a thread's while, and a multiple of every vector. */
enum { BLOCK = 4096, BLOCKS_FOR_THREADS = 4, SUMS = 1024 };

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

static double sum_block(const float *x, int64_t n) {
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

double fb_sum_squares(const float *x, int64_t count) {
    double sum = 0, part[SUMS];
    int64_t blocks = (count + BLOCK - 1) / BLOCK;

    for (int64_t first = 0; first < blocks; first += SUMS) {
        int64_t n = least(SUMS, blocks - first);
#pragma omp parallel for schedule(static) if (n >= BLOCKS_FOR_THREADS)
        for (int64_t b = 0; b < n; b++) {
            int64_t at = (first + b) * BLOCK;
            part[b] = sum_block(x + at, least(BLOCK, count - at));
        }
        for (int64_t b = 0; b < n; b++)
            sum += part[b];
    }
    return sum;
}
