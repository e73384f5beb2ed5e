/* loss.c - cross-entropy of a softmax: with s = sum over j of exp(x_j - m),
 *   loss = log s + m - x_label      d loss / d x_j = exp(x_j - m) / s - [j = label]
 *
 * A row is walked by chunks, each with its own maximum; the sums of chunks are brought to the
 * largest of them and added in double, so that the loss is good for rows of any length. */
#include "kernel/cpu.h"
#include "kernel/grad.h"
#include "kernel/panels.h"

#include <math.h>

enum { CHUNK = 256, BLOCK = 256 };

/* exp(x - largest) to e, where `largest` is that of the chunk; returns the sum. */
static float chunk(const struct fb_isa *isa, float *e, const float *x, int64_t n, double *largest) {
    float sum = 0.0f;

    *largest = (double)isa->largest(x, n);
    memcpy(e, x, (size_t)n * sizeof *e);
    if (*largest > -INFINITY) return isa->exponentials(e, n, n);
    /* There is no difference to take: zeros, or not numbers. */
    for (int64_t i = 0; i < n; i++)
        sum += e[i] = expf(x[i]);
    return sum;
}

/* sum of exp(x - most), where `most` is the largest */
static double sum_of_exponentials(const struct fb_isa *isa, const float *x, int64_t n,
                                  double *most) {
    double sum = 0.0, largest;
    float e[CHUNK];

    *most = -INFINITY;
    for (int64_t from = 0; from < n; from += CHUNK) {
        float part = chunk(isa, e, x + from, fb_least(CHUNK, n - from), &largest);
        if (largest > *most) {
            sum *= exp(*most - largest);
            *most = largest;
        }
        if (part != 0.0f) sum += (double)part * exp(largest - *most);
    }
    return sum;
}

static double row_loss(float *dx, const float *x, int32_t label, int64_t n, float scale) {
    const struct fb_isa *isa = fb_cpu_isa();
    double most, largest, sum = sum_of_exponentials(isa, x, n, &most);
    double loss = log(sum) + (most - (double)x[label]);
    float e[CHUNK];

    for (int64_t from = 0; dx && from < n; from += CHUNK) {
        int64_t count = fb_least(CHUNK, n - from);
        double factor;
        chunk(isa, e, x + from, count, &largest);
        factor = (double)scale * exp(largest - most) / sum;
        for (int64_t i = 0; i < count; i++)
            dx[from + i] = e[i] * (float)factor;
        if (label >= from && label < from + count)
            dx[label] = (float)((double)e[label - from] * factor - (double)scale);
    }
    return loss;
}

double fb_softmax_cross_entropy(float *dlogits, const float *logits, const int32_t *label,
                                int64_t rows, int64_t n, float scale) {
    double total = 0.0;

    for (int64_t from = 0; from < rows; from += BLOCK) {
        double loss[BLOCK];
        int64_t count = fb_least(BLOCK, rows - from);
#pragma omp parallel for schedule(static) if (count * n > 16384)
        for (int64_t i = 0; i < count; i++) {
            int64_t at = (from + i) * n;
            float *dx = dlogits ? dlogits + at : NULL;
            loss[i] = 0.0;
            if (label[from + i] >= 0)
                loss[i] = row_loss(dx, logits + at, label[from + i], n, scale);
            else if (dx) memset(dx, 0, (size_t)n * sizeof *dx);
        }
        for (int64_t i = 0; i < count; i++)
            total += loss[i];
    }
    return total;
}
