/* group.h - sequences that are computed together, and what is expected of each row of logits.
 *
 * FB_CLASSIFICATION: one row for each sequence. FB_LANGUAGE_MODEL: one for each token, which is
 * expected to tell the next one (the last of a sequence: nothing). FB_TEXT_TO_TEXT: one for each
 * token of the answers; the decoder is given the answers moved by one behind the start token. */
#ifndef FB_TRAIN_GROUP_H
#define FB_TRAIN_GROUP_H

#include "train/corpus.h"

/* A zeroed struct is ready for use; owned: fb_group_free. */
struct fb_group {
    const struct fb_batch *input, *target; /* target: FB_TEXT_TO_TEXT, else NULL */
    int64_t rows;                          /* of logits */
    int32_t *label;                        /* [rows], -1: nothing is expected */
    struct fb_batches plan[2];
    struct fb_arena arena; /* kept from group to group */
};

/* Labels that a sequence of the corpus has. */
int64_t fb_group_labels(const struct fb_corpus *c, int64_t sequence);

/* How large a group may be, so that memory is bounded. */
struct fb_group_limits {
    int64_t tokens; /* of the inputs, unless one sequence alone is longer */
    int64_t rows;   /* of logits, by the same rule */
};
/* How many of `count` sequences, from the first, fit into one group: at least one. */
int64_t fb_group_fit(const struct fb_corpus *c, const int64_t *sequence, int64_t count,
                     const struct fb_group_limits *limits);
/* Makes a group of sequences of the corpus; what the struct held before is forgotten. `start` is
 * the decoder's start token. FB_ENOMEM. */
int fb_group_make(struct fb_group *out, const struct fb_corpus *c, const int64_t *sequence,
                  int64_t count, int32_t start, struct fb_err *err) FB_MUST_CHECK;
void fb_group_free(struct fb_group *g);

#endif
