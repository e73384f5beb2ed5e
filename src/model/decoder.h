/* decoder.h - the decoder of a T5 model, one token per sequence and step.
 *
 * Keys and values of the tokens so far and of the encoder states are kept. A row of a step is one
 * sequence; its result depends on that sequence alone. */
#ifndef FB_MODEL_DECODER_H
#define FB_MODEL_DECODER_H

#include "model/t5.h"

struct fb_decoder; /* opaque, owned: fb_decoder_free */

/* Begins with all sequences of a batch (fb_batches_plan_unshared), as rows in its order. `states`
 * are those of fb_t5_encode; afterwards they are not needed. At most `steps` steps will follow;
 * memory is about 2 (tokens + sequences * steps) * num_heads * d_kv * num_decoder_layers values.
 * `m` is borrowed until the free. */
int fb_decoder_begin(struct fb_decoder **out, const struct fb_t5 *m, const struct fb_batch *batch,
                     const float *states, int64_t steps, struct fb_err *err) FB_MUST_CHECK;
void fb_decoder_free(struct fb_decoder *d);

/* Rows that are still there. */
int64_t fb_decoder_rows(const struct fb_decoder *d);
/* Which sequence of the batch a row is. */
int64_t fb_decoder_sequence(const struct fb_decoder *d, int64_t row);
/* One token each, id [rows]; the hidden states after the final norm and the scaling of a tied head,
 * out [rows, d_model]. FB_EMISMATCH for an id outside the vocabulary, or more steps than agreed. */
int fb_decoder_step(struct fb_decoder *d, const int32_t *id, float *out,
                    struct fb_err *err) FB_MUST_CHECK;
/* Drops the rows whose `keep` [rows] is false; the others move up. */
void fb_decoder_keep(struct fb_decoder *d, const bool *keep);

/* The largest logit of each row: its id (the lowest of equal ones; the first NaN if there is one).
 *   hidden [rows, d_model] of fb_decoder_step   id [rows] */
int fb_t5_argmax(const struct fb_t5 *m, const float *hidden, int64_t rows, int32_t *id,
                 struct fb_err *err) FB_MUST_CHECK;
/* logits [rows, vocab_size] */
int fb_t5_logits(const struct fb_t5 *m, const float *hidden, int64_t rows, float *logits,
                 struct fb_err *err) FB_MUST_CHECK;

#endif
