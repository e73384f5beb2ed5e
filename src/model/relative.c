#include "model/relative.h"

#include <math.h>

int64_t fb_relative_bucket(const struct fb_relative *r, int64_t distance) {
    int64_t buckets = r->bidirectional ? r->buckets / 2 : r->buckets, exact = buckets / 2;
    int64_t first = r->bidirectional && distance > 0 ? buckets : 0, bucket;
    float scale;

    if (r->bidirectional) distance = distance < 0 ? -distance : distance;
    else distance = distance < 0 ? -distance : 0;
    if (distance < exact) return first + distance;
    scale = (float)log((double)r->max_distance / (double)exact);
    bucket =
        exact + (int64_t)(logf((float)distance / (float)exact) / scale * (float)(buckets - exact));
    return first + (bucket < buckets ? bucket : buckets - 1);
}

void fb_relative_buckets(int64_t *bucket, const struct fb_relative *r, int64_t reach) {
    for (int64_t d = 1 - reach; d < reach; d++)
        bucket[d + reach - 1] = fb_relative_bucket(r, d);
}

void fb_relative_bias(float *bias, const struct fb_relative *r, const float *weight, int64_t heads,
                      int64_t reach) {
    for (int64_t d = 1 - reach; d < reach; d++) {
        const float *row = weight + fb_relative_bucket(r, d) * heads;
        for (int64_t h = 0; h < heads; h++)
            bias[h * (2 * reach - 1) + d + reach - 1] = row[h];
    }
}
