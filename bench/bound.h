/* bound.h - the rate that an evaluation is measured against: the best f32 matrix product of 2048 x
 * 768 x 3072, by oneDNN and by our own kernel, measured again around every pass. */
#ifndef FB_BENCH_BOUND_H
#define FB_BENCH_BOUND_H

#include "base/alloc.h"
#include "base/log.h"
#include "kernel/gemm.h"

#include <dnnl.h>
#include <stdlib.h>

enum { GEMM_ROWS = 2048, GEMM_IN = 768, GEMM_OUT = 3072 };

/* One matrix product by two implementations. */
struct bound {
    float *x, *w, *y;
    struct fb_packed packed;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[3];
    double dnnl, own; /* best GFLOP/s so far */
};

static inline int bound_open(struct bound *b, struct fb_err *err) {
    dnnl_dims_t x = {GEMM_ROWS, GEMM_IN}, w = {GEMM_IN, GEMM_OUT}, y = {GEMM_ROWS, GEMM_OUT};
    dnnl_memory_desc_t md[3];
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;
    float *data[3];

    b->x = fb_calloc((size_t)GEMM_ROWS * GEMM_IN, sizeof(float), err);
    b->w = fb_calloc((size_t)GEMM_IN * GEMM_OUT, sizeof(float), err);
    b->y = fb_calloc((size_t)GEMM_ROWS * GEMM_OUT, sizeof(float), err);
    if (!b->x || !b->w || !b->y) return err->code;
    for (int i = 0; i < GEMM_ROWS * GEMM_IN; i++)
        b->x[i] = (float)(i % 17) * 0.1f;
    for (int i = 0; i < GEMM_IN * GEMM_OUT; i++)
        b->w[i] = (float)(i % 13) * 0.1f;
    if (fb_pack(&b->packed, b->w, FB_IN_OUT, NULL, GEMM_IN, GEMM_OUT, NULL, err)) return err->code;
    data[0] = b->x;
    data[1] = b->w;
    data[2] = b->y;
    if (dnnl_engine_create(&b->engine, dnnl_cpu, 0) ||
        dnnl_stream_create(&b->stream, b->engine, dnnl_stream_default_flags) ||
        dnnl_memory_desc_init_by_tag(&md[0], 2, x, dnnl_f32, dnnl_ab) ||
        dnnl_memory_desc_init_by_tag(&md[1], 2, w, dnnl_f32, dnnl_ab) ||
        dnnl_memory_desc_init_by_tag(&md[2], 2, y, dnnl_f32, dnnl_ab) ||
        dnnl_matmul_desc_init(&desc, &md[0], &md[1], NULL, &md[2]) ||
        dnnl_primitive_desc_create(&pd, &desc, NULL, b->engine, NULL) ||
        dnnl_primitive_create(&b->primitive, pd))
        return fb_fail(err, FB_EUNSUPPORTED, "oneDNN refused the matrix product");
    dnnl_primitive_desc_destroy(pd);
    for (int i = 0; i < 3; i++)
        if (dnnl_memory_create(&b->memory[i], &md[i], b->engine, data[i]))
            return fb_fail(err, FB_ENOMEM, "oneDNN refused the memory");
    return FB_OK;
}

static inline int bound_measure(struct bound *b, struct fb_err *err) {
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, b->memory[0]},
                                    {DNNL_ARG_WEIGHTS, b->memory[1]},
                                    {DNNL_ARG_DST, b->memory[2]}};
    const struct fb_gemm own = {.y = b->y,
                                .ldy = GEMM_OUT,
                                .x = b->x,
                                .ldx = GEMM_IN,
                                .rows = GEMM_ROWS,
                                .weight = &b->packed,
                                .columns = GEMM_OUT};
    const double work = 2e-9 * GEMM_ROWS * GEMM_IN * GEMM_OUT;

    for (int i = 0; i < 12; i++) {
        double start = fb_now(), middle, end;
        if (dnnl_primitive_execute(b->primitive, b->stream, 3, args) || dnnl_stream_wait(b->stream))
            return fb_fail(err, FB_EUNSUPPORTED, "oneDNN failed");
        middle = fb_now();
        if (fb_gemm(&own, err)) return err->code;
        end = fb_now();
        if (work / (middle - start) > b->dnnl) b->dnnl = work / (middle - start);
        if (work / (end - middle) > b->own) b->own = work / (end - middle);
    }
    return FB_OK;
}

static inline double bound_best(const struct bound *b) {
    return b->dnnl > b->own ? b->dnnl : b->own;
}

static inline int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

#endif
