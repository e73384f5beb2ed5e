/* adaptation.h - learning the merging weights of AdaMerging, step by step. */
#ifndef FB_METHOD_ADAPTATION_H
#define FB_METHOD_ADAPTATION_H

#include "method/adapted.h"
#include "method/merging_weights.h"
#include "method/trainset.h"

struct fb_adaptation {
    enum fb_adapted_kind kind;
    struct fb_trainset_request data; /* of each expert's examples */
    int64_t steps, batch_size;
    bool mgda;                                        /* the tasks' shortest combination */
    double rate, beta1, beta2, epsilon, weight_decay; /* of Adam */
    bool decoupled;                                   /* AdamW's weight decay */
    double *loss; /* [steps]: gets the loss of each step; or NULL */
};

/* Learns `weights` from where they stand, for an aligned pool. Memory: the merged model, its
 * gradients and its weights twice more for the products, beside one batch; experts are read from
 * their files in every step. FB_EMISMATCH when the loss is no longer finite. */
int fb_adapt(struct fb_merging_weights *weights, const struct fb_adaptation *how,
             const struct fb_merge *merge, struct fb_err *err) FB_MUST_CHECK;

#endif
