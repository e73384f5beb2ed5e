/* spiece.h - a SentencePiece model file (spiece.model): a serialized sentencepiece.ModelProto.
 *
 * Only what a unigram model needs is read: pieces with scores and types, the unknown piece, and the
 * character map of the normaliser. */
#ifndef FB_TEXT_SPIECE_H
#define FB_TEXT_SPIECE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum fb_piece_type { /* of sentencepiece_model.proto */
                     FB_PIECE_NORMAL = 1,
                     FB_PIECE_UNKNOWN = 2,
                     FB_PIECE_CONTROL = 3,
                     FB_PIECE_USER_DEFINED = 4,
                     FB_PIECE_UNUSED = 5,
                     FB_PIECE_BYTE = 6
};

struct fb_piece {
    const char *text; /* borrowed from the file's bytes, not terminated */
    size_t size;
    float score;
    int64_t type;
};

/* Owned: fb_spiece_free; texts are borrowed from the bytes that were read. */
struct fb_spiece {
    struct fb_piece *piece; /* [count] by id */
    size_t count, capacity;
    int64_t model_type; /* 1: unigram */
    int64_t unk_id;
    const char *charsmap;
    size_t charsmap_size;
};

/* FB_EFORMAT when the bytes are no such message. */
int fb_spiece_read(struct fb_spiece *out, const void *bytes, size_t size,
                   struct fb_err *err) FB_MUST_CHECK;
void fb_spiece_free(struct fb_spiece *s);

#endif
