/* grads.h - the gradients of a model's parameters, by name: sums that passes add to. */
#ifndef FB_NN_GRADS_H
#define FB_NN_GRADS_H

#include "base/names.h"

#include <stdbool.h>
#include <stdint.h>

/* The gradient of one parameter, in the layout of the checkpoint. */
struct fb_grad {
    const char *name;   /* state-dict key; borrowed from `names` */
    int64_t rows, cols; /* a vector is one row */
    float *data;        /* [rows, cols], aligned to 64 bytes; right after fb_backward */
    void *block;        /* owned: what is freed */
    bool is_table;      /* an embedding: rows that no token used stay zero */
    int64_t *used;      /* tables: the rows that may be other than zero, in order of first use */
    int64_t used_count;
    bool *marked; /* tables: [rows] whether a row is in `used` */
    bool fresh;   /* nothing was added since fb_grads_zero: data is not yet valid */
    /* [rows, cols], borrowed, or NULL: see fb_grads_zero_to_square. */
    float *squares;
    bool squaring;
    int64_t squared; /* elements whose squares were added */
    bool mixed;      /* and something else was added as well: fb_grads_settle refuses it */
};

/* The parameters that gradients are wanted for; what is not here is frozen, and no work is done for
 * it. Owned: fb_grads_free; a zeroed struct is empty. */
struct fb_grads {
    struct fb_names names;
    struct fb_grad *item; /* [names.count]; moves when a parameter is added */
    int64_t capacity;
};

/* Adds a parameter whose gradient is zero. FB_EMISMATCH for a name that is there already. */
int fb_grads_add(struct fb_grads *grads, const char *name, int64_t rows, int64_t cols,
                 bool is_table, struct fb_err *err) FB_MUST_CHECK;
/* Which parameters are wanted. */
struct fb_grads_filter {
    bool (*wants)(const void *self, const char *name);
    const void *self;
};
/* Adds "<layer>.<suffix>" unless `filter` (NULL: all are wanted) refuses it. */
int fb_grads_want(struct fb_grads *grads, const struct fb_grads_filter *filter, const char *layer,
                  const char *suffix, int64_t rows, int64_t cols, bool is_table,
                  struct fb_err *err) FB_MUST_CHECK;
/* NULL: frozen. */
struct fb_grad *fb_grads_find(const struct fb_grads *grads, const char *name);
/* Begins a new sum; several passes add to the same sum. Cheap: tables forget their used rows only.
 */
void fb_grads_zero(struct fb_grads *grads);
/* The same where only the squares of a sum are wanted, and one pass makes all of it: matrices of
 * linear layers add the squares of their elements to `squares`, if that is set, as soon as they are
 * known, which saves writing and reading them. Such a matrix has `squared` > 0 afterwards, and no
 * data; one that is used twice in the pass makes fb_backward fail. The gradients of everything else
 * are as ever. */
void fb_grads_zero_to_square(struct fb_grads *grads);
void fb_grads_free(struct fb_grads *grads);

/* For the operations. Whether the values have to be added to; if not they must all be written. */
bool fb_grad_begin(struct fb_grad *grad);
/* The same for an operation that adds in any case: values that were not valid become zero. */
float *fb_grad_sums(struct fb_grad *grad);
/* Where the squares of `count` elements go that are known now; NULL: they are to be added up. */
float *fb_grad_squares(struct fb_grad *grad, int64_t count);
/* Rows of a table that are about to be added to. */
void fb_grad_use(struct fb_grad *grad, const int64_t *row, int64_t count);
void fb_grad_use_all(struct fb_grad *grad);
/* The pass is done: makes values valid that nothing was added to. FB_EUNSUPPORTED names a matrix
 * that was used twice while it was squared: neither its squares nor its data are right. */
int fb_grads_settle(struct fb_grads *grads, struct fb_err *err) FB_MUST_CHECK;

#endif
