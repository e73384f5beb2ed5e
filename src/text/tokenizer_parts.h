/* tokenizer_parts.h - what a tokenizer is made of, for the files that open and use it. */
#ifndef FB_TEXT_TOKENIZER_PARTS_H
#define FB_TEXT_TOKENIZER_PARTS_H

#include "text/added.h"
#include "text/bpe.h"
#include "text/split.h"
#include "text/tokenizer.h"
#include "text/unigram.h"
#include "text/vocab.h"

#include <jansson.h>

enum { FB_PATTERNS_MAX = 8 };

enum fb_prefix_space {
    FB_PREFIX_NONE,
    FB_PREFIX_TEXT,    /* before every text, as the slow tokenizer does */
    FB_PREFIX_SEGMENT, /* before what lies between added tokens unless a space is there */
};

enum {                    /* what decoding does with an id */
       FB_ID_SPECIAL = 1, /* left out on demand */
       FB_ID_APART = 2,   /* set apart by spaces */
};

struct fb_tokenizer {
    struct fb_vocab vocab; /* added tokens included */
    struct fb_bpe bpe;
    struct fb_added added;
    unsigned char *kind;                         /* [kinds] by id */
    int64_t kinds;                               /* of a unigram model */
    int32_t unknown;                             /* id for pieces without one, or -1 */
    int32_t bos;                                 /* id put before each text, or -1 */
    int32_t pad;                                 /* of byte-pair tokenizers, or -1 */
    struct fb_pattern *pattern[FB_PATTERNS_MAX]; /* applied one inside the other */
    int patterns;
    struct fb_unigram *unigram; /* NULL for byte-pair encoding; owned */
    int32_t eos;                /* id put behind each text, or -1 */
    bool gpt2_words;            /* FB_GPT2_PATTERN, after the patterns */
    bool whole_words;           /* a word that is in the vocabulary is not taken apart */
    bool split_specials, truncate_left, clean_up, ignore_errors;
    enum fb_prefix_space prefix;
};

/* A unigram model to be filled; the vocabulary is its list of pieces. */
int fb_tokenizer_begin_unigram(struct fb_tokenizer *t, struct fb_err *err) FB_MUST_CHECK;
int fb_tokenizer_add_piece(struct fb_tokenizer *t, const char *text, size_t size, double score,
                           int64_t id, struct fb_err *err) FB_MUST_CHECK;
/* A token that is looked for in texts before anything else; a special one is left out on demand. */
int fb_tokenizer_add_special(struct fb_tokenizer *t, const char *text, size_t size, int64_t id,
                             bool special, struct fb_err *err) FB_MUST_CHECK;

/* The same from a tokenizer.json of type Unigram (unigram_json.c), without its added tokens. */
bool fb_tokenizer_json_is_unigram(const json_t *root);
int fb_tokenizer_read_unigram(struct fb_tokenizer *t, const json_t *root,
                              struct fb_err *err) FB_MUST_CHECK;
/* From spiece.model (t5_files.c); `config` is tokenizer_config.json or NULL. */
int fb_t5_read_spiece(struct fb_tokenizer *t, const char *path, const json_t *config,
                      struct fb_err *err) FB_MUST_CHECK;
/* The tokens that tokenizer_config.json and added_tokens.json (or NULL) add. */
int fb_t5_add_tokens(struct fb_tokenizer *t, const json_t *config, const json_t *added,
                     struct fb_err *err) FB_MUST_CHECK;
/* The list "added_tokens" of a tokenizer.json (unigram_json.c). */
int fb_tokenizer_add_json_tokens(struct fb_tokenizer *t, const json_t *list,
                                 struct fb_err *err) FB_MUST_CHECK;

/* The model, words and added tokens of a parsed tokenizer.json (tokenizer_json.c). */
int fb_tokenizer_read_json(struct fb_tokenizer *t, const json_t *root,
                           struct fb_err *err) FB_MUST_CHECK;

#endif
