/* bpe.h - learns the byte-pair encoding of the GPT-2 models. */
#ifndef DEMO_BPE_H
#define DEMO_BPE_H

#include "rows.h"

/* vocab.json, merges.txt, tokenizer_config.json and special_tokens_map.json, as GPT2Tokenizer
 * writes them. The texts are those of demo_corpus_text. */
int demo_bpe_write(const char *folder, const struct demo_all *all,
                   struct fb_err *err) FB_MUST_CHECK;

#endif
