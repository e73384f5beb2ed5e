/* min_norm.c - the projected gradient descent of the reference's MinNormSolver, in double. */
#include "method/min_norm.h"

#include "base/alloc.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ITERATIONS = 250 };
static const double enough = 1e-5, tiny = 1e-7;

/* The c in about [0, 1] that makes |c v + (1 - c) w|^2 least, which is *length. */
static double between(double vv, double vw, double ww, double *length) {
    double c;

    if (vw >= vv) {
        *length = vv;
        return 0.999;
    }
    if (vw >= ww) {
        *length = ww;
        return 0.001;
    }
    c = -(vw - ww) / (vv + ww - 2 * vw);
    *length = ww + c * (vw - ww);
    return c;
}

/* The best combination of two. */
static void begin(double *c, const double *dot, int n) {
    double best = INFINITY;

    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            double length, part = between(dot[i * n + i], dot[i * n + j], dot[j * n + j], &length);
            if (length >= best && best < INFINITY) continue;
            best = length;
            memset(c, 0, (size_t)n * sizeof *c);
            c[i] = part;
            c[j] = 1 - part;
        }
}

static int descending(const void *left, const void *right) {
    const double *a = left, *b = right;

    return (*a < *b) - (*a > *b);
}

/* The nearest point of the simplex; `sorted` [n] is scratch memory. */
static void project(double *y, double *sorted, int n) {
    double all = 0, sum = 0, shift;

    for (int i = 0; i < n; i++)
        all += y[i];
    shift = (all - 1) / n;
    memcpy(sorted, y, (size_t)n * sizeof *y);
    qsort(sorted, (size_t)n, sizeof *sorted, descending);
    for (int i = 0; i + 1 < n; i++) {
        double most;
        sum += sorted[i];
        most = (sum - 1) / (i + 1);
        if (most <= sorted[i + 1]) continue;
        shift = most;
        break;
    }
    for (int i = 0; i < n; i++)
        y[i] = y[i] > shift ? y[i] - shift : 0;
}

/* From c down the gradient as far as the first component allows, back onto the simplex. */
static void step(double *next, double *scratch, const double *c, const double *dot, int n) {
    double mean = 0, length = 0;
    bool found = false;

    for (int i = 0; i < n; i++) {
        next[i] = 0;
        for (int j = 0; j < n; j++)
            next[i] -= dot[i * n + j] * c[j];
        mean += next[i] / n;
    }
    for (int i = 0; i < n; i++) {
        double most;
        next[i] -= mean;
        if (next[i] == 0) continue;
        most = next[i] < 0 ? -c[i] / next[i] : (1 - c[i]) / next[i];
        if (most <= tiny || (found && most >= length)) continue;
        length = most;
        found = true;
    }
    if (!found) length = 1;
    for (int i = 0; i < n; i++)
        next[i] = next[i] * length + c[i];
    project(next, scratch, n);
}

static double product(const double *a, const double *dot, const double *b, int n) {
    double sum = 0;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            sum += a[i] * b[j] * dot[i * n + j];
    return sum;
}

static void descend(double *c, double *next, double *scratch, const double *dot, int n) {
    for (int k = 0; k < ITERATIONS; k++) {
        double length, keep, change = 0;
        step(next, scratch, c, dot, n);
        keep = between(product(c, dot, c, n), product(c, dot, next, n), product(next, dot, next, n),
                       &length);
        for (int i = 0; i < n; i++) {
            next[i] = keep * c[i] + (1 - keep) * next[i];
            change += fabs(next[i] - c[i]);
        }
        if (change < enough) return;
        memcpy(c, next, (size_t)n * sizeof *c);
    }
}

int fb_min_norm(double *c, const double *dot, int n, struct fb_err *err) {
    double *memory;

    if (n < 2) {
        c[0] = 1;
        return FB_OK;
    }
    if (!(memory = fb_calloc(2 * (size_t)n, sizeof *memory, err))) return err->code;
    begin(c, dot, n);
    if (n > 2) descend(c, memory, memory + n, dot, n);
    free(memory);
    return FB_OK;
}
