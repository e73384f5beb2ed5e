/* spearman.c - Pearson's correlation of average ranks, and a percentile bootstrap of it.
 *
 * Ranks are kept doubled (2 * average rank - (n + 1)), which makes them integers with mean 0: the
 * three sums of products are exact up to about 10^5 values, and the last steps are those of
 * numpy.corrcoef (covariance times 1 / (n - 1), then division by the deviation of y, then of x), so
 * the result is that of scipy.stats.spearmanr to the last bit.
 *
 * A resample is a count of how often each pair was drawn. Both columns are sorted once; the ranks
 * of a resample come from one walk along each order. */
#include "metric/spearman.h"

#include "base/alloc.h"
#include "base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

struct place {
    double value;
    int64_t index;
};

static int by_value(const void *a, const void *b) {
    double x = ((const struct place *)a)->value, y = ((const struct place *)b)->value;

    return (x > y) - (x < y);
}

static int by_real(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Owned: free. */
static struct place *sorted(const double *values, int64_t n, struct fb_err *err) {
    struct place *order = fb_calloc((size_t)n, sizeof *order, err);

    if (!order) return NULL;
    for (int64_t i = 0; i < n; i++)
        order[i] = (struct place){values[i], i};
    qsort(order, (size_t)n, sizeof *order, by_value);
    return order;
}

/* Doubled centred ranks of the sample in which pair i stands times[i] times, `total` in all. A pair
 * that was not drawn gets the rank it would share; nothing reads it. */
static void rank(double *ranks, const struct place *order, const int32_t *times, int64_t n,
                 int64_t total) {
    int64_t before = 0;

    for (int64_t i = 0, end; i < n; i = end) {
        int64_t equal = 0;
        for (end = i; end < n && order[end].value == order[i].value; end++)
            equal += times[order[end].index];
        /* average rank: before + (equal + 1) / 2 */
        for (int64_t k = i; k < end; k++)
            ranks[order[k].index] = (double)(2 * before + equal - total);
        before += equal;
    }
}

static double clip(double v) {
    return v > 1 ? 1 : v < -1 ? -1 : v;
}

static double correlate(const double *x, const double *y, const int32_t *times, int64_t n,
                        int64_t total) {
    double xx = 0, yy = 0, xy = 0, factor = 1.0 / (double)(total - 1);

    for (int64_t i = 0; i < n; i++) {
        xx += times[i] * (x[i] * x[i]);
        yy += times[i] * (y[i] * y[i]);
        xy += times[i] * (x[i] * y[i]);
    }
    if (xx == 0 || yy == 0) return NAN;
    /* a quarter, exactly: the ranks were doubled */
    return clip(xy / 4 * factor / sqrt(yy / 4 * factor) / sqrt(xx / 4 * factor));
}

/* The pairs with what every sample needs; owned: close. */
struct pairs {
    int64_t n;
    struct place *x, *y;     /* sorted */
    double *rank_x, *rank_y; /* [n] */
    int32_t *times;          /* [n] */
};

static void pairs_close(struct pairs *p) {
    free(p->x);
    free(p->y);
    free(p->rank_x);
    free(p->rank_y);
    free(p->times);
}

static int pairs_open(struct pairs *p, const double *x, const double *y, int64_t n,
                      struct fb_err *err) {
    *p = (struct pairs){.n = n};
    p->x = sorted(x, n, err);
    p->y = p->x ? sorted(y, n, err) : NULL;
    p->rank_x = p->y ? fb_calloc((size_t)n, sizeof *p->rank_x, err) : NULL;
    p->rank_y = p->rank_x ? fb_calloc((size_t)n, sizeof *p->rank_y, err) : NULL;
    p->times = p->rank_y ? fb_calloc((size_t)n, sizeof *p->times, err) : NULL;
    if (p->times) return FB_OK;
    pairs_close(p);
    return err->code;
}

static double pairs_rho(struct pairs *p) {
    rank(p->rank_x, p->x, p->times, p->n, p->n);
    rank(p->rank_y, p->y, p->times, p->n, p->n);
    return correlate(p->rank_x, p->rank_y, p->times, p->n, p->n);
}

static bool has_rho(const double *x, const double *y, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (isnan(x[i]) || isnan(y[i])) return false;
    return n >= 2;
}

int fb_spearman(double *rho, const double *x, const double *y, int64_t n, struct fb_err *err) {
    struct pairs pairs;

    *rho = NAN;
    if (!has_rho(x, y, n)) return FB_OK;
    if (pairs_open(&pairs, x, y, n, err)) return err->code;
    for (int64_t i = 0; i < n; i++)
        pairs.times[i] = 1;
    *rho = pairs_rho(&pairs);
    pairs_close(&pairs);
    return FB_OK;
}

/* Linear between the two nearest of `n` sorted values, as numpy.percentile. */
static double quantile(const double *sorted_values, int64_t n, double q) {
    double at = q * (double)(n - 1), low = floor(at);
    int64_t i = (int64_t)low;

    if (i >= n - 1) return sorted_values[n - 1];
    return sorted_values[i] + (at - low) * (sorted_values[i + 1] - sorted_values[i]);
}

static void draw(struct pairs *p, uint64_t seed, uint64_t sample) {
    uint64_t n = (uint64_t)p->n;

    for (int64_t i = 0; i < p->n; i++)
        p->times[i] = 0;
    for (uint64_t i = 0; i < n; i++)
        p->times[fb_rng_below(seed, sample * n + i, n)]++;
}

int fb_spearman_interval(struct fb_interval *out, const double *x, const double *y, int64_t n,
                         int resamples, uint64_t seed, struct fb_err *err) {
    struct pairs pairs;
    double *found;
    int64_t count = 0;

    *out = (struct fb_interval){NAN, NAN};
    if (!has_rho(x, y, n) || resamples < 1) return FB_OK;
    if (pairs_open(&pairs, x, y, n, err)) return err->code;
    found = fb_calloc((size_t)resamples, sizeof *found, err);
    for (int s = 0; found && s < resamples; s++) {
        draw(&pairs, seed, (uint64_t)s);
        found[count] = pairs_rho(&pairs);
        count += !isnan(found[count]);
    }
    if (count) {
        qsort(found, (size_t)count, sizeof *found, by_real);
        *out = (struct fb_interval){quantile(found, count, 0.025), quantile(found, count, 0.975)};
    }
    free(found);
    pairs_close(&pairs);
    return found ? FB_OK : err->code;
}
