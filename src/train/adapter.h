/* adapter.h - LoRA: which layers of a model get an update of low rank, and PEFT's description of
 * them. */
#ifndef FB_TRAIN_ADAPTER_H
#define FB_TRAIN_ADAPTER_H

#include "config/opts.h"
#include "train/learner.h"

struct fb_adapter_options {
    int64_t r;
    double alpha, dropout;
    struct fb_texts target_modules; /* empty: PEFT's own choice (GPT-2: c_attn; T5: q and v) */
    const char *base_model;         /* as the user named it: base_model_name_or_path */
};

/* adapter_config.json as PEFT 0.13.2 writes it; from the arena. NULL after a failure. */
struct fb_node *fb_adapter_config(const struct fb_learner *l, const struct fb_adapter_options *o,
                                  struct fb_arena *arena, struct fb_err *err);
/* Puts updates beside the layers that `config` (adapter_config.json) targets: l->factors with
 * random first and zero second factors. Comes after the model was made and before fb_learner_begin.
 * FB_ENOTFOUND when it targets no layer. */
int fb_adapter_attach(struct fb_learner *l, const struct fb_node *config, uint64_t seed,
                      struct fb_err *err) FB_MUST_CHECK;

#endif
