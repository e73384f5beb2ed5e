/* accuracy.h - what a classification evaluation counts: right answers and cross-entropy.
 *
 * The reference keeps both in torchmetrics objects whose state is f32, and reports the f32 result
 * widened to a double (322 of 1043 is 0.3087248206138611); so do these. */
#ifndef FB_METRIC_ACCURACY_H
#define FB_METRIC_ACCURACY_H

#include <stdint.h>

/* Index of the largest of n >= 1 values; the lowest index of equals, as torch.argmax. NaN counts as
 * largest, as in torch. */
int fb_argmax(const float *values, int n);

/* correct / total divided in f32; NaN when total is 0. */
double fb_accuracy(int64_t correct, int64_t total);

/* Cross-entropy -log softmax(logits)[label] of one example, in double. label in [0, n). */
double fb_cross_entropy(const float *logits, int n, int label);

/* Mean over batches of the mean over a batch: the unweighted mean that the reference reports, in
 * which a short last batch weighs as much as a full one. */
struct fb_batch_mean {
    float sum;     /* of batch means */
    int64_t count; /* batches */
    double open;   /* sum of the batch that is being filled */
    int64_t filled;
    int64_t batch; /* examples of a full batch */
};

void fb_batch_mean_add(struct fb_batch_mean *m, double value);
/* Closes a partial batch; NaN when nothing was added. */
double fb_batch_mean_result(struct fb_batch_mean *m);

#endif
