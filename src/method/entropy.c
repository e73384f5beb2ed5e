#include "method/entropy.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>

static const double epsilon = 1e-8;

static void mean_rows(double *z, const struct fb_tensor *x) {
    for (int64_t j = 0; j < x->cols; j++)
        z[j] = 0;
    for (int64_t i = 0; i < x->rows; i++)
        for (int64_t j = 0; j < x->cols; j++)
            z[j] += (double)x->data[i * x->cols + j];
    for (int64_t j = 0; j < x->cols; j++)
        z[j] /= (double)x->rows;
}

static void softmax(double *z, int64_t n) {
    double most = z[0], sum = 0;

    for (int64_t j = 1; j < n; j++)
        if (z[j] > most) most = z[j];
    for (int64_t j = 0; j < n; j++)
        sum += z[j] = exp(z[j] - most);
    for (int64_t j = 0; j < n; j++)
        z[j] /= sum;
}

/* dH/dp_j = -log(p_j + epsilon) - p_j / (p_j + epsilon) */
static double slope(double p) {
    return -log(p + epsilon) - p / (p + epsilon);
}

/* dH/dz_j = p_j (dH/dp_j - sum_k p_k dH/dp_k), divided among the rows. */
int fb_entropy(double *entropy, float *dlogits, const struct fb_tensor *logits,
               struct fb_err *err) {
    int64_t n = logits->cols;
    double *p = fb_malloc((size_t)n * sizeof *p, err), mean = 0;

    if (!p) return err->code;
    mean_rows(p, logits);
    softmax(p, n);
    *entropy = 0;
    for (int64_t j = 0; j < n; j++) {
        *entropy -= p[j] * log(p[j] + epsilon);
        mean += p[j] * slope(p[j]);
    }
    for (int64_t j = 0; j < n; j++) {
        double d = p[j] * (slope(p[j]) - mean) / (double)logits->rows;
        for (int64_t i = 0; i < logits->rows; i++)
            dlogits[i * n + j] = (float)d;
    }
    free(p);
    return FB_OK;
}
