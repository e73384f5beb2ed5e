/* relative.h - T5's relative position bias: a learnt value for each head and bucket of
 * distances. */
#ifndef FB_MODEL_RELATIVE_H
#define FB_MODEL_RELATIVE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Buckets of distances: half of them for single distances, the others on a logarithmic scale up to
 * max_distance, beyond which all share the last one. Bidirectional: half of the buckets for keys
 * behind the query, half for keys after it (T5Attention._relative_position_bucket in f32). */
struct fb_relative {
    int64_t buckets, max_distance;
    bool bidirectional;
};

/* Bucket of the distance key - query. */
int64_t fb_relative_bucket(const struct fb_relative *r, int64_t distance);
/* bucket[d + reach - 1] for |d| < reach */
void fb_relative_buckets(int64_t *bucket, const struct fb_relative *r, int64_t reach);
/* bias[h][d + reach - 1] = weight[bucket(d)][h] for |d| < reach
 *   weight [buckets, heads]   bias [heads][2 reach - 1] */
void fb_relative_bias(float *bias, const struct fb_relative *r, const float *weight, int64_t heads,
                      int64_t reach);

#endif
