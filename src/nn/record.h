/* record.h - what an operation leaves on the tape. For the files of nn/ that define operations.
 *
 * An operation ends with
 *
 *     return fb_recorded(g, &(struct fb_op){.derive = derive_it, .out = y, .in = {x}, ...}, err);
 *
 * which gives y and costs nothing without a tape. Its derive function says how the derivative by
 * the result becomes those by the inputs and the parameters; nothing else about it is known here.
 * */
#ifndef FB_NN_RECORD_H
#define FB_NN_RECORD_H

#include "nn/tape.h"

enum { FB_OP_INPUTS = 4, FB_OP_PARAMETERS = 2 };

struct fb_op;

/* One step of the way back. */
struct fb_back {
    struct fb_tape *tape;
    const struct fb_op *op;
    float *dy; /* by op->out; may be changed */
    /* By the inputs, to be written; NULL: not wanted. The one of op->in_place is dy. Without
     * op->all some may be wanted and some not. */
    float *dx[FB_OP_INPUTS];
};

/* All pointers are borrowed and must live until the way back. */
struct fb_op {
    int (*derive)(struct fb_back *back, struct fb_err *err);
    struct fb_tensor *out;
    const struct fb_tensor *in[FB_OP_INPUTS];
    struct fb_grad *parameter[FB_OP_PARAMETERS]; /* NULL: frozen */
    const void *how;                             /* whatever else `derive` needs */
    bool all;     /* `derive` must write all derivatives, wanted or not */
    int in_place; /* 1 + index of an input whose derivative takes the place of dy; 0: none */
    /* Filled in by the tape: */
    int64_t from[FB_OP_INPUTS]; /* the operation that made the input; -1: no derivative is wanted */
    float *dout;                /* on the way back: the derivative so far; NULL: none yet */
};

/* op->out, recorded if there is a tape and a derivative can be wanted; NULL after FB_ENOMEM. */
struct fb_tensor *fb_recorded(struct fb_graph *g, const struct fb_op *op, struct fb_err *err);
/* The gradient of parameter "<name>.<suffix>"; NULL: frozen, or no tape. `name` may be NULL: a
 * parameter that has none is frozen. */
struct fb_grad *fb_parameter(const struct fb_graph *g, const char *name, const char *suffix);
/* A copy of `size` bytes that lives as long as the graph's values; NULL after FB_ENOMEM. */
void *fb_graph_copy(struct fb_graph *g, const void *from, size_t size, struct fb_err *err);

#endif
