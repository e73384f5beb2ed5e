/* bind.h - finding a model's tensors by name, in the shape that the configuration demands. */
#ifndef FB_MODEL_BIND_H
#define FB_MODEL_BIND_H

#include "model/weights.h"

/* Values of the tensor "<prefix>.<suffix>" of shape [rows, cols], or [cols] when rows is 0;
 * borrowed from `weights`. NULL after FB_ENOTFOUND or FB_EMISMATCH, which names it and both
 * shapes. */
const float *fb_bind(const struct fb_weights *weights, const char *prefix, const char *suffix,
                     int64_t rows, int64_t cols, struct fb_err *err);
/* "<prefix>.<suffix>" has been copied: fb_weights_release. */
void fb_bind_release(struct fb_weights *weights, const char *prefix, const char *suffix);

#endif
