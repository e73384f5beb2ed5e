/* lora_delta.h - the product of an adapter's two matrices, for any range of its elements. */
#ifndef FB_CKPT_LORA_DELTA_H
#define FB_CKPT_LORA_DELTA_H

#include "ckpt/ckpt.h"

#include <stdbool.h>

/* delta[i, j] = scale * sum over k of x[i, k] y[k, j], of the shape that the base stores. Owned:
 * fb_lora_delta_free. A zeroed struct is empty. */
struct fb_lora_delta {
    int64_t rows, r, cols;
    float *x; /* [rows, r] */
    float *y; /* [r, cols] */
    float scale;
};

/* From A [r, in] and B [out, r], matrices of floats of any width: x, y = B, A for a base of
 * [out, in], or their transposes, A^T and B^T, for one of [in, out]. */
int fb_lora_delta_make(struct fb_lora_delta *out, const struct fb_entry *a,
                       const struct fb_entry *b, bool in_out, float scale,
                       struct fb_err *err) FB_MUST_CHECK;
void fb_lora_delta_free(struct fb_lora_delta *delta);

/* values[i] = base[i] + delta of element begin + i, in row-major order, i < count; base may be
 * values. The sum over k is a chain of fused multiply-adds in ascending order, as in the
 * reference's matrix product; the result does not depend on the range. */
void fb_lora_delta_add(const struct fb_lora_delta *delta, int64_t begin, int64_t count,
                       const float *base, float *values);

#endif
