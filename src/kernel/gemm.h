/* gemm.h - rows times a weight matrix that was packed once.
 *
 *   y = activation(x W + bias) + add
 *
 * Element y[i, j] is the sum over blocks of 256 inputs of (the fused sum over the block in
 * ascending order): the order is the same for any number of rows, range of columns or threads, so a
 * row's result does not depend on what it is multiplied together with. Kernels as in Goto and van
 * de Geijn, "Anatomy of high-performance matrix multiplication" (2008). */
#ifndef FB_KERNEL_GEMM_H
#define FB_KERNEL_GEMM_H

#include "kernel/kernel.h"

/* How a weight matrix is stored in a checkpoint. */
enum fb_weight_order {
    FB_IN_OUT, /* [in, out]: GPT-2's Conv1D */
    FB_OUT_IN, /* [out, in]: nn.Linear */
};

/* Owned: fb_packed_free. A zeroed struct is empty. */
struct fb_packed {
    const struct fb_isa *isa;
    int64_t in, out;
    float *data; /* panels of isa->cols columns, each [in, cols], the last filled up with zeros */
    float *bias; /* [out], filled up with zeros to whole panels */
    void *block; /* what is freed */
};

/* Copies W and its bias ([out], or NULL for zeros) for the best instruction set of the machine, or
 * for `isa` if it is not NULL. Afterwards the originals are not needed. */
int fb_pack(struct fb_packed *packed, const float *weight, enum fb_weight_order order,
            const float *bias, int64_t in, int64_t out, const struct fb_isa *isa,
            struct fb_err *err) FB_MUST_CHECK;
/* Other values of the same shape in the same memory. */
void fb_pack_again(struct fb_packed *packed, const float *weight, enum fb_weight_order order,
                   const float *bias);
/* The transpose [columns, in] of columns [column, column + columns) of W, without bias: what the
 * way back multiplies with. */
int fb_pack_turned(struct fb_packed *turned, const struct fb_packed *packed, int64_t column,
                   int64_t columns, struct fb_err *err) FB_MUST_CHECK;
void fb_pack_turned_again(struct fb_packed *turned, const struct fb_packed *packed, int64_t column);
void fb_packed_free(struct fb_packed *packed);

/* Columns [column, column + columns) of the product.
 *   x [rows, in] row stride ldx   y [rows, columns] row stride ldy
 *   add [rows, columns] row stride ldadd, or NULL
 * y must overlap neither x nor add. */
struct fb_gemm {
    float *y;
    int64_t ldy;
    const float *x;
    int64_t ldx;
    const float *add;
    int64_t ldadd;
    int64_t rows;
    const struct fb_packed *weight;
    int64_t column, columns;
    enum fb_activation activation;
};
/* FB_ENOMEM for scratch memory: at most 4 MB, or 256 * rows values if that is more, rounded up to
 * whole tiles. */
int fb_gemm(const struct fb_gemm *g, struct fb_err *err) FB_MUST_CHECK;

/* Products of the same rows (x, ldx, rows; weights of the same number of inputs and instruction
 * set) with `count` matrices, none without columns: the rows are prepared once. The results are
 * those of fb_gemm. Results must overlap neither each other nor x nor what is added. */
enum { FB_GEMM_JOINT = 3 }; /* at most */
int fb_gemm_joint(const struct fb_gemm *g, int count, struct fb_err *err) FB_MUST_CHECK;

#endif
