/* batch.h - ragged batches: the tokens of many sequences laid end to end, without padding.
 *
 * The result of a causal model at a token depends on the tokens before it alone, so sequences that
 * begin alike share the rows of what they have in common. A plan sorts all sequences, which makes
 * equal beginnings neighbours, and cuts them into batches; within a batch each distinct prefix
 * token is one row. Sequences are recognised by index: the caller puts results back in order. */
#ifndef FB_DATA_BATCH_H
#define FB_DATA_BATCH_H

#include "base/arena.h"
#include "kernel/kernel.h"

/* Borrowed. Sequence i is id[offset[i]] .. id[offset[i + 1]], not empty. */
struct fb_sequences {
    int64_t count;
    const int32_t *id;
    const int64_t *offset; /* [count + 1] */
};

/* What a decoder is given so that it answers each sequence: `start`, a, b, ... for a, b, ..., z.
 * Writes out[offset[0]] .. out[offset[count] - 1]; empty sequences are allowed. */
void fb_sequences_shift(int32_t *out, const struct fb_sequences *s, int32_t start);

/* Borrowed from its plan. The last row of a segment is the last token of at least one sequence. */
struct fb_batch {
    int64_t tokens;
    int32_t *id, *position; /* [tokens] */
    int64_t segments;
    struct fb_segment *segment; /* [segments], parents before children */
    int64_t sequences;
    int64_t *sequence; /* [sequences] index in what was planned */
    int64_t *end;      /* [sequences] the segment whose last row is the sequence's last token */
};

/* Owned: fb_batches_free. A zeroed struct is empty. */
struct fb_batches {
    int64_t count;
    struct fb_batch *batch; /* [count] */
    int64_t tokens;         /* of all sequences */
    int64_t rows;           /* of all batches: what is left of `tokens` after sharing */
    int64_t longest;        /* tokens of the longest sequence */
    struct fb_arena arena;
};

/* A batch holds at most `max_tokens` rows, unless one sequence alone is longer, and at most
 * `max_sequences` sequences; both at least 1. FB_EMISMATCH for an empty sequence. */
int fb_batches_plan(struct fb_batches *out, const struct fb_sequences *sequences,
                    int64_t max_tokens, int64_t max_sequences, struct fb_err *err) FB_MUST_CHECK;
/* The same in the given order with nothing shared: row i belongs to one sequence alone, and every
 * sequence is a segment. What sharing must agree with; an observer wants this one. */
int fb_batches_plan_unshared(struct fb_batches *out, const struct fb_sequences *sequences,
                             int64_t max_tokens, int64_t max_sequences,
                             struct fb_err *err) FB_MUST_CHECK;
/* The same with every sequence filled up with `pad` to `length` tokens. All of them are rows, and
 * see the real tokens alone (fb_segment.visible): for statistics that include the padding.
 * FB_EMISMATCH for a sequence that is longer. */
int fb_batches_plan_padded(struct fb_batches *out, const struct fb_sequences *sequences,
                           int64_t length, int32_t pad, int64_t max_tokens,
                           struct fb_err *err) FB_MUST_CHECK;
void fb_batches_free(struct fb_batches *batches);

#endif
