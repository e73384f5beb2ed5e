/* pieces.h - the unigram vocabulary of the T5 models. */
#ifndef DEMO_PIECES_H
#define DEMO_PIECES_H

#include "rows.h"

/* spiece.model, tokenizer_config.json, special_tokens_map.json and added_tokens.json, as
 * T5Tokenizer writes them, from the prompts and answers of all tasks. */
int demo_pieces_write(const char *folder, const struct demo_all *all,
                      struct fb_err *err) FB_MUST_CHECK;

#endif
