/* attention.h - what attention and its derivative share. */
#ifndef FB_KERNEL_ATTENTION_H
#define FB_KERNEL_ATTENTION_H

#include "kernel/isa.h"

/* Where the keys of a segment's queries are. */
static inline const struct fb_segment *fb_attention_source(const struct fb_attention *how,
                                                           int64_t segment) {
    return (how->key_segment ? how->key_segment : how->segment) + segment;
}

/* How many keys the last of its queries sees. */
static inline int64_t fb_attention_keys(const struct fb_segment *source) {
    int64_t keys = source->position + source->count;

    return source->visible > 0 && source->visible < keys ? source->visible : keys;
}

/* The same for the query at `position`, if `all` is that number. */
static inline int64_t fb_attention_seen(const struct fb_attention *how, int64_t position,
                                        int64_t all) {
    return how->bidirectional || all <= position ? all : position + 1;
}

/* Adds the bias of each key's distance to the query, which stands at `position`. */
static inline void fb_attention_add_bias(const struct fb_attention *how, const struct fb_isa *isa,
                                         float *score, int64_t head, int64_t position,
                                         int64_t keys) {
    isa->add_to(score, how->bias + head * (2 * how->reach - 1) + how->reach - 1 - position, keys);
}

#endif
