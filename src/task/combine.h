/* combine.h - the outputs of an ensemble's models, put together element by element.
 *
 *     mean      (h_1 + h_2 + ... + h_n) / n
 *     weighted  w_1 h_1 + w_2 h_2 + ... + w_n h_n
 *     max       the largest of h_1 ... h_n; NaN where one is NaN
 *
 * In f32 and in the order of the models, as torch adds up to 15 of them. */
#ifndef FB_TASK_COMBINE_H
#define FB_TASK_COMBINE_H

#include "method/method.h"

/* Takes the output x [count] of the ensemble's i-th model into `all` [count]; the models come in
 * order, from 0. After the last one `all` holds the result. */
void fb_combine(float *all, const float *x, int64_t count, const struct fb_ensemble *ensemble,
                int i);

#endif
