/* attention.h - what all attention operations of ops.h and encdec.h have in common. Private to
 * nn/. */
#ifndef FB_NN_ATTENTION_H
#define FB_NN_ATTENTION_H

#include "nn/ops.h"

/* Values that take part: queries are columns [0, n) of q, keys [k_at, k_at + n) of k, and so on;
 * they may be the same value, k and v have equal widths.
 *   bias [heads, 2 reach - 1] by distance, or NULL */
struct fb_attended {
    const struct fb_tensor *q, *k, *v, *bias;
    int64_t n, k_at, v_at;
};

/* `how` says who sees whom; the rest of it is filled in here.   result [q->rows, n] */
struct fb_tensor *fb_attended(struct fb_graph *g, const struct fb_attended *in,
                              const struct fb_heads *heads, struct fb_attention *how,
                              struct fb_err *err);

#endif
