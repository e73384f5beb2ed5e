/* grad.c - rows and threads of the derivatives; the arithmetic is in isa_grad.h.
 *
 * Sums over rows are taken by blocks of BLOCK rows, each added up in ascending order for a range of
 * columns that belongs to one thread. */
#include "kernel/grad.h"

#include "kernel/cpu.h"
#include "kernel/panels.h"

enum { BLOCK = 256, ROWS_FOR_THREADS = 16, RUN = 4096 };

void fb_activate(float *y, const float *x, int64_t rows, int64_t n, enum fb_activation activation) {
    const struct fb_isa *isa = fb_cpu_isa();

#pragma omp parallel for schedule(static) if (rows >= ROWS_FOR_THREADS)
    for (int64_t i = 0; i < rows; i++)
        isa->activate(y + i * n, x + i * n, n, activation);
}

void fb_activation_grad(float *dx, const float *dy, const float *x, int64_t rows, int64_t n,
                        enum fb_activation activation) {
    const struct fb_isa *isa = fb_cpu_isa();

#pragma omp parallel for schedule(static) if (rows >= ROWS_FOR_THREADS)
    for (int64_t i = 0; i < rows; i++)
        isa->activation_grad(dx + i * n, dy + i * n, x + i * n, n, activation);
}

typedef struct fb_moments norm_row_grad(float *dx, const float *dy, const float *x,
                                        const float *weight, int64_t n, float epsilon);

/* A block of rows at a time, so that its moments need no memory and its rows are still near. */
static void norm_grad(norm_row_grad *row_grad, float *dx, float *dweight, float *dbias,
                      const float *dy, const float *x, const float *weight, int64_t rows, int64_t n,
                      float epsilon) {
    const struct fb_isa *isa = fb_cpu_isa();

    for (int64_t from = 0; from < rows; from += BLOCK) {
        struct fb_moments moments[BLOCK];
        const float *dyb = dy + from * n, *xb = x + from * n;
        float *dxb = dx + from * n;
        int64_t count = fb_least(BLOCK, rows - from);
#pragma omp parallel if (count >= ROWS_FOR_THREADS)
        {
#pragma omp for schedule(static)
            for (int64_t i = 0; i < count; i++)
                moments[i] = row_grad(dxb + i * n, dyb + i * n, xb + i * n, weight, n, epsilon);
#pragma omp for schedule(static)
            for (int64_t j = 0; j < n; j += FB_SUM_COLS) {
                int64_t cols = fb_least(FB_SUM_COLS, n - j);
                if (dweight)
                    isa->norm_weight_grad(dweight + j, dyb + j, xb + j, moments, n, count, cols);
                if (dbias) isa->column_sums(dbias + j, dyb + j, n, count, cols);
            }
        }
    }
}

void fb_layer_norm_grad(float *dx, float *dweight, float *dbias, const float *dy, const float *x,
                        const float *weight, int64_t rows, int64_t n, float epsilon) {
    norm_grad(fb_cpu_isa()->layer_norm_grad, dx, dweight, dbias, dy, x, weight, rows, n, epsilon);
}

void fb_rms_norm_grad(float *dx, float *dweight, const float *dy, const float *x,
                      const float *weight, int64_t rows, int64_t n, float epsilon) {
    norm_grad(fb_cpu_isa()->rms_norm_grad, dx, dweight, NULL, dy, x, weight, rows, n, epsilon);
}

void fb_column_sums(float *sum, const float *dy, int64_t lddy, int64_t rows, int64_t n) {
    const struct fb_isa *isa = fb_cpu_isa();

#pragma omp parallel for schedule(static) if (rows >= ROWS_FOR_THREADS)
    for (int64_t j = 0; j < n; j += FB_SUM_COLS)
        for (int64_t from = 0; from < rows; from += BLOCK)
            isa->column_sums(sum + j, dy + from * lddy + j, lddy, fb_least(BLOCK, rows - from),
                             fb_least(FB_SUM_COLS, n - j));
}

void fb_add_to(float *y, const float *x, int64_t count) {
    const struct fb_isa *isa = fb_cpu_isa();

#pragma omp parallel for schedule(static) if (count >= 4 * RUN)
    for (int64_t i = 0; i < count; i += RUN)
        isa->add_to(y + i, x + i, fb_least(RUN, count - i));
}

/* Threads share the columns, since a row of the table may come more than once. */
void fb_scatter_add(float *table, const int64_t *row, const float *x, int64_t rows, int64_t n) {
    const struct fb_isa *isa = fb_cpu_isa();

#pragma omp parallel for schedule(static) if (rows >= ROWS_FOR_THREADS)
    for (int64_t j = 0; j < n; j += FB_SUM_COLS)
        for (int64_t i = 0; i < rows; i++)
            isa->add_to(table + row[i] * n + j, x + i * n + j, fb_least(FB_SUM_COLS, n - j));
}
