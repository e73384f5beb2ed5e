#include "kernel/squares.h"

#include "base/clones.h"

enum {
    BLOCK = 1 << 14, /* elements that one thread takes at a time */
    SUMS = 256,      /* blocks whose sums are kept until they are added */
    BESIDE = 16      /* sums that run side by side within a block */
};

static int64_t blocks_of(int64_t n) {
    return (n + BLOCK - 1) / BLOCK;
}

static int64_t size_of(int64_t block, int64_t n) {
    int64_t left = n - block * BLOCK;

    return left < BLOCK ? left : BLOCK;
}

FB_CLONES static void add_squares(float *sum, const float *x, int64_t n) {
    for (int64_t j = 0; j < n; j++)
        sum[j] += x[j] * x[j];
}

void fb_add_squares(float *sum, const float *x, int64_t n) {
    int64_t blocks = blocks_of(n);

#pragma omp parallel for schedule(static) if (blocks > 1)
    for (int64_t b = 0; b < blocks; b++)
        add_squares(sum + b * BLOCK, x + b * BLOCK, size_of(b, n));
}

FB_CLONES static double sum_squares(const float *x, int64_t n) {
    double part[BESIDE] = {0}, sum = 0;
    int64_t j = 0;

    for (; j + BESIDE <= n; j += BESIDE)
        for (int k = 0; k < BESIDE; k++)
            part[k] += (double)x[j + k] * x[j + k];
    for (int k = 0; k < BESIDE; k++)
        sum += part[k];
    for (; j < n; j++)
        sum += (double)x[j] * x[j];
    return sum;
}

double fb_sum_squares(const float *x, int64_t n) {
    int64_t blocks = blocks_of(n);
    double all = 0;

    for (int64_t at = 0; at < blocks; at += SUMS) {
        int64_t count = blocks - at < SUMS ? blocks - at : SUMS;
        double sum[SUMS];
#pragma omp parallel for schedule(static) if (count > 1)
        for (int64_t b = 0; b < count; b++)
            sum[b] = sum_squares(x + (at + b) * BLOCK, size_of(at + b, n));
        for (int64_t b = 0; b < count; b++)
            all += sum[b];
    }
    return all;
}

FB_CLONES static void add_weighed(float *sum, float *weight, const float *x, const float *f,
                                  float c, float epsilon, int64_t n) {
    for (int64_t j = 0; j < n; j++) {
        float w = c * (f[j] + epsilon);
        weight[j] += w;
        sum[j] += w * x[j];
    }
}

void fb_add_weighed(const struct fb_weighing *how) {
    int64_t blocks = blocks_of(how->n);

#pragma omp parallel for schedule(static) if (blocks > 1)
    for (int64_t b = 0; b < blocks; b++) {
        int64_t at = b * BLOCK;
        add_weighed(how->sum + at, how->weight + at, how->x + at, how->f + at, how->c, how->epsilon,
                    size_of(b, how->n));
    }
}

FB_CLONES static void divide(float *x, float by, int64_t n) {
    for (int64_t j = 0; j < n; j++)
        x[j] /= by;
}

void fb_divide(float *x, float by, int64_t n) {
    int64_t blocks = blocks_of(n);

#pragma omp parallel for schedule(static) if (blocks > 1)
    for (int64_t b = 0; b < blocks; b++)
        divide(x + b * BLOCK, by, size_of(b, n));
}

FB_CLONES static void divide_each(float *x, const float *by, int64_t n) {
    for (int64_t j = 0; j < n; j++)
        x[j] /= by[j];
}

void fb_divide_each(float *x, const float *by, int64_t n) {
    int64_t blocks = blocks_of(n);

#pragma omp parallel for schedule(static) if (blocks > 1)
    for (int64_t b = 0; b < blocks; b++)
        divide_each(x + b * BLOCK, by + b * BLOCK, size_of(b, n));
}
