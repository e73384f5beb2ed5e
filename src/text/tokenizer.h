/* tokenizer.h - text to token ids and back.
 *
 * Bytes that are not UTF-8 are replaced by U+FFFD first, as Python's errors="replace" does, because
 * the reference only ever sees decoded text. */
#ifndef FB_TEXT_TOKENIZER_H
#define FB_TEXT_TOKENIZER_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fb_tokenizer; /* opaque, immutable after opening: any number of threads may encode; owned */

struct fb_ids {
    int32_t *id; /* owned: fb_ids_free */
    int64_t count, capacity;
};

/* Opens the tokenizer of a folder (vocab.json + merges.txt, or tokenizer.json), or a
 * tokenizer.json file. */
int fb_tokenizer_open(struct fb_tokenizer **out, const char *path,
                      struct fb_err *err) FB_MUST_CHECK;
void fb_tokenizer_close(struct fb_tokenizer *t);

/* Appends the ids of a text: special and added tokens in the text are recognised when
 * `specials` is true, as the reference does. */
int fb_tokenizer_encode(const struct fb_tokenizer *t, struct fb_ids *out, const char *text,
                        size_t size, bool specials, struct fb_err *err) FB_MUST_CHECK;
/* A text, or a pair when `pair` is not NULL, with what the tokenizer adds around it, cut to at most
 * `max_length` ids (0: no limit) with the "longest_first" rule of the slow reference tokenizer:
 * one id at a time from the end of the longer segment, from the second when equal. */
int fb_tokenizer_encode_pair(const struct fb_tokenizer *t, struct fb_ids *out, const char *text,
                             size_t size, const char *pair, size_t pair_size, int64_t max_length,
                             struct fb_err *err) FB_MUST_CHECK;
/* Appends the text of the ids. FB_EFORMAT for an id outside the vocabulary. */
int fb_tokenizer_decode(const struct fb_tokenizer *t, struct fb_str *out, const int32_t *ids,
                        int64_t count, bool skip_specials, struct fb_err *err) FB_MUST_CHECK;

/* One thread's way to encode many texts quickly: it borrows the tokenizer and remembers the words
 * it has met. The ids are those of the functions above; owned. */
struct fb_encoder;

int fb_encoder_open(struct fb_encoder **out, const struct fb_tokenizer *t,
                    struct fb_err *err) FB_MUST_CHECK;
void fb_encoder_close(struct fb_encoder *e);
int fb_encoder_encode(struct fb_encoder *e, struct fb_ids *out, const char *text, size_t size,
                      bool specials, struct fb_err *err) FB_MUST_CHECK;
/* As fb_tokenizer_encode_pair; without `around`, nothing is added around the text. */
int fb_encoder_encode_pair(struct fb_encoder *e, struct fb_ids *out, const char *text, size_t size,
                           const char *pair, size_t pair_size, int64_t max_length, bool around,
                           struct fb_err *err) FB_MUST_CHECK;

int64_t fb_tokenizer_size(const struct fb_tokenizer *t); /* ids are below this */
/* Id of a token by its text, or -1. */
int32_t fb_tokenizer_id(const struct fb_tokenizer *t, const char *token);
/* Id that FusionBench pads a GPT-2 tokenizer's texts with: the pad_token's, or else the unk_token's
 * or the eos_token's; -1 where there is none of them, and for unigram models. */
int32_t fb_tokenizer_pad(const struct fb_tokenizer *t);

void fb_ids_free(struct fb_ids *ids);
int fb_ids_push(struct fb_ids *ids, const int32_t *more, int64_t n,
                struct fb_err *err) FB_MUST_CHECK;

#endif
