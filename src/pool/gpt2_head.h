/* gpt2_head.h - the classification head of a GPT-2 model: it belongs to a task and is never merged.
 *
 * score.weight [labels, n_embd] of the model's own checkpoint; no bias. */
#ifndef FB_POOL_GPT2_HEAD_H
#define FB_POOL_GPT2_HEAD_H

#include "model/gpt2.h"
#include "pool/pool.h"

enum { FB_GPT2_LABELS_MAX = 1 << 16 };

/* Owned: fb_gpt2_head_free. */
struct fb_gpt2_head {
    struct fb_gpt2_config config; /* of the model that the head is from */
    struct fb_weight score;       /* values owned */
    int labels;
};

/* Whether the model of that name has a head; reads no weights. FB_ECONFIG when there is no such
 * model, FB_EFORMAT when it is no classifier, FB_EMISMATCH for a head of a strange shape. */
int fb_gpt2_head_check(struct fb_pool *pool, const char *name, struct fb_err *err) FB_MUST_CHECK;
/* FB_EMISMATCH when the head does not have `n_embd` columns. */
int fb_gpt2_head_load(struct fb_gpt2_head *out, struct fb_pool *pool, const char *name,
                      int64_t n_embd, struct fb_err *err) FB_MUST_CHECK;
void fb_gpt2_head_free(struct fb_gpt2_head *head);

#endif
