/* specials.h - which tokens are added to a vocabulary and which of them are special.
 *
 * The rules of the reference's slow tokenizers (transformers 4.46): tokenizer_config.json's
 * added_tokens_decoder, or else special_tokens_map.json, added_tokens.json and the added tokens of
 * tokenizer.json; then the tokens that the attributes bos_token, eos_token ... name, which take the
 * next free id when they are new. */
#ifndef FB_TEXT_SPECIALS_H
#define FB_TEXT_SPECIALS_H

#include "text/tokenizer_parts.h"

/* Parsed files, NULL where there is none. Borrowed. */
struct fb_special_files {
    const json_t *config;         /* tokenizer_config.json */
    const json_t *map;            /* special_tokens_map.json */
    const json_t *added;          /* added_tokens.json */
    const json_t *tokenizer_json; /* tokenizer.json */
    bool only_json;               /* the vocabulary is that of tokenizer.json */
};

/* Adds the tokens to t->vocab (which holds the model's own vocabulary), t->added and t->kind, and
 * sets t->unknown and t->bos. */
int fb_specials_read(struct fb_tokenizer *t, const struct fb_special_files *files,
                     struct fb_err *err) FB_MUST_CHECK;

#endif
