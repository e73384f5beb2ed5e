/* adamw.h - the arithmetic of the AdamW optimizer over elements. */
#ifndef FB_KERNEL_ADAMW_H
#define FB_KERNEL_ADAMW_H

#include <stdint.h>

/* The numbers of one step, each rounded to f32 as torch does with a Python number. */
struct fb_adamw_factors {
    float scale; /* of the gradient: what clipping leaves of it */
    float keep;  /* 1 - lr * weight_decay */
    float first; /* 1 - beta1 */
    float beta2;
    float second; /* 1 - beta2 */
    float root;   /* sqrt(1 - beta2^t) */
    float epsilon;
    float size; /* -lr / (1 - beta1^t) */
};

/* torch 2.5.1's AdamW on a CPU (Loshchilov and Hutter, arXiv:1711.05101), bit for bit:
 *   g = gradient * scale
 *   value *= keep
 *   exp_avg = lerp(exp_avg, g, first)                       one fused multiply-add
 *   exp_avg_sq = fused(second * g, g, exp_avg_sq * beta2)
 *   value += size * exp_avg / (sqrt(exp_avg_sq) / root + epsilon)
 *   all [count] */
void fb_adamw(float *value, float *exp_avg, float *exp_avg_sq, const float *gradient, int64_t count,
              const struct fb_adamw_factors *f);

#endif
