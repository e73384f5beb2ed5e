/* tape.h - gradients: what the operations of a forward pass leave behind, walked back.
 *
 * A graph that has a tape keeps all of its values, and every operation adds a node: its inputs, its
 * result and the function that turns the result's derivative into those of the inputs and of the
 * parameters. fb_backward walks the nodes from the last to the first. Without a tape an operation
 * costs what it did before.
 *
 *     struct fb_tape tape = {.grads = &grads};
 *     struct fb_graph g = {.tape = &tape};
 *     fb_grads_zero(&grads);
 *     hidden = fb_gpt2_forward(model, batch, &g, err);
 *     fb_backward(&g, hidden, dhidden, err);        now grads holds the sums */
#ifndef FB_NN_TAPE_H
#define FB_NN_TAPE_H

#include "nn/grads.h"
#include "nn/spare.h"
#include "nn/tensor.h"
#include "nn/turned.h"

/* Owned: fb_tape_free. Zeroed but for `grads` it is ready for use. */
struct fb_tape {
    struct fb_grads *grads; /* borrowed */
    struct fb_op *op;       /* what was recorded, in order */
    int64_t count, capacity;
    struct fb_turned turned; /* weights for the way back, kept from step to step */
    struct fb_spare spare;   /* memory of derivatives */
    size_t peak;             /* most bytes that values and their derivatives took at once */
};

/* Derivatives of a number by the parameters, given those by `result` [rows, cols], and added to
 * tape->grads. What was recorded is used up; after a failure the sums are undefined.
 * FB_EUNSUPPORTED: see fb_grads_settle. */
int fb_backward(struct fb_graph *g, const struct fb_tensor *result, const float *dresult,
                struct fb_err *err) FB_MUST_CHECK;
/* The weights have changed: matrices that were turned round are made again when needed. */
void fb_tape_forget_weights(struct fb_tape *tape);
/* Forgets what was recorded: fb_graph_reset does. */
void fb_tape_rewind(struct fb_tape *tape);
void fb_tape_free(struct fb_tape *tape);

#endif
