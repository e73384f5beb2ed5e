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

#include "base/names.h"
#include "nn/tensor.h"

/* The gradient of one parameter, in the layout of the checkpoint. */
struct fb_grad {
    const char *name;   /* state-dict key; borrowed from `names` */
    int64_t rows, cols; /* a vector is one row */
    float *data;        /* [rows, cols], owned; right after fb_backward */
    bool is_table;      /* an embedding: rows that no token used stay zero */
    int64_t *used;      /* tables: the rows that may be other than zero, in order of first use */
    int64_t used_count;
    bool fresh; /* nothing was added since fb_grads_zero: data is not yet valid */
};

/* The parameters that gradients are wanted for; what is not here is frozen, and no work is done for
 * it. Owned: fb_grads_free; a zeroed struct is empty. */
struct fb_grads {
    struct fb_names names;
    struct fb_grad *item; /* [names.count] */
    int64_t capacity;
};

int fb_grads_add(struct fb_grads *grads, const char *name, int64_t rows, int64_t cols,
                 bool is_table, struct fb_err *err) FB_MUST_CHECK;
/* NULL: frozen. */
struct fb_grad *fb_grads_find(const struct fb_grads *grads, const char *name);
/* Begins a new sum; several passes add to the same sum. Cheap: tables forget their used rows only. */
void fb_grads_zero(struct fb_grads *grads);
void fb_grads_free(struct fb_grads *grads);

/* Owned: fb_tape_free. Zeroed but for `grads` it is ready for use. */
struct fb_tape {
    struct fb_grads *grads; /* borrowed */
    struct fb_node_list *nodes;
    /* Weight matrices turned round for the way back, kept from step to step. */
    struct fb_turned *turned;
    size_t peak; /* most bytes that values and their derivatives took at once */
};

/* Derivatives of a number by the parameters, given those by `result` [rows, cols], and added to
 * tape->grads. The nodes are used up. */
int fb_backward(struct fb_graph *g, const struct fb_tensor *result, const float *dresult,
                struct fb_err *err) FB_MUST_CHECK;
/* The weights have changed: matrices that were turned round are made again when needed. */
void fb_tape_forget_weights(struct fb_tape *tape);
void fb_tape_free(struct fb_tape *tape);

#endif
