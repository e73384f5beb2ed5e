/* spearman.h - Spearman's rank correlation, ties with average ranks, and its bootstrap interval. */
#ifndef FB_METRIC_SPEARMAN_H
#define FB_METRIC_SPEARMAN_H

#include "metric/interval.h"

#include "base/err.h"

#include <stdint.h>

/* Pearson's correlation of the average ranks, in double. NaN for fewer than 2 values, a constant
 * vector or a NaN among the values, as scipy.stats.spearmanr. FB_ENOMEM. */
int fb_spearman(double *rho, const double *x, const double *y, int64_t n,
                struct fb_err *err) FB_MUST_CHECK;
/* 95 % percentile interval over `resamples` bootstrap samples of the pairs, drawn from a
 * counter-based generator that is keyed by `seed`: the same for any number of threads. Samples in
 * which a column is constant have no rho and are left out. NaN at both ends where rho is NaN.
 * FB_ENOMEM. */
int fb_spearman_interval(struct fb_interval *out, const double *x, const double *y, int64_t n,
                         int resamples, uint64_t seed, struct fb_err *err) FB_MUST_CHECK;

#endif
