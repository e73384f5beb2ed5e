/* t5.h - the T5 architecture (Raffel et al. 2020; v1.1 and Flan: gated, untied) as transformers
 * 4.46 computes it for text generation.
 *
 * Everything is computed in f32 whatever the checkpoint stores. Sequences are ragged: nothing is
 * padded, so no masks are needed. */
#ifndef FB_MODEL_T5_H
#define FB_MODEL_T5_H

#include "config/node.h"
#include "data/batch.h"
#include "model/weights.h"
#include "nn/grads.h"
#include "nn/ops.h"

struct fb_t5_config {
    int64_t vocab_size, d_model, d_kv, d_ff, num_layers, num_decoder_layers, num_heads;
    int64_t relative_attention_num_buckets, relative_attention_max_distance;
    enum fb_activation activation;
    bool gated; /* feed_forward_proj "gated-..." */
    double layer_norm_epsilon;
    double dropout_rate;      /* while training */
    bool tie_word_embeddings; /* head = shared embedding; its input is scaled by d_model^-0.5 */
    int64_t pad_token_id, eos_token_id, decoder_start_token_id;
};

/* Reads config.json. Missing keys have T5Config's defaults. FB_EFORMAT names the key, its value
 * and the limits; FB_EUNSUPPORTED the option that is understood and refused. */
int fb_t5_config_read(struct fb_t5_config *out, const struct fb_node *json,
                      struct fb_err *err) FB_MUST_CHECK;

struct fb_t5; /* opaque, owned: fb_t5_free; any number of threads may not share one graph */

/* Binds the tensors ("shared.weight", "encoder.block.0.layer.0.SelfAttention.q.weight" ...), all of
 * which must be there in the right shape (FB_ENOTFOUND, FB_EMISMATCH); others are ignored. The
 * embedding is "shared.weight"; "lm_head.weight" is read only when the config does not tie it.
 * Matrices of linear layers are copied into the form the kernels want; for the rest `weights` is
 * borrowed until fb_t5_free. */
int fb_t5_create(struct fb_t5 **out, const struct fb_t5_config *config,
                 const struct fb_weights *weights, struct fb_err *err) FB_MUST_CHECK;
/* The same, but values of `weights` are released (fb_weights_release) as soon as they have been
 * copied, so that the model and its copy are never in memory together. */
int fb_t5_create_from(struct fb_t5 **out, const struct fb_t5_config *config,
                      struct fb_weights *weights, struct fb_err *err) FB_MUST_CHECK;
/* The tensors have changed, or are other ones of the same shapes: binds and copies them again into
 * the same memory. */
int fb_t5_refresh(struct fb_t5 *m, const struct fb_weights *weights,
                  struct fb_err *err) FB_MUST_CHECK;
void fb_t5_free(struct fb_t5 *m);

const struct fb_t5_config *fb_t5_config(const struct fb_t5 *m);

/* Adds all tensors that the configuration demands, uninitialised, in the order of a state dict. */
int fb_t5_declare(struct fb_weights *weights, const struct fb_t5_config *config,
                  struct fb_err *err) FB_MUST_CHECK;
/* Adds all parameters in the order of a state dict, or those that `filter` wants. The embedding is
 * there once, as "shared.weight", whatever uses it. */
int fb_t5_grads(struct fb_grads *grads, const struct fb_t5 *m, const struct fb_grads_filter *filter,
                struct fb_err *err) FB_MUST_CHECK;
/* The linear layer "encoder.block.0.layer.0.SelfAttention.q", to put an update of low rank beside
 * it; NULL: there is none. */
struct fb_linear *fb_t5_linear(struct fb_t5 *m, const char *name);

/* Encoder states after the final norm, tokens of the batch end to end (a batch without sharing:
 * fb_batches_plan_unshared).
 *   out [batch->tokens, d_model]
 * `g` gives the memory and may have an observer; it is reset first. FB_EMISMATCH for an id outside
 * the vocabulary. */
int fb_t5_encode(const struct fb_t5 *m, const struct fb_batch *batch, float *out,
                 struct fb_graph *g, struct fb_err *err) FB_MUST_CHECK;

/* Decoder states after the final norm for every token of `targets`, as a value of `g`, which is
 * reset first: the decoder is given the targets (teacher forcing), a token sees those before it
 * and the encoder states of its sequence. Both batches are of fb_batches_plan_unshared and hold
 * the same sequences in the same order. NULL after a failure, as above. With a tape it can be
 * walked back; while training there is dropout where T5 has it.   result [targets->tokens,
 * d_model] */
struct fb_tensor *fb_t5_forward(const struct fb_t5 *m, const struct fb_batch *inputs,
                                const struct fb_batch *targets, struct fb_graph *g,
                                struct fb_err *err);
/* The head: states [rows, d_model] of fb_t5_forward to logits [rows, vocab_size]. */
struct fb_tensor *fb_t5_head(const struct fb_t5 *m, const struct fb_tensor *states,
                             struct fb_graph *g, struct fb_err *err);

#endif
