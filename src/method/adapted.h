/* adapted.h - the merged model that AdaMerging computes with: GPT-2 with the head of each expert,
 * or T5 with the logits of its first token, and the gradients of an entropy by all parameters. */
#ifndef FB_METHOD_ADAPTED_H
#define FB_METHOD_ADAPTED_H

#include "method/method.h"
#include "model/gpt2.h"
#include "model/t5.h"
#include "nn/tape.h"

enum fb_adapted_kind { FB_ADAPT_GPT2, FB_ADAPT_T5 };

/* Owned: fb_adapted_close; a zeroed struct is closed. */
struct fb_adapted {
    enum fb_adapted_kind kind;
    const struct fb_weights *weights; /* the merged tensors; borrowed */
    struct fb_gpt2 *gpt2;
    struct fb_linear *head; /* [heads]: of each expert */
    int32_t *pad;           /* [heads]: padding id of each expert's configuration, or -1 */
    int heads;
    struct fb_t5 *t5;
    struct fb_grads grads; /* of all tensors, under their names in `weights` */
    struct fb_tape tape;
    struct fb_graph graph;
    struct fb_arena step; /* of a pass */
};

/* Builds the model of the base's configuration from merged tensors, which must stay where they are.
 */
int fb_adapted_open(struct fb_adapted *out, enum fb_adapted_kind kind, struct fb_pool *pool,
                    const struct fb_weights *weights, struct fb_err *err) FB_MUST_CHECK;
void fb_adapted_close(struct fb_adapted *a);
/* The tensors have changed. */
int fb_adapted_refresh(struct fb_adapted *a, struct fb_err *err) FB_MUST_CHECK;
/* The entropy of the model's mean logits on a batch of the i-th expert's task; its gradients are
 * added to a->grads. In eval mode: no dropout. */
int fb_adapted_entropy(struct fb_adapted *a, int expert, const struct fb_sequences *batch,
                       double *entropy, struct fb_err *err) FB_MUST_CHECK;

#endif
