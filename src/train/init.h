/* init.h - random values for new tensors, distributed as transformers 4.46 initialises them.
 *
 * A value is a function of (seed, tensor name, index): the n-th numbers of fb_rng_bits under a seed
 * made of both. It does not depend on other tensors, on order or on threads. Torch's own numbers
 * cannot be repeated, only their distribution. */
#ifndef FB_TRAIN_INIT_H
#define FB_TRAIN_INIT_H

#include "model/gpt2.h"
#include "model/t5.h"

/* Normal with mean 0 (Box and Muller in double, rounded to f32). */
void fb_init_normal(float *out, int64_t count, double deviation, uint64_t seed, const char *name);
/* Uniform in [-bound, bound). */
void fb_init_uniform(float *out, int64_t count, double bound, uint64_t seed, const char *name);

/* One tensor of a GPT-2 model, "score.weight" included, by the rules of GPT2PreTrainedModel:
 * normal with initializer_range `range`, divided by sqrt(2 n_layer) for c_proj; biases 0, weights
 * of norms 1. */
void fb_init_gpt2(struct fb_weight *w, const struct fb_gpt2_config *config, double range,
                  uint64_t seed);
/* One tensor of a T5 model, by the rules of T5PreTrainedModel: normal with initializer_factor
 * `factor` times the width that a layer reads to the power -1/2. */
void fb_init_t5(struct fb_weight *w, const struct fb_t5_config *config, double factor,
                uint64_t seed);
/* The first factor of a low-rank update, [r, in]: uniform with bound 1 / sqrt(in), as PEFT (the
 * second one is zero). */
void fb_init_lora(float *out, int64_t r, int64_t in, uint64_t seed, const char *name);

#endif
