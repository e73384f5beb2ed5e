/* each.h - the one loop over tensors: blocks of one key from all models at a time.
 *
 * A per-block function becomes a whole method: streaming, conversion, threads, progress, the sink
 * (memory or file) and the mismatch errors are here, once. The result does not depend on the
 * number of threads or on the block size. */
#ifndef FB_METHOD_EACH_H
#define FB_METHOD_EACH_H

#include "method/method.h"

struct fb_block {
    const struct fb_pool_key *key;
    int64_t key_index;
    int64_t begin, count;       /* elements [begin, begin + count) of the key */
    const float *base;          /* [count], NULL when the method did not ask for the base */
    const float *const *expert; /* [experts][count], in pool order */
    int experts;
};

/* out[count] must not alias an input. `state` is shared by the threads and read-only. */
typedef void fb_block_fn(const void *state, const struct fb_block *in, float *out);
/* Looks at a block and writes nothing but its own thread's accumulator. */
typedef void fb_scan_fn(void *accumulator, const void *state, const struct fb_block *in);

/* Runs `fn` over every block of every key and puts the results into the sink of `merge`.
 * merge->pool must have been aligned (fb_pool_align) over base and experts. */
int fb_merge_each(struct fb_merge *merge, bool with_base, fb_block_fn *fn, const void *state,
                  struct fb_err *err) FB_MUST_CHECK;
/* Runs `fn` over every block without output; accumulators[t] for thread t. */
int fb_scan_each(struct fb_merge *merge, const char *what, fb_scan_fn *fn, const void *state,
                 void *const *accumulators, int threads, struct fb_err *err) FB_MUST_CHECK;

#endif
