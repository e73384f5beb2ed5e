/* isa_low_rank.h - products of a small common dimension; part of isa_body.h.
 *
 * A strip of columns at a time, so that its part of y stays in the first-level cache for all rows;
 * the sums of a tile stay in registers for all of r. */
#ifndef FB_KERNEL_ISA_LOW_RANK_H
#define FB_KERNEL_ISA_LOW_RANK_H

#include "kernel/isa.h"
#include "kernel/simd.h"

#include <math.h>

/* Eight sums hide the latency of the multiply-adds; AVX-512 has registers for sixteen. */
enum { CHAIN_ROWS = 4, CHAIN_VECS = V_LANES == 16 ? 4 : 2 };

V_INLINE void chain_tile(const struct fb_low_rank *p, const float *base, float *out, int64_t ld,
                         const float *x, const float *y, int rows, int vecs) {
    vec sum[CHAIN_ROWS][CHAIN_VECS];

    V_UNROLL
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vecs; j++)
            sum[i][j] = v_set(0.0f);
    for (int64_t k = 0; k < p->r; k++, y += p->ldy) {
        vec b[CHAIN_VECS];
        V_UNROLL
        for (int j = 0; j < vecs; j++)
            b[j] = v_load(y + j * V_LANES);
        V_UNROLL
        for (int i = 0; i < rows; i++) {
            vec a = v_set(x[i * p->r + k]);
            for (int j = 0; j < vecs; j++)
                sum[i][j] = v_fused(a, b[j], sum[i][j]);
        }
    }
    V_UNROLL
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vecs; j++) {
            int64_t at = i * ld + j * V_LANES;
            v_store(out + at, v_add(v_load(base + at), v_mul(sum[i][j], v_set(p->scale))));
        }
}

/* All rows of `vecs` vectors of columns. */
V_INLINE void chain_strip(const struct fb_low_rank *p, const float *base, float *out, int64_t ld,
                          int64_t rows, const float *y, int vecs) {
    int64_t i = 0;

    for (; i + CHAIN_ROWS <= rows; i += CHAIN_ROWS)
        chain_tile(p, base + i * ld, out + i * ld, ld, p->x + i * p->r, y, CHAIN_ROWS, vecs);
    for (; i < rows; i++)
        chain_tile(p, base + i * ld, out + i * ld, ld, p->x + i * p->r, y, 1, vecs);
}

/* One column at a time. */
static void chain_rest(const struct fb_low_rank *p, const float *base, float *out, int64_t ld,
                       int64_t rows, const float *y) {
    for (int64_t i = 0; i < rows; i++) {
        float sum = 0.0f;
        for (int64_t k = 0; k < p->r; k++)
            sum = fmaf(p->x[i * p->r + k], y[k * p->ldy], sum);
        out[i * ld] = base[i * ld] + sum * p->scale;
    }
}

static void low_rank_add(const struct fb_low_rank *p, const float *base, float *out, int64_t ld,
                         int64_t rows, int64_t cols) {
    enum { STRIP = CHAIN_VECS * V_LANES };
    int64_t j = 0;

    for (; j + STRIP <= cols; j += STRIP)
        chain_strip(p, base + j, out + j, ld, rows, p->y + j, CHAIN_VECS);
    for (; j + V_LANES <= cols; j += V_LANES)
        chain_strip(p, base + j, out + j, ld, rows, p->y + j, 1);
    for (; j < cols; j++)
        chain_rest(p, base + j, out + j, ld, rows, p->y + j);
}

#endif
