/* min_norm.h - the shortest vector in the convex hull of some vectors: how multi-objective gradient
 * descent weighs its objectives (Sener and Koltun, arXiv:1810.04650). */
#ifndef FB_METHOD_MIN_NORM_H
#define FB_METHOD_MIN_NORM_H

#include "base/err.h"

/* Weights c [n], not negative and with the sum 1, for which |sum_i c_i v_i|^2 is about as small as
 * it can be, given the products dot [n, n], dot[i, j] = <v_i, v_j>. Begins with the best pair and
 * descends along the simplex until a step changes c by less than 1e-5, 250 times at most (where the
 * reference then has no result, this gives the last one). n = 1 gives 1. */
int fb_min_norm(double *c, const double *dot, int n, struct fb_err *err) FB_MUST_CHECK;

#endif
