/* pools.c - the registry of model pools: one row each. */
#include "pool/pool.h"

#include <stddef.h>

extern const struct fb_pool_type fb_pool_gpt2_cls, fb_pool_auto_model, fb_pool_seq2seq,
    fb_pool_peft_seq2seq;

const struct fb_pool_type *const fb_pool_types[] = {&fb_pool_gpt2_cls, &fb_pool_auto_model,
                                                    &fb_pool_seq2seq, &fb_pool_peft_seq2seq, NULL};
