/* grams.h - Gram matrices of the inputs of a model's linear layers: for each layer the mean of
 * x^T x over all rows x that went into it.
 *
 *     struct fb_observer observer = fb_grams_observer(&grams);
 *     graph.observer = &observer;         then any number of forward passes, then
 *     fb_grams_finish(&grams, err)
 *
 * The sums are f32 and do not depend on the number of threads, nor on how the rows are cut into
 * batches of multiples of 256 rows (kernel/outer.h). */
#ifndef FB_METHOD_GRAMS_H
#define FB_METHOD_GRAMS_H

#include "ckpt/ckpt.h"
#include "nn/tensor.h"

struct fb_gram {
    const char *layer; /* "h.0.attn.c_attn"; borrowed */
    int64_t n;         /* inputs of the layer */
    int64_t rows;      /* seen so far */
    float *matrix; /* [n, n]; before fb_grams_finish a sum, of which the upper half is undefined */
};

/* Owned: fb_grams_free. A zeroed struct is empty. */
struct fb_grams {
    struct fb_gram *item;   /* [count] */
    struct fb_entry *entry; /* [count] the same as tensors, for files */
    int64_t count;
};

/* Memory for `count` layers, of which `item` gives names and inputs. */
int fb_grams_open(struct fb_grams *out, const struct fb_gram *item, int64_t count,
                  struct fb_err *err) FB_MUST_CHECK;
void fb_grams_free(struct fb_grams *g);

/* Begins anew. */
void fb_grams_clear(struct fb_grams *g);
/* Adds what it sees to `g`, which is borrowed; layers that are not in it are passed over. */
struct fb_observer fb_grams_observer(struct fb_grams *g);
/* Divides by the numbers of rows and fills the upper halves. FB_EMISMATCH for a layer without. */
int fb_grams_finish(struct fb_grams *g, struct fb_err *err) FB_MUST_CHECK;
/* Takes the matrices from a file that has all of `entry` (method/statistics.h). */
void fb_grams_read(struct fb_grams *g, const struct fb_ckpt *file);

#endif
