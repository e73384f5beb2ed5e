/* decoder.h - the decoder of a T5 model, one token per sequence and step.
 *
 * Keys and values of the tokens so far and of the encoder states are kept. A row of a step is one
 * sequence; its result depends on that sequence alone. */
#ifndef FB_MODEL_DECODER_H
#define FB_MODEL_DECODER_H

#include "model/t5.h"

struct fb_decoder; /* opaque, owned: fb_decoder_free */

/* How much a decoder keeps at most. Keys and values take 2 * places * num_heads * d_kv *
 * num_decoder_layers values. */
struct fb_decoder_room {
    int64_t sequences;
    int64_t places; /* tokens of the prompts, and `steps` for each sequence */
    int64_t steps;
};

/* Without sequences. `m` is borrowed until the free. */
int fb_decoder_open(struct fb_decoder **out, const struct fb_t5 *m,
                    const struct fb_decoder_room *room, struct fb_err *err) FB_MUST_CHECK;
void fb_decoder_free(struct fb_decoder *d);
/* Whether it has that much room, for just as many steps. */
bool fb_decoder_fits(const struct fb_decoder *d, const struct fb_decoder_room *room);
/* Drops all sequences; the memory is kept. */
void fb_decoder_clear(struct fb_decoder *d);
/* Adds all sequences of a batch (fb_batches_plan_unshared) as rows, in its order, before the first
 * step. `states` are those of fb_t5_encode; afterwards they are not needed. FB_EMISMATCH when there
 * is no room for them. */
int fb_decoder_add(struct fb_decoder *d, const struct fb_batch *batch, const float *states,
                   struct fb_err *err) FB_MUST_CHECK;

/* Rows that are still there. */
int64_t fb_decoder_rows(const struct fb_decoder *d);
/* Which sequence a row is, counted in the order in which they were added. */
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
