/* simple_average.c - out = (expert_1 + expert_2 + ... + expert_n) / n
 *
 * Wortsman et al., arXiv:2203.05482 ("model soups", uniform). The sum is taken in expert order in
 * f32 and divided by n at the end, as the reference does; multiplying by 1/n or adding up in
 * another order changes the last bit. The base model takes no part. */
#include "method/each.h"

#include <string.h>

enum { CHUNK = 1024 }; /* the running sum stays in the first-level cache */

static void add(float *sum, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        sum[i] += x[i];
}

static void divide(float *x, float by, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        x[i] /= by;
}

FB_CLONES static void merge_block(const void *state, const struct fb_block *in, float *out) {
    (void)state;
    for (int64_t at = 0; at < in->count; at += CHUNK) {
        int64_t n = in->count - at < CHUNK ? in->count - at : CHUNK;
        memcpy(out + at, in->expert[0] + at, (size_t)n * sizeof *out);
        for (int e = 1; e < in->experts; e++)
            add(out + at, in->expert[e] + at, n);
        divide(out + at, (float)in->experts, n);
    }
}

static int run(const void *options, struct fb_merge *merge, struct fb_err *err) {
    (void)options;
    if (fb_each_align(merge, false, err)) return err->code;
    merge->model = fb_pool_expert(merge->pool, 0);
    return fb_merge_each(merge, false, merge_block, NULL, err);
}

static const struct fb_opt opts[] = {FB_OPT_END};
static const char *const aliases[] = {"SimpleAverageAlgorithm", NULL};

const struct fb_method fb_method_simple_average = {
    .name = "simple_average",
    .aliases = aliases,
    .summary = "Average the experts.",
    .formula = "out = (expert_1 + ... + expert_n) / n",
    .cite = "arXiv:2203.05482",
    .opts = opts,
    .run = run,
};
