/* merging_weights.h - one weight for each expert and tensor: theta = theta_0 + sum_i w_i tau_i.
 *
 * In files: a checkpoint with the one matrix "merging_weights" [experts, tensors], tensors in
 * state-dict order. Anything that fb_ckpt_open reads is read; safetensors is written. */
#ifndef FB_METHOD_MERGING_WEIGHTS_H
#define FB_METHOD_MERGING_WEIGHTS_H

#include "method/each.h"

/* Owned: fb_merging_weights_free. */
struct fb_merging_weights {
    int experts;
    int64_t tensors;
    float *value; /* [experts, tensors] */
    bool clamp;   /* to [0, 1] where they are used */
};

/* For the keys of an aligned pool, all of them `init`. */
int fb_merging_weights_create(struct fb_merging_weights *out, const struct fb_pool *pool,
                              double init, bool clamp, struct fb_err *err) FB_MUST_CHECK;
void fb_merging_weights_free(struct fb_merging_weights *w);
/* The weight of an expert's tensor as it is used. */
float fb_merging_weight(const struct fb_merging_weights *w, int expert, int64_t tensor);

/* For the loops of each.h: `state` is a struct fb_merging_weights, the base is asked for.
 *   out = base + w_1 (expert_1 - base) + w_2 (expert_2 - base) + ...,   in that order */
void fb_merging_weights_block(const void *state, const struct fb_block *in, float *out);

/* FB_EMISMATCH for a file with another matrix. */
int fb_merging_weights_load(struct fb_merging_weights *w, const char *path,
                            struct fb_err *err) FB_MUST_CHECK;
int fb_merging_weights_save(const struct fb_merging_weights *w, const char *path,
                            struct fb_err *err) FB_MUST_CHECK;
/* Refuses a path that cannot be written, and torch files. */
int fb_merging_weights_check(const char *path, struct fb_err *err) FB_MUST_CHECK;

/* Means over the tensors of each block and expert as a table on stderr. */
int fb_merging_weights_show(const struct fb_merging_weights *w, const struct fb_pool *pool,
                            const struct fb_log *log, struct fb_err *err) FB_MUST_CHECK;

#endif
