#include "kernel/cpu.h"

#include <string.h>

/* Rows below which starting the threads costs more than it brings. */
enum { ROWS_FOR_THREADS = 16 };

void fb_layer_norm(float *y, const float *x, const float *weight, const float *bias, int64_t rows,
                   int64_t n, float epsilon) {
    const struct fb_isa *isa = fb_cpu_isa();

#pragma omp parallel for schedule(static) if (rows >= ROWS_FOR_THREADS)
    for (int64_t i = 0; i < rows; i++)
        isa->layer_norm(y + i * n, x + i * n, weight, bias, n, epsilon);
}

void fb_rms_norm(float *y, const float *x, const float *weight, int64_t rows, int64_t n,
                 float epsilon) {
    const struct fb_isa *isa = fb_cpu_isa();

#pragma omp parallel for schedule(static) if (rows >= ROWS_FOR_THREADS)
    for (int64_t i = 0; i < rows; i++)
        isa->rms_norm(y + i * n, x + i * n, weight, n, epsilon);
}

void fb_multiply(float *y, const float *x, int64_t rows, int64_t n) {
    const struct fb_isa *isa = fb_cpu_isa();

#pragma omp parallel for schedule(static) if (rows >= ROWS_FOR_THREADS)
    for (int64_t i = 0; i < rows; i++)
        isa->multiply(y + i * n, x + i * n, n);
}

void fb_columns_argmax(float *best, int32_t *id, const float *x, int64_t rows, int64_t n,
                       int64_t first) {
    const struct fb_isa *isa = fb_cpu_isa();

#pragma omp parallel for schedule(static) if (rows >= ROWS_FOR_THREADS)
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = isa->argmax(x + i * n, n);
        float top = x[i * n + at];
        if (first && !(top > best[i] || (top != top && best[i] == best[i]))) continue;
        best[i] = top;
        id[i] = (int32_t)(first + at);
    }
}

void fb_embed(float *y, const float *table, const int32_t *id, const float *positions,
              const int32_t *position, int64_t rows, int64_t n) {
    for (int64_t i = 0; i < rows; i++) {
        const float *a = table + id[i] * n, *b = positions + position[i] * n;
        for (int64_t j = 0; j < n; j++)
            y[i * n + j] = a[j] + b[j];
    }
}

void fb_gather(float *y, const float *x, const int64_t *row, int64_t rows, int64_t n) {
    for (int64_t i = 0; i < rows; i++)
        memcpy(y + i * n, x + row[i] * n, (size_t)n * sizeof *y);
}
