#include "metric/accuracy.h"

#include <math.h>

int fb_argmax(const float *values, int n) {
    int best = 0;

    for (int i = 0; i < n; i++) {
        if (isnan(values[i])) return i;
        if (values[i] > values[best]) best = i;
    }
    return best;
}

double fb_accuracy(int64_t correct, int64_t total) {
    return total ? (double)((float)correct / (float)total) : (double)NAN;
}

double fb_cross_entropy(const float *logits, int n, int label) {
    double top = (double)logits[0], sum = 0;

    for (int i = 1; i < n; i++)
        if ((double)logits[i] > top) top = (double)logits[i];
    for (int i = 0; i < n; i++)
        sum += exp((double)logits[i] - top);
    return log(sum) + top - (double)logits[label];
}

static void close_batch(struct fb_batch_mean *m) {
    m->sum += (float)(m->open / (double)m->filled);
    m->count++;
    m->open = 0;
    m->filled = 0;
}

void fb_batch_mean_add(struct fb_batch_mean *m, double value) {
    m->open += value;
    if (++m->filled == m->batch) close_batch(m);
}

double fb_batch_mean_result(struct fb_batch_mean *m) {
    if (m->filled) close_batch(m);
    return m->count ? (double)(m->sum / (float)m->count) : (double)NAN;
}
