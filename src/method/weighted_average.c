/* weighted_average.c - out = w_1 * expert_1 + ... + w_n * expert_n
 *
 * With `normalize` the weights are divided by their sum first, in double precision and with the
 * sum taken the way NumPy does; each is then rounded to f32, and products and sums follow expert
 * order in f32. The base model takes no part. */
#include "method/each.h"
#include "method/expert_weights.h"

struct opts {
    bool normalize;
    struct fb_reals weights;
};

enum { CHUNK = 1024, UNROLLED = 8, PAIRWISE = 128 };

static const struct fb_opt opts[] = {
    FB_OPT_BOOL(struct opts, normalize, "true", "divide the weights by their sum"),
    FB_OPT_REALS(struct opts, weights, "[0.5, 0.5]", -1e6, 1e6, "one weight per expert"),
    FB_OPT_END,
};

/* numpy.sum of doubles: eight running sums up to 128 values, halves beyond. */
static double numpy_sum(const double *x, int64_t n) {
    double r[UNROLLED], sum = 0;
    int64_t i, half = n / 2;

    if (n > PAIRWISE) {
        half -= half % UNROLLED;
        return numpy_sum(x, half) + numpy_sum(x + half, n - half);
    }
    if (n >= UNROLLED) {
        for (i = 0; i < UNROLLED; i++)
            r[i] = x[i];
        for (; i + UNROLLED <= n; i += UNROLLED)
            for (int j = 0; j < UNROLLED; j++)
                r[j] += x[i + j];
        sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    } else {
        i = 0;
    }
    for (; i < n; i++)
        sum += x[i];
    return sum;
}

static int check(const void *options, const struct fb_merge *merge, struct fb_err *err) {
    const struct opts *o = options;
    double sum = numpy_sum(o->weights.item, o->weights.count);

    return fb_expert_weights_check(&o->weights, sum, o->normalize, fb_pool_experts(merge->pool),
                                   err);
}

static void scale(float *out, const float *x, float w, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        out[i] = w * x[i];
}

static void add_scaled(float *out, const float *x, float w, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        out[i] += w * x[i];
}

FB_CLONES static void merge_block(const void *state, const struct fb_block *in, float *out) {
    const float *w = state;

    for (int64_t at = 0; at < in->count; at += CHUNK) {
        int64_t n = in->count - at < CHUNK ? in->count - at : CHUNK;
        scale(out + at, in->expert[0] + at, w[0], n);
        for (int e = 1; e < in->experts; e++)
            add_scaled(out + at, in->expert[e] + at, w[e], n);
    }
}

static int run(const void *options, struct fb_merge *merge, struct fb_err *err) {
    const struct opts *o = options;
    double sum = numpy_sum(o->weights.item, o->weights.count);
    float *w = fb_arena_calloc(merge->arena, (size_t)o->weights.count, sizeof *w, err);

    if (!w || check(options, merge, err) || fb_each_align(merge, false, err)) return err->code;
    for (int64_t e = 0; e < o->weights.count; e++)
        w[e] = (float)(o->normalize ? o->weights.item[e] / sum : o->weights.item[e]);
    merge->model = fb_pool_expert(merge->pool, 0);
    return fb_merge_each(merge, false, merge_block, w, err);
}

static const char *const aliases[] = {"WeightedAverageAlgorithm", NULL};

const struct fb_method fb_method_weighted_average = {
    .name = "weighted_average",
    .aliases = aliases,
    .summary = "Average the experts with given weights.",
    .formula = "out = w_1 * expert_1 + ... + w_n * expert_n,   w_i = weights_i / sum(weights)",
    .cite = "arXiv:2203.05482",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .check = check,
    .run = run,
};
