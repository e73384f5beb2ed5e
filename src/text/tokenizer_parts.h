/* tokenizer_parts.h - what a tokenizer is made of, for the files that open and use it. */
#ifndef FB_TEXT_TOKENIZER_PARTS_H
#define FB_TEXT_TOKENIZER_PARTS_H

#include "text/added.h"
#include "text/bpe.h"
#include "text/split.h"
#include "text/tokenizer.h"
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
    unsigned char *kind;                         /* by id */
    int32_t unknown;                             /* id for pieces without one, or -1 */
    int32_t bos;                                 /* id put before each text, or -1 */
    struct fb_pattern *pattern[FB_PATTERNS_MAX]; /* applied one inside the other */
    int patterns;
    bool gpt2_words;  /* FB_GPT2_PATTERN, after the patterns */
    bool whole_words; /* a word that is in the vocabulary is not taken apart */
    bool split_specials, truncate_left, clean_up, ignore_errors;
    enum fb_prefix_space prefix;
};

/* The model, words and added tokens of a parsed tokenizer.json (tokenizer_json.c). */
int fb_tokenizer_read_json(struct fb_tokenizer *t, const json_t *root,
                           struct fb_err *err) FB_MUST_CHECK;

#endif
