/* task_arithmetic.c - out = base + scaling_factor * sum_i (expert_i - base)
 *
 * Ilharco et al., arXiv:2212.04089. The sum is taken in expert order and in f32, which is what the
 * reference does; reordering it changes the last bit. */
#include "method/each.h"

enum { CHUNK = 1024 }; /* the running sum stays in the first-level cache */

struct opts {
    double scaling_factor;
};

static const struct fb_opt opts[] = {
    FB_OPT_REAL(struct opts, scaling_factor, "0.3", -1000, 1000,
                "weight of the summed task vectors"),
    FB_OPT_END,
};

static void subtract(float *out, const float *expert, const float *base, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        out[i] = expert[i] - base[i];
}

static void add_difference(float *out, const float *expert, const float *base, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        out[i] += expert[i] - base[i];
}

static void apply(float *out, const float *base, float scale, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        out[i] = base[i] + scale * out[i];
}

FB_CLONES static void merge_block(const void *state, const struct fb_block *in, float *out) {
    float scale = *(const float *)state;

    for (int64_t at = 0; at < in->count; at += CHUNK) {
        int64_t n = in->count - at < CHUNK ? in->count - at : CHUNK;
        subtract(out + at, in->expert[0] + at, in->base + at, n);
        for (int e = 1; e < in->experts; e++)
            add_difference(out + at, in->expert[e] + at, in->base + at, n);
        apply(out + at, in->base + at, scale, n);
    }
}

static int run(const void *options, struct fb_merge *merge, struct fb_err *err) {
    float scale = (float)((const struct opts *)options)->scaling_factor;

    if (fb_each_align(merge, true, err)) return err->code;
    merge->model = fb_pool_base(merge->pool, err);
    return fb_merge_each(merge, true, merge_block, &scale, err);
}

static const char *const aliases[] = {"TaskArithmeticAlgorithm", NULL};

const struct fb_method fb_method_task_arithmetic = {
    .name = "task_arithmetic",
    .aliases = aliases,
    .summary = "Add the scaled sum of the task vectors to the base model.",
    .formula = "out = base + scaling_factor * sum_i (expert_i - base)",
    .cite = "arXiv:2212.04089",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .run = run,
};
