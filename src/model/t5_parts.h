/* t5_parts.h - the layers of a T5 model, for the files that run them. Private to model/. */
#ifndef FB_MODEL_T5_PARTS_H
#define FB_MODEL_T5_PARTS_H

#include "model/relative.h"
#include "model/t5.h"
#include "nn/encdec.h"

enum { FB_T5_NAME = 64, FB_T5_PARTS = 14 };

struct fb_t5_attention {
    struct fb_rms norm;
    struct fb_linear q, k, v, o;
};

struct fb_t5_block {
    struct fb_t5_attention self, cross; /* cross: decoder only */
    struct fb_rms norm;                 /* before the feed-forward layer */
    struct fb_linear wi, wi_1, wo;      /* wi_1: gated only */
    char names[FB_T5_PARTS][FB_T5_NAME];
};

struct fb_t5_stack {
    struct fb_t5_block *block; /* [layers], owned */
    int64_t layers;
    struct fb_rms norm;
    struct fb_table bias; /* [buckets, heads] */
    struct fb_relative relative;
};

struct fb_t5 {
    struct fb_t5_config config;
    struct fb_table shared; /* [vocab_size, d_model] */
    struct fb_t5_stack encoder, decoder;
    struct fb_linear head;
    float head_scale; /* of its input */
};

/* x + wo(feed-forward(norm(x))) */
struct fb_tensor *fb_t5_feed_forward(struct fb_graph *g, const struct fb_t5 *m,
                                     const struct fb_t5_block *b, const struct fb_tensor *x,
                                     struct fb_err *err);
/* FB_EMISMATCH for an id outside the vocabulary. */
int fb_t5_check_ids(const struct fb_t5 *m, const int32_t *id, int64_t n,
                    struct fb_err *err) FB_MUST_CHECK;

#endif
