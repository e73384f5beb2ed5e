#include "train/init.h"

#include "base/rng.h"
#include "base/str.h"

#include <math.h>
#include <string.h>

/* The seed of one tensor: FNV-1a of its name, mixed into the seed. */
static uint64_t seed_of(uint64_t seed, const char *name) {
    uint64_t hash = 14695981039346656037u;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    return fb_rng_bits(seed, hash);
}

/* In (0, 1]. */
static double unit(uint64_t seed, uint64_t counter) {
    return ((double)(fb_rng_bits(seed, counter) >> 11) + 1.0) * 0x1p-53;
}

void fb_init_normal(float *out, int64_t count, double deviation, uint64_t seed, const char *name) {
    const double two_pi = 6.283185307179586;

    seed = seed_of(seed, name);
    for (int64_t i = 0; i < count; i += 2) {
        double length = deviation * sqrt(-2.0 * log(unit(seed, (uint64_t)i)));
        double angle = two_pi * unit(seed, (uint64_t)i + 1);
        out[i] = (float)(length * cos(angle));
        if (i + 1 < count) out[i + 1] = (float)(length * sin(angle));
    }
}

void fb_init_uniform(float *out, int64_t count, double bound, uint64_t seed, const char *name) {
    seed = seed_of(seed, name);
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)(bound * (1.0 - 2.0 * unit(seed, (uint64_t)i)));
}

static void fill(struct fb_weight *w, float value) {
    for (int64_t i = 0; i < w->numel; i++)
        w->owned[i] = value;
}

void fb_init_gpt2(struct fb_weight *w, const struct fb_gpt2_config *config, double range,
                  uint64_t seed) {
    if (w->ndim == 1) {
        fill(w, fb_ends_with(w->name, ".weight") ? 1.0f : 0.0f);
        return;
    }
    if (fb_ends_with(w->name, "c_proj.weight")) range /= sqrt(2.0 * (double)config->n_layer);
    fb_init_normal(w->owned, w->numel, range, seed, w->name);
}

/* The width whose root divides; 1 for embeddings and an untied head. */
static double width_of(const char *name, const struct fb_t5_config *c) {
    double d_model = (double)c->d_model;

    if (fb_ends_with(name, ".q.weight")) return d_model * (double)c->d_kv;
    if (fb_ends_with(name, ".o.weight")) return (double)c->num_heads * (double)c->d_kv;
    if (fb_ends_with(name, ".wo.weight")) return (double)c->d_ff;
    return strstr(name, ".block.") ? d_model : 1.0;
}

void fb_init_t5(struct fb_weight *w, const struct fb_t5_config *config, double factor,
                uint64_t seed) {
    if (w->ndim == 1) fill(w, (float)factor);
    else
        fb_init_normal(w->owned, w->numel, factor / sqrt(width_of(w->name, config)), seed, w->name);
}

void fb_init_lora(float *out, int64_t r, int64_t in, uint64_t seed, const char *name) {
    fb_init_uniform(out, r * in, 1.0 / sqrt((double)in), seed, name);
}
