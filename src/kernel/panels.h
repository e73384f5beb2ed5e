/* panels.h - matrices laid out as isa->tile reads its second operand: cut into panels of isa->cols
 * columns, each [rows, cols], so that panel p begins at p * cols * rows. */
#ifndef FB_KERNEL_PANELS_H
#define FB_KERNEL_PANELS_H

#include "kernel/isa.h"

#include <string.h>

static inline int64_t fb_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

static inline int64_t fb_least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* x [rows] becomes column j of panels [rows, cols]. */
static inline void fb_panels_set_column(float *panels, const struct fb_isa *isa, int64_t rows,
                                        int64_t j, const float *x) {
    float *to = panels + j / isa->cols * isa->cols * rows + j % isa->cols;

    for (int64_t i = 0; i < rows; i++)
        to[i * isa->cols] = x[i];
}

/* Columns [j, the next multiple of cols) become zero. */
static inline void fb_panels_fill_up(float *panels, const struct fb_isa *isa, int64_t rows,
                                     int64_t j) {
    for (; j % isa->cols; j++) {
        float *to = panels + j / isa->cols * isa->cols * rows + j % isa->cols;
        for (int64_t i = 0; i < rows; i++)
            to[i * isa->cols] = 0.0f;
    }
}

/* x [n], filled up with zeros to whole panels, becomes row i of panels [rows, cols]. */
static inline void fb_panels_set_row(float *panels, const struct fb_isa *isa, int64_t rows,
                                     int64_t i, const float *x, int64_t n) {
    for (int64_t j = 0; j < n; j += isa->cols) {
        float *to = panels + j * rows + i * isa->cols;
        int64_t count = fb_least(isa->cols, n - j);
        memcpy(to, x + j, (size_t)count * sizeof *to);
        memset(to + count, 0, (size_t)(isa->cols - count) * sizeof *to);
    }
}

#endif
