/* lora_config.h - adapter_config.json: which modules an adapter is for, with which rank and scale.
 * */
#ifndef FB_CKPT_LORA_CONFIG_H
#define FB_CKPT_LORA_CONFIG_H

#include "config/node.h"

struct fb_lora_config {
    int64_t r;
    double alpha;
    bool rslora;
    const struct fb_node *rank_pattern, *alpha_pattern; /* mappings or NULL */
    const struct fb_node *targets;                      /* a list of names, or a pattern */
    const struct fb_node *excluded;                     /* likewise, or NULL */
    const struct fb_node *layers, *layers_pattern;      /* NULL: any */
    const struct fb_node *modules_to_save;              /* list or NULL */
    const char *base, *revision, *task;                 /* NULL: not said */
    /* task_type SEQ_CLS or TOKEN_CLS: "classifier" and "score" are saved whole */
    bool classifier;
};

/* Everything is borrowed from `json`. FB_EFORMAT names the key and its value, FB_EUNSUPPORTED the
 * option that is understood and refused. */
int fb_lora_config_read(struct fb_lora_config *out, const struct fb_node *json,
                        struct fb_err *err) FB_MUST_CHECK;

/* Whether a module ("encoder.block.0.layer.0.SelfAttention.q") is one of the targets. */
int fb_lora_config_targets(const struct fb_lora_config *c, const char *module, bool *yes,
                           struct fb_err *err) FB_MUST_CHECK;
/* Whether a module is saved whole, or is inside one that is. */
bool fb_lora_config_saves(const struct fb_lora_config *c, const char *module);
/* Rank and scale of a target. */
int fb_lora_config_scale(const struct fb_lora_config *c, const char *module, int64_t *r,
                         double *scale, struct fb_err *err) FB_MUST_CHECK;
/* Whether later versions of PEFT give a target another rank or scale: they look both patterns
 * through one by one, and keys may begin with "^". */
int fb_lora_config_disagrees(const struct fb_lora_config *c, const char *module, bool *yes,
                             struct fb_err *err) FB_MUST_CHECK;

#endif
