/* linalg.c - Cholesky's and, where that fails, Gauss's elimination by LAPACK.
 *
 * LAPACK's matrices are column-major. A is symmetric, so its lower half here is the upper half
 * there; right sides are transposed on the way in and out. The prototypes are those of Fortran:
 * everything by reference, and the length of each string behind the other arguments. */
#include "kernel/linalg.h"

#include "base/alloc.h"

#include <limits.h>
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>

extern void dposv_(const char *uplo, const int *n, const int *nrhs, double *a, const int *lda,
                   double *b, const int *ldb, int *info, size_t uplo_length);
extern void dgesv_(const int *n, const int *nrhs, double *a, const int *lda, int *pivots, double *b,
                   const int *ldb, int *info);

/* What a thread works in. */
struct work {
    double *a, *b; /* column-major */
    int *pivots;
};

static void work_free(struct work *w) {
    free(w->a);
    free(w->b);
    free(w->pivots);
}

static int work_open(struct work *w, const struct fb_system *s, struct fb_err *err) {
    size_t n = (size_t)s->n, columns = (size_t)s->columns;

    *w = (struct work){0};
    if (s->n > INT_MAX || s->columns > INT_MAX || n > SIZE_MAX / sizeof(double) / (n + columns + 1))
        return fb_fail(err, FB_ENOMEM, "out of memory: %jd equations with %jd right sides",
                       (intmax_t)s->n, (intmax_t)s->columns);
    if (!(w->a = fb_malloc(n * n * sizeof(double), err)) ||
        !(w->b = fb_malloc(n * columns * sizeof(double), err)) ||
        !(w->pivots = fb_malloc(n * sizeof *w->pivots, err)))
        return err->code;
    fb_want_huge_pages(w->a, n * n * sizeof(double));
    return FB_OK;
}

/* Both halves of A, and B. */
static void fill(const struct work *w, const struct fb_system *s) {
    int64_t n = s->n, columns = s->columns;

    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++)
            w->a[i * n + j] = w->a[j * n + i] = (double)s->a[i * n + j];
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < columns; k++)
            w->b[k * n + i] = (double)s->b[i * columns + k];
}

static bool finite(const struct fb_system *s) {
    for (int64_t i = 0; i < s->n; i++)
        for (int64_t j = 0; j <= i; j++)
            if (!isfinite(s->a[i * s->n + j])) return false;
    for (int64_t i = 0; i < s->n * s->columns; i++)
        if (!isfinite(s->b[i])) return false;
    return true;
}

static void solve(const struct work *w, struct fb_system *s) {
    int n = (int)s->n, columns = (int)s->columns, info = 0;

    s->solved = FB_NOT_FINITE;
    if (!finite(s)) return;
    fill(w, s);
    s->solved = FB_SOLVED_CHOLESKY;
    dposv_("U", &n, &columns, w->a, &n, w->b, &n, &info, 1);
    if (info) {
        fill(w, s);
        s->solved = FB_SOLVED_LU;
        dgesv_(&n, &columns, w->a, &n, w->pivots, w->b, &n, &info);
    }
    if (info) {
        s->solved = FB_SINGULAR;
        s->pivot = info - 1;
        return;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < columns; k++)
            s->x[i * columns + k] = (float)w->b[k * n + i];
}

/* The library's own threads would cut sums according to their number: inside the region each task
 * asks for one thread, which ends with the region. */
int fb_solve(struct fb_system *systems, int count, struct fb_err *err) {
    int rc = FB_OK;

#pragma omp parallel
    {
        omp_set_num_threads(1);
#pragma omp for schedule(dynamic, 1)
        for (int i = 0; i < count; i++) {
            struct fb_system *s = &systems[i];
            struct fb_err mine = {0};
            struct work w = {0};
            if (s->n == 0 || s->columns == 0) continue;
            if (!work_open(&w, s, &mine)) solve(&w, s);
            work_free(&w);
            if (!mine.code) continue;
#pragma omp critical
            {
                *err = mine;
                rc = mine.code;
            }
        }
    }
    return rc;
}
