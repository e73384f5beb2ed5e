/* rebuild.h - from a call that torch would make to a tensor of this program.
 *
 *     torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)
 *
 * and its kin (globals.h). Element [i, j...] is at offset + i * stride[0] + j * stride[1] + ...;
 * all of them must lie in the storage. A contiguous tensor is a pointer into its storage; every
 * other view is copied once. */
#ifndef FB_CKPT_REBUILD_H
#define FB_CKPT_REBUILD_H

#include "ckpt/ckpt.h"
#include "ckpt/pickle.h"

/* Memory for views that are not contiguous. */
struct fb_copies {
    struct fb_arena *arena; /* borrowed */
    size_t left;            /* bytes that may still be copied */
};

/* Whether a value is a call that gives a tensor. */
bool fb_rebuild_is_tensor(const struct fb_pickle_value *value);
/* Fills everything but the name. The storages have their data. The entry is borrowed from them and
 * from the arena of the copies. */
int fb_rebuild_tensor(struct fb_entry *entry, const struct fb_pickle_value *call,
                      struct fb_copies *copies, struct fb_err *err) FB_MUST_CHECK;

#endif
