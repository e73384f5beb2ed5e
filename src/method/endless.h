/* endless.h - batches of an expert's examples without end, as the reference's InfiniteDataLoader
 * gives them: all examples in an order that is drawn anew for each epoch; the last batch of an
 * epoch may be smaller. Only what will be used is tokenized. */
#ifndef FB_METHOD_ENDLESS_H
#define FB_METHOD_ENDLESS_H

#include "method/trainset.h"

/* Owned: fb_endless_free. Zeroed but for the first part it is at its beginning. */
struct fb_endless {
    const struct fb_trainset *set; /* borrowed */
    int expert;
    int64_t batch_size, batches; /* batches: those that are still wanted */
    bool prompts;                /* the task's text-to-text prompts instead of its plain texts */
    int32_t pad;                 /* plain texts end before this id; -1: none */

    struct fb_examples examples; /* of the epoch, from example `at` on not yet given */
    uint64_t epoch;              /* that comes next */
    int64_t at;
};

/* Ids of the next batch; borrowed until the one after it. Errors begin with the expert's name. */
int fb_endless_next(struct fb_endless *e, struct fb_sequences *out,
                    struct fb_err *err) FB_MUST_CHECK;
void fb_endless_free(struct fb_endless *e);

#endif
