/* vocab.h - the strings a tokenizer knows and their ids.
 *
 * A piece is the number of an interned string: an entry of the vocabulary, a string that a merge
 * names or makes, or an added token. Not every piece has an id, and not every id has a piece:
 * files with holes, repeated ids and merges of unknown strings exist and mean what they mean to
 * the reference. */
#ifndef FB_TEXT_VOCAB_H
#define FB_TEXT_VOCAB_H

#include "base/names.h"
#include "text/bpe.h"

#include <jansson.h>
#include <stdbool.h>

enum {
    FB_VOCAB_IDS_MAX = 1 << 24,      /* ids are below this */
    FB_VOCAB_PIECES_MAX = 1 << 26,   /* strings in all */
    FB_VOCAB_FILE_MAX = 256 << 20,   /* bytes of one file */
    FB_VOCAB_PIECE_BYTES_MAX = 65535 /* of one string of a vocabulary */
};

struct fb_vocab {
    struct fb_names pieces;
    int32_t *id_of; /* by piece, -1: none; owned */
    int64_t id_of_capacity;
    int32_t *piece_of; /* by id, -1: none; owned */
    int64_t ids;       /* the highest id + 1 */
    int64_t count;     /* pieces that have an id */
};

/* The piece of a string, or a negative fb_code. */
int32_t fb_vocab_intern(struct fb_vocab *v, const char *text, struct fb_err *err) FB_MUST_CHECK;
/* Gives a piece an id; the id belongs to the piece that took it last. */
int fb_vocab_set(struct fb_vocab *v, int32_t piece, int64_t id, struct fb_err *err) FB_MUST_CHECK;
/* The piece of an id, or -1. */
int32_t fb_vocab_piece(const struct fb_vocab *v, int64_t id);
void fb_vocab_free(struct fb_vocab *v);

/* An object {"piece": id, ...}. */
int fb_vocab_read(struct fb_vocab *v, const json_t *object, struct fb_err *err) FB_MUST_CHECK;
/* Interns the 256 bytes for `bpe`, which is empty. */
int fb_vocab_bytes(struct fb_vocab *v, struct fb_bpe *bpe, struct fb_err *err) FB_MUST_CHECK;
/* The content of a merges.txt as the reference reads it: the first and the last line do not count
 * (the version and what follows the last line feed), a line that is not two words joins nothing. */
int fb_vocab_merges(struct fb_vocab *v, struct fb_bpe *bpe, const char *text, size_t size,
                    struct fb_err *err) FB_MUST_CHECK;
/* One merge of two strings. */
int fb_vocab_merge(struct fb_vocab *v, struct fb_bpe *bpe, const char *left, size_t left_size,
                   const char *right, size_t right_size, int32_t rank,
                   struct fb_err *err) FB_MUST_CHECK;

#endif
