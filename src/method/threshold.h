/* threshold.h - how large a change of a weight must be to count among the largest of its expert. */
#ifndef FB_METHOD_THRESHOLD_H
#define FB_METHOD_THRESHOLD_H

#include "method/method.h"

/* least[e] = the k-th smallest |expert_e - base| (from 1; 0 for k = 0) over all keys but those that
 * are `removed` [keys], each key counted as often as its `copies` say. Exact, in one pass over the
 * aligned pool if a sample of it shows where to look, in three if not. A difference that is not
 * finite has no rank: FB_EFORMAT names the first one, also for k = 0. */
int fb_threshold_find(struct fb_merge *merge, const bool *removed, int64_t k, float *least,
                      struct fb_err *err) FB_MUST_CHECK;

#endif
