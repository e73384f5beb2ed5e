/* weights.h - the tensors of a model in memory: names -> f32.
 *
 * What a merge produces and an architecture binds to. A tensor either owns its values or borrows
 * them from a mapped checkpoint (f32, aligned). */
#ifndef FB_MODEL_WEIGHTS_H
#define FB_MODEL_WEIGHTS_H

#include "base/names.h"
#include "ckpt/ckpt.h"

#include <stdbool.h>

struct fb_weight {
    const char *name; /* borrowed from `names` */
    int ndim;
    int64_t shape[FB_DIMS];
    int64_t numel;
    const float *data;          /* [numel] row-major */
    float *owned;               /* == data when the values are ours and may be written, else NULL */
    const struct fb_ckpt *ckpt; /* whose `entry` the values are; NULL: they are no file's */
    const struct fb_entry *entry;
    bool trainable; /* requires_grad of the reference: decides the counts of model_info */
};

struct fb_weights {
    struct fb_names names;
    struct fb_weight *item; /* [names.count] in the reference's state-dict order */
    int64_t capacity;
};

/* Adds a tensor and allocates its values (uninitialised, 64-byte aligned). The pointer is borrowed
 * until the next add. */
struct fb_weight *fb_weights_add(struct fb_weights *w, const char *name, int ndim,
                                 const int64_t *shape, struct fb_err *err);
/* Adds a tensor whose values live elsewhere for at least as long as `w`. */
struct fb_weight *fb_weights_borrow(struct fb_weights *w, const char *name, int ndim,
                                    const int64_t *shape, const float *data, struct fb_err *err);
/* The same for an F32 entry of a checkpoint at an address that is right for floats. */
struct fb_weight *fb_weights_borrow_entry(struct fb_weights *w, const char *name,
                                          const struct fb_ckpt *ckpt, const struct fb_entry *entry,
                                          struct fb_err *err);
/* Adds "<layer>.<suffix>" of shape [rows, cols], or [cols] when rows is 0, as fb_weights_add. */
int fb_weights_add_part(struct fb_weights *w, const char *layer, const char *suffix, int64_t rows,
                        int64_t cols, struct fb_err *err) FB_MUST_CHECK;
/* Makes the values of item i ours, so that they may be written: borrowed ones are copied. */
int fb_weights_own(struct fb_weights *w, int64_t i, struct fb_err *err) FB_MUST_CHECK;
const struct fb_weight *fb_weights_find(const struct fb_weights *w, const char *name);
/* Frees the values of a tensor that are ours, for a model that has its own copy of them: name and
 * shape stay, data becomes NULL. The values of a mapped file leave the memory, but can be read
 * again; others that are borrowed stay as they are. */
void fb_weights_release(struct fb_weights *w, const char *name);
void fb_weights_free(struct fb_weights *w);

#endif
