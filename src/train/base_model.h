/* base_model.h - what a training begins with: a model's folder, or a configuration alone. */
#ifndef FB_TRAIN_BASE_MODEL_H
#define FB_TRAIN_BASE_MODEL_H

#include "base/log.h"
#include "train/learner.h"

/* Owned: fb_base_model_close. A zeroed struct is closed. */
struct fb_base_model {
    const char *name;             /* folder or hub name as given; NULL for a configuration */
    char *folder;                 /* owned: where it is; NULL for a configuration */
    const struct fb_node *config; /* config.json, from the arena */
};

/* Finds a model by folder or hub name, or reads a configuration file (one of both is NULL). Reads
 * no weights. FB_ENOTFOUND, FB_EFORMAT. */
int fb_base_model_open(struct fb_base_model *out, const char *model, const char *config,
                       struct fb_arena *arena, struct fb_err *err) FB_MUST_CHECK;
void fb_base_model_close(struct fb_base_model *b);
/* Whether its architecture is `model_type`. */
bool fb_base_model_is(const struct fb_base_model *b, const char *model_type);

/* Fills a configured learner's weights with the model's as f32 of its own; a classification head of
 * the model is taken along. Nothing happens for a configuration. */
int fb_base_model_load(const struct fb_base_model *b, struct fb_learner *l,
                       const struct fb_log *log, struct fb_err *err) FB_MUST_CHECK;

#endif
