/* entropy.h - how undecided a model is about a batch, which AdaMerging makes smaller.
 *
 *     z = mean of the rows of logits     p = softmax(z)     H = - sum_j p_j log(p_j + 1e-8) */
#ifndef FB_METHOD_ENTROPY_H
#define FB_METHOD_ENTROPY_H

#include "nn/tensor.h"

/* Entropy of logits [rows, classes], rows at least 1; every row of its derivative by them is
 * dlogits [rows, classes]. FB_ENOMEM. */
int fb_entropy(double *entropy, float *dlogits, const struct fb_tensor *logits,
               struct fb_err *err) FB_MUST_CHECK;

#endif
