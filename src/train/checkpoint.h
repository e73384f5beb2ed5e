/* checkpoint.h - a learner on disk: a folder that transformers, PEFT and this program open, and
 * what training needs to go on from it.
 *
 *     config.json                               the model, with the names of its classes
 *     model.safetensors                         a whole model, or
 *     adapter_config.json, adapter_model.safetensors
 *     tokenizer files, generation_config.json   copied from the base
 *     trainer_state.json                        steps, scores, the recipe
 *     optimizer.safetensors                     "exp_avg.<parameter>", "exp_avg_sq.<parameter>"
 *
 * A folder appears whole or not at all. Everything is f32, so that training that goes on is
 * training that was never interrupted. */
#ifndef FB_TRAIN_CHECKPOINT_H
#define FB_TRAIN_CHECKPOINT_H

#include "train/learner.h"

/* What goes into every checkpoint of a training. Borrowed. */
struct fb_checkpoint {
    const struct fb_node *config;  /* config.json of the model: fb_checkpoint_config */
    const struct fb_node *adapter; /* adapter_config.json, or NULL for whole models */
    const char *tokenizer;         /* folder of the tokenizer's files, or NULL */
    const char *generation;        /* folder of generation_config.json, or NULL */
};

/* config.json as the learner's objective makes it: architecture, classes, padding token; a copy
 * from the arena. `pad` is only for FB_CLASSIFICATION. NULL after a failure. */
struct fb_node *fb_checkpoint_config(const struct fb_node *config, const struct fb_learner *l,
                                     const struct fb_classes *classes, int32_t pad,
                                     struct fb_arena *arena, struct fb_err *err);

/* Writes the folder, which takes the place of an older one. `resumable`: with
 * optimizer.safetensors. */
int fb_checkpoint_write(const struct fb_checkpoint *c, const struct fb_learner *l,
                        const char *folder, const struct fb_node *state, bool resumable,
                        struct fb_err *err) FB_MUST_CHECK;
/* trainer_state.json of a folder, from the arena. FB_ENOTFOUND when it is no checkpoint. */
int fb_checkpoint_state(struct fb_node **state, const char *folder, struct fb_arena *arena,
                        struct fb_err *err) FB_MUST_CHECK;
/* Parameters and averages of the folder into the learner (after fb_learner_begin), whose step is
 * `step` then. FB_EMISMATCH and FB_ENOTFOUND name the tensor. */
int fb_checkpoint_read(struct fb_learner *l, const char *folder, int64_t step,
                       struct fb_err *err) FB_MUST_CHECK;

#endif
