/* tensor.h - values between the operations of a model, and where they live.
 *
 * Every value is a matrix of rows (tokens) by columns. A graph is the state of one forward pass: it
 * owns the memory of the values and may have an observer. */
#ifndef FB_NN_TENSOR_H
#define FB_NN_TENSOR_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct fb_tape;

/* [rows, cols] row-major, contiguous; borrowed from its graph. */
struct fb_tensor {
    float *data;
    int64_t rows, cols;
};

/* Called before each linear layer with the layer's name ("h.0.attn.c_attn") and its input. A
 * model runs all rows through all layers while somebody looks. */
struct fb_observer {
    int (*linear)(void *self, const char *name, const struct fb_tensor *input, struct fb_err *err);
    void *self;
};

/* A zeroed struct is ready for use; fb_graph_free gives the memory back. */
struct fb_graph {
    struct fb_arena stage[2]; /* values of this stage and of the one before */
    int at;
    struct fb_arena kept;               /* values that stay valid until the reset */
    bool keep;                          /* values that are made now are such values */
    const struct fb_observer *observer; /* NULL: none; borrowed */
    struct fb_tape *tape;               /* NULL: nothing is recorded; borrowed */
    /* Dropout happens while training. Its choices are functions of the seed, which changes from
     * step to step, and of how many have been made since the last reset. */
    bool training;
    uint64_t seed, drops;
};

/* Uninitialised; NULL after FB_ENOMEM. */
struct fb_tensor *fb_tensor_new(struct fb_graph *g, int64_t rows, int64_t cols, struct fb_err *err);

/* Forgets all values: before each batch. */
void fb_graph_reset(struct fb_graph *g);
/* Ends a stage: its values stay valid until the next stage ends, older ones are forgotten. A model
 * calls it between the halves of its blocks, so that memory does not grow with their number. With a
 * tape all values are kept. */
void fb_graph_next(struct fb_graph *g);
void fb_graph_free(struct fb_graph *g);

#endif
