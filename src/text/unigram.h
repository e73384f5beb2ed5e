/* unigram.h - a unigram language model over pieces (Kudo 2018), as SentencePiece trains and the
 * library `tokenizers` 0.20 applies them: normalise, mark spaces, cut into words, and find the most
 * probable pieces of each word.
 *
 * Pieces mark a space by U+2581; inside, it is kept as a space. */
#ifndef FB_TEXT_UNIGRAM_H
#define FB_TEXT_UNIGRAM_H

#include "text/charsmap.h"

#define FB_UNIGRAM_SPACE "\xe2\x96\x81" /* U+2581 */

enum fb_unigram_prefix { FB_UNIGRAM_NEVER, FB_UNIGRAM_FIRST, FB_UNIGRAM_ALWAYS };

struct fb_unigram_node; /* of the trie of pieces */

/* Immutable once filled: any number of threads may encode. Owned: fb_unigram_free. */
struct fb_unigram {
    struct fb_charsmap map;
    bool strip_left, strip_right;  /* white space, after the map */
    bool join_spaces;              /* several spaces count as one */
    bool split_spaces;             /* every white space separates words, and is lost */
    enum fb_unigram_prefix prefix; /* whether a space is put before a text that has none */
    int32_t unknown;               /* id of what no piece covers */
    struct fb_unigram_node *node;  /* owned; node 0 is the root */
    int64_t nodes, node_capacity;
    int32_t *table; /* owned: [tables][256] children of the nodes that have many */
    int64_t tables;
    double least; /* score */
};

/* Adds a piece; one that is there already takes the new id and score. An empty one is ignored. */
int fb_unigram_add(struct fb_unigram *u, const char *piece, size_t size, double score, int32_t id,
                   struct fb_err *err) FB_MUST_CHECK;
/* Makes lookups fast; the last call before encoding. */
int fb_unigram_finish(struct fb_unigram *u, struct fb_err *err) FB_MUST_CHECK;
void fb_unigram_free(struct fb_unigram *u);

/* Appends the text as words: each begins with a space, and ends where the next begins. `first`: it
 * stands at the beginning of the whole text. `scratch` is overwritten. */
int fb_unigram_words(const struct fb_unigram *u, struct fb_str *out, struct fb_str *scratch,
                     const char *text, size_t size, bool first, struct fb_err *err) FB_MUST_CHECK;

/* What one thread keeps between words. A zeroed struct is empty. */
struct fb_unigram_work {
    struct fb_unigram_step *step; /* owned */
    size_t capacity;
    int32_t *id; /* of the last word, [count]; owned */
    size_t count, id_capacity;
};

/* The ids of one word in work->id. Texts that no piece covers, end to end, give one unknown id. */
int fb_unigram_encode(const struct fb_unigram *u, struct fb_unigram_work *work, const char *word,
                      size_t size, struct fb_err *err) FB_MUST_CHECK;
void fb_unigram_work_free(struct fb_unigram_work *work);

#endif
