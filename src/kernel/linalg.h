/* linalg.h - systems of linear equations, solved by LAPACK in double precision.
 *
 * One thread solves one system, and several systems are solved at once, so that a solution does not
 * depend on the number of threads. */
#ifndef FB_KERNEL_LINALG_H
#define FB_KERNEL_LINALG_H

#include "base/err.h"

#include <stdint.h>

enum fb_solved {
    FB_SOLVED_CHOLESKY, /* A is positive definite */
    FB_SOLVED_LU,       /* A is not, but regular */
    FB_SINGULAR,        /* x is unchanged */
    FB_NOT_FINITE,      /* A or B has an infinity or NaN; x is unchanged */
};

/* A X = B for symmetric A.
 *   a [n, n], of which elements on and below the diagonal are read   b [n, columns]
 *   x [n, columns], may be b */
struct fb_system {
    const float *a, *b;
    float *x;
    int64_t n, columns;
    enum fb_solved solved; /* result */
    int64_t pivot;         /* result, when singular: the row that depends on those before it */
};

/* All rounded once to f32 at the end. FB_ENOMEM for 8 n (n + columns) bytes for each thread. */
int fb_solve(struct fb_system *systems, int count, struct fb_err *err) FB_MUST_CHECK;

#endif
