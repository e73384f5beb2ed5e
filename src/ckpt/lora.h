/* lora.h - a LoRA adapter in PEFT's format: which matrices of a base it changes, and by how much.
 *
 *     W' = W + s B A      s = lora_alpha / r, or lora_alpha / sqrt(r) with use_rslora
 *
 * (Hu et al. 2021, arXiv:2106.09685; rules of PEFT 0.13.2.) The product is computed for the block
 * that is asked for, so that an adapter on a base streams like a whole model. */
#ifndef FB_CKPT_LORA_H
#define FB_CKPT_LORA_H

#include "ckpt/ckpt.h"

#include <stdbool.h>

struct fb_lora; /* opaque, owned: fb_lora_close */

/* Whether a folder holds an adapter (adapter_config.json). */
bool fb_lora_is_folder(const char *path);
/* Opens the adapter of a folder: adapter_config.json and adapter_model.safetensors, else
 * adapter_model.bin. FB_EUNSUPPORTED names an option that is understood and refused. */
int fb_lora_open(struct fb_lora **out, const char *folder, struct fb_err *err) FB_MUST_CHECK;
void fb_lora_close(struct fb_lora *lora);

/* Fits the adapter to a base whose state-dict keys are `names` [count], with shapes; must succeed
 * before blocks are asked for. `conv1d` says for a module whether its weight is stored [in, out]
 * (GPT-2's Conv1D) instead of [out, in]. Errors name the target that the base lacks, the shape that
 * does not fit, the target_modules that match nothing. Names are borrowed until the close. */
int fb_lora_bind(struct fb_lora *lora, const struct fb_entry *const *base, const char *const *names,
                 int64_t count, bool (*conv1d)(const char *module),
                 struct fb_err *err) FB_MUST_CHECK;

/* Whether key `key` (index into what was bound) differs from the base's. */
bool fb_lora_touches(const struct fb_lora *lora, int64_t key);
/* values[i] of elements [begin, begin + count) of the key, in place: the base's values become the
 * merged ones (also for modules_to_save and biases, which are replaced or added). */
int fb_lora_apply(const struct fb_lora *lora, int64_t key, int64_t begin, int64_t count,
                  float *values, struct fb_err *err) FB_MUST_CHECK;

#endif
