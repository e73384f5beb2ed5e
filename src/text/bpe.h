/* bpe.h - byte-pair encoding of one word.
 *
 * Repeats: take the neighbouring pair of lowest rank, join all its occurrences from left to right;
 * until no pair has a rank. Pairs that a join makes wait for the next round even when their rank is
 * lower, as in the reference (it matters only for merge lists that no training makes). Symbols are
 * the numbers of interned strings (text/vocab.h). */
#ifndef FB_TEXT_BPE_H
#define FB_TEXT_BPE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct fb_merge {
    int32_t left, right; /* symbols; left is -1 in an unused slot */
    int32_t rank;        /* the lower, the earlier */
    int32_t joined;
};

/* The merges, a hash table. A zeroed struct is empty. */
struct fb_bpe {
    struct fb_merge *slot; /* owned */
    size_t slots, count;
    int32_t byte[256]; /* symbol of each byte */
};

/* Adds a merge; one that is there already takes the new rank. */
int fb_bpe_add(struct fb_bpe *bpe, int32_t left, int32_t right, int32_t rank, int32_t joined,
               struct fb_err *err) FB_MUST_CHECK;
/* The merge of a pair, or NULL. Borrowed until the next addition. */
const struct fb_merge *fb_bpe_find(const struct fb_bpe *bpe, int32_t left, int32_t right);
void fb_bpe_free(struct fb_bpe *bpe);

/* Room for one word, kept between words; one per thread. A zeroed struct is empty. */
struct fb_bpe_work {
    int32_t *symbol; /* owned: the result */
    struct fb_bpe_link *link;
    struct fb_bpe_entry *heap, *pending;
    size_t capacity, heap_capacity;
};

/* Encodes bytes[0, size), 0 < size < 2^30; the symbols are work->symbol[0, *count). */
int fb_bpe_encode(const struct fb_bpe *bpe, struct fb_bpe_work *work, const char *bytes,
                  size_t size, size_t *count, struct fb_err *err) FB_MUST_CHECK;
void fb_bpe_work_free(struct fb_bpe_work *work);

#endif
