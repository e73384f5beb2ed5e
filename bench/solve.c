/* solve.c - how long do the linear systems of RegMean take?
 *
 *     bench_solve [--layers N]
 *
 * For each of N layers of GPT-2 (12): three positive definite systems of 768 equations with 2304,
 * 768 and 3072 right sides and one of 3072 equations with 768, all at once as the method solves
 * them: seconds, and the f64 GFLOP/s of n^3 / 3 + 2 n^2 columns. */
#include "args.h"
#include "base/alloc.h"
#include "base/log.h"
#include "kernel/linalg.h"
#include "kernel/outer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PER_LAYER = 4, LAYERS = 12, LAYERS_MAX = 24 };

static const struct {
    int64_t n, columns;
} shapes[PER_LAYER] = {{768, 2304}, {768, 768}, {768, 3072}, {3072, 768}};

static void fill(float *x, int64_t count, uint32_t seed) {
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) * 0x1p-23f - 1.0f;
    }
}

/* A is the Gram matrix of 1.25 n random rows. */
static int open_system(struct fb_system *s, int64_t n, int64_t columns, struct fb_err *err) {
    int64_t rows = n + n / 4;
    float *x = fb_malloc((size_t)(rows * n) * sizeof *x, err);
    float *a = fb_malloc((size_t)(n * n) * sizeof *a, err);
    float *b = fb_malloc((size_t)(n * columns) * sizeof *b, err);
    int rc = x && a && b ? FB_OK : err->code;

    *s = (struct fb_system){.a = a, .b = b, .x = b, .n = n, .columns = columns};
    if (!rc) {
        fill(x, rows * n, 1);
        fill(b, n * columns, 2);
        rc = fb_gram(a, x, n, rows, n, false, err);
    }
    free(x);
    return rc;
}

static int run(struct fb_system *s, int count, struct fb_err *err) {
    double work = 0, start, seconds;

    for (int i = 0; i < count; i++) {
        int64_t n = shapes[i % PER_LAYER].n, columns = shapes[i % PER_LAYER].columns;
        if (open_system(&s[i], n, columns, err)) return err->code;
        work += 1e-9 * (double)(n * n) * ((double)n / 3 + 2 * (double)columns);
    }
    start = fb_now();
    if (fb_solve(s, count, err)) return err->code;
    seconds = fb_now() - start;
    printf("%d systems: %.2f s, %.1f GFLOP/s in double precision\n", count, seconds,
           work / seconds);
    return FB_OK;
}

int main(int argc, char **argv) {
    long layers = LAYERS;
    const struct option options[] = {{"--layers", &layers, 1, LAYERS_MAX, NULL}, {0}};
    struct fb_system s[PER_LAYER * LAYERS_MAX] = {{0}};
    struct fb_err err = {0};
    int rc;

    (void)args_parse(argc, argv, "bench_solve [--layers N]", options, 0, 0);
    rc = run(s, PER_LAYER * (int)layers, &err);
    for (int i = 0; i < PER_LAYER * LAYERS_MAX; i++) {
        free((void *)s[i].a);
        free(s[i].x);
    }
    if (rc) fprintf(stderr, "bench_solve: %s\n", err.msg);
    return rc ? 1 : 0;
}
