/* derive.h - the derivatives of the operations of ops.h and encdec.h: what they keep for the way
 * back, and the functions that go it. Private to nn/. */
#ifndef FB_NN_DERIVE_H
#define FB_NN_DERIVE_H

#include "nn/ops.h"
#include "nn/record.h"

/* op->how of a linear layer. */
struct fb_linear_how {
    const struct fb_linear *layer;
    int64_t column, columns;
};

/* op->how of dropout. */
struct fb_dropout_how {
    double p;
    uint64_t seed;
};

int fb_linear_derive(struct fb_back *back, struct fb_err *err);     /* parameters: weight, bias */
int fb_activate_derive(struct fb_back *back, struct fb_err *err);   /* how: the activation */
int fb_layer_norm_derive(struct fb_back *back, struct fb_err *err); /* how: struct fb_norm */
int fb_rms_norm_derive(struct fb_back *back, struct fb_err *err);   /* how: struct fb_rms */
int fb_embed_derive(struct fb_back *back, struct fb_err *err);      /* how: struct fb_batch */
int fb_lookup_derive(struct fb_back *back, struct fb_err *err);     /* how: the ids */
int fb_spread_derive(struct fb_back *back, struct fb_err *err);     /* how: the buckets */
int fb_last_derive(struct fb_back *back, struct fb_err *err);       /* how: struct fb_batch */
int fb_scale_derive(struct fb_back *back, struct fb_err *err);      /* how: the scale */
int fb_add_derive(struct fb_back *back, struct fb_err *err);
int fb_multiply_derive(struct fb_back *back, struct fb_err *err);
int fb_dropout_derive(struct fb_back *back, struct fb_err *err);

/* The next number of this pass's dropout. */
uint64_t fb_graph_drop(struct fb_graph *g);
/* Row of a segment's last token. */
static inline int64_t fb_last_row(const struct fb_segment *s) {
    return s->row + s->count - 1;
}

#endif
