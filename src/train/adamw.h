/* adamw.h - the parameters that are learnt, and the optimizer that moves them: AdamW with
 * decoupled weight decay, the bits of torch 2.5.1's on a CPU given the same gradients. */
#ifndef FB_TRAIN_ADAMW_H
#define FB_TRAIN_ADAMW_H

#include "base/names.h"

#include <stdbool.h>
#include <stdint.h>

struct fb_adamw {
    double beta1, beta2, epsilon, weight_decay;
    double max_grad_norm; /* of all gradients together; 0: no clipping */
};

struct fb_param {
    const char *name;            /* borrowed from `names` */
    float *value;                /* [count], borrowed */
    int64_t count;               /* elements */
    bool decays;                 /* neither a bias nor the weight of a norm */
    float *exp_avg, *exp_avg_sq; /* [count], owned, zero before the first step */
};

/* Owned: fb_params_free; a zeroed struct is empty. */
struct fb_params {
    struct fb_names names;
    struct fb_param *item; /* [names.count] */
    int64_t capacity;
    int64_t values; /* elements of all */
    int64_t step;   /* steps taken */
};

/* FB_EMISMATCH for a name that is there already. */
int fb_params_add(struct fb_params *p, const char *name, float *value, int64_t count,
                  struct fb_err *err) FB_MUST_CHECK;
void fb_params_free(struct fb_params *p);

/* Whether a parameter decays, decided by its name as transformers' Trainer does: not if "bias" is
 * in it (relative_attention_bias too), nor if it belongs to a normalisation layer. */
bool fb_param_decays(const char *name);

/* One step. gradient[i] [item[i].count] or NULL: the parameter took no part and stays as it is.
 * `*norm` is the 2-norm of all gradients before clipping (torch.nn.utils.clip_grad_norm_).
 * FB_EMISMATCH when it is not finite; nothing has changed then. */
int fb_adamw_step(struct fb_params *p, const struct fb_adamw *o, const float *const *gradient,
                  double rate, double *norm, struct fb_err *err) FB_MUST_CHECK;

#endif
