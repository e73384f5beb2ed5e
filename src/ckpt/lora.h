/* lora.h - a LoRA adapter in PEFT's format: which tensors of a base it changes, and by how much.
 *
 *     W' = W + s B A      s = lora_alpha / r, or lora_alpha / sqrt(r) with use_rslora
 *
 * (Hu et al. 2021, arXiv:2106.09685; rules of PEFT 0.13.2, arithmetic of its merge_and_unload on a
 * CPU: the product as a chain of fused multiply-adds over r, then the scale, then the sum.) The
 * product is computed for the block that is asked for, so that an adapter on a base streams like a
 * whole model. */
#ifndef FB_CKPT_LORA_H
#define FB_CKPT_LORA_H

#include "base/log.h"
#include "ckpt/ckpt.h"

#include <stdbool.h>

struct fb_lora; /* opaque, owned: fb_lora_close */

/* Whether a folder holds an adapter (adapter_config.json). */
bool fb_lora_is_folder(const char *path);
/* Whether a path is a folder with an adapter and without the weights of a whole model. */
bool fb_lora_is_adapter(const char *path);
/* Opens the adapter of a folder: adapter_config.json and adapter_model.safetensors, else
 * adapter_model.bin. FB_EUNSUPPORTED names an option that is understood and refused. */
int fb_lora_open(struct fb_lora **out, const char *folder, struct fb_err *err) FB_MUST_CHECK;
void fb_lora_close(struct fb_lora *lora);
/* The tensors of the adapter, under their names in the file. Borrowed. */
const struct fb_ckpt *fb_lora_ckpt(const struct fb_lora *lora);
/* The base and its revision as adapter_config.json names them, and the task ("SEQ_CLS"); NULL: not
 * said. Borrowed. */
const char *fb_lora_base_name(const struct fb_lora *lora);
const char *fb_lora_base_revision(const struct fb_lora *lora);
const char *fb_lora_task(const struct fb_lora *lora);
/* The module that a tensor of an adapter's file changes
 * ("encoder.block.0.layer.0.SelfAttention.q"), and its length; NULL for a tensor that stands for
 * itself. Borrowed. */
const char *fb_lora_module(const struct fb_entry *entry, size_t *length);
/* A tensor that the adapter carries whole ("score.weight", of modules_to_save), or NULL. */
const struct fb_entry *fb_lora_whole(const struct fb_lora *lora, const char *name);

/* The tensors of the base, and what the architecture calls them. All borrowed until the close. */
struct fb_lora_base {
    const char *const *name; /* [count] state-dict keys */
    const struct fb_entry *const *entry;
    int64_t count;
    /* A tensor name as in a checkpoint -> state-dict key; NULL: not part of the state dict. */
    const char *(*canonical)(const char *name);
    /* Whether a key's matrix is stored [in, out] (GPT-2's Conv1D) instead of [out, in]. */
    bool (*conv1d)(const char *key); /* NULL: never */
};

/* Fits the adapter to a base; must succeed before blocks are asked for. FB_EMISMATCH names the
 * module that the base lacks, or the shapes that do not fit; FB_EFORMAT what is missing or empty.
 * Values that are no numbers are reported to `log` (may be NULL), not refused, as in PEFT. */
int fb_lora_bind(struct fb_lora *lora, const struct fb_lora_base *base, const struct fb_log *log,
                 struct fb_err *err) FB_MUST_CHECK;
/* Tensors of modules that are saved whole and that the base lacks, such as a classifier's head:
 * their number, and the i-th with the name that it has in the model. Known once bound; borrowed. */
int64_t fb_lora_heads(const struct fb_lora *lora);
const struct fb_entry *fb_lora_head(const struct fb_lora *lora, int64_t i, const char **name);
/* Whether key `key` (index into what was bound) differs from the base's. */
bool fb_lora_touches(const struct fb_lora *lora, int64_t key);
/* Elements [begin, begin + count) of a key that is touched: the merged values, given those of the
 * base, which may be in the same place. */
void fb_lora_apply(const struct fb_lora *lora, int64_t key, int64_t begin, int64_t count,
                   const float *base, float *values);

#endif
