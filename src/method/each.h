/* each.h - the one loop over tensors: blocks of one key from all models at a time.
 *
 * A per-block function becomes a whole method: streaming, conversion, threads, progress, the sink
 * (memory or file) and the mismatch errors are here, once. The result does not depend on the
 * number of threads or on the block size. */
#ifndef FB_METHOD_EACH_H
#define FB_METHOD_EACH_H

#include "base/clones.h"
#include "method/method.h"

enum { FB_EACH_PIECE = 4096, FB_EACH_STRIDE = 61 };

struct fb_block {
    const struct fb_pool_key *key;
    int64_t key_index;
    int64_t index;              /* number of the block: 0 .. fb_each_blocks - 1 */
    int64_t begin, count;       /* elements [begin, begin + count) of the key */
    const float *base;          /* [count], NULL when the method did not ask for the base */
    const float *const *expert; /* [experts][count], in pool order */
    int experts;
};

/* out[count] must not alias an input. `state` is shared by the threads and read-only, but for what
 * it keeps per block index. */
typedef void fb_block_fn(const void *state, const struct fb_block *in, float *out);
/* Looks at a block and writes nothing but its own thread's accumulator. */
typedef void fb_scan_fn(void *accumulator, const void *state, const struct fb_block *in);
/* Asked once when all blocks are done: whether those that are marked must be done again. */
typedef bool fb_again_fn(void *state);

/* Checks that the pool has experts (and a base, if asked for) and that all fit together: what the
 * three loops below need first. */
int fb_each_align(struct fb_merge *merge, bool with_base, struct fb_err *err) FB_MUST_CHECK;
/* Blocks of a loop over the aligned pool. */
int64_t fb_each_blocks(const struct fb_merge *merge);
/* Most threads that a loop uses. */
int fb_each_threads(void);

/* Runs `fn` over every block of every key and puts the results into the sink of `merge`. */
int fb_merge_each(struct fb_merge *merge, bool with_base, fb_block_fn *fn, const void *state,
                  struct fb_err *err) FB_MUST_CHECK;
/* The same into tensors that are there already, owned by `weights` in the order of the keys. */
int fb_merge_into(struct fb_merge *merge, struct fb_weights *weights, bool with_base,
                  fb_block_fn *fn, const void *state, struct fb_err *err) FB_MUST_CHECK;
/* The first; when all blocks are done and `again` says so, runs `fn` once more on the blocks whose
 * mark [fb_each_blocks] is set. */
int fb_merge_twice(struct fb_merge *merge, bool with_base, fb_block_fn *fn, void *state,
                   fb_again_fn *again, const bool *mark, struct fb_err *err) FB_MUST_CHECK;
/* Runs `fn` over every block without output; accumulators[t] for thread t < fb_each_threads(). */
int fb_scan_each(struct fb_merge *merge, const char *what, bool with_base, fb_scan_fn *fn,
                 const void *state, void *const *accumulators, struct fb_err *err) FB_MUST_CHECK;
/* The same over a sample, one in FB_EACH_STRIDE of the pieces of FB_EACH_PIECE elements (or what is
 * left of a key) that the keys consist of; `index` counts the pieces of the sample. */
int fb_scan_sample(struct fb_merge *merge, const char *what, bool with_base, fb_scan_fn *fn,
                   const void *state, void *const *accumulators, struct fb_err *err) FB_MUST_CHECK;
/* One model, unchanged, into the sink; no alignment is needed. */
int fb_merge_copy(struct fb_merge *merge, int model, struct fb_err *err) FB_MUST_CHECK;

#endif
