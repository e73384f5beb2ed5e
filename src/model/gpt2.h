/* gpt2.h - the GPT-2 architecture (Radford et al. 2019) as transformers 4.46 computes it, for
 * classification: the hidden state of each sequence's last token.
 *
 * Everything is computed in f32 whatever the checkpoint stores. No language model head, no cross
 * attention, no cache for generation. */
#ifndef FB_MODEL_GPT2_H
#define FB_MODEL_GPT2_H

#include "config/node.h"
#include "data/batch.h"
#include "model/weights.h"
#include "nn/grads.h"
#include "nn/ops.h"

struct fb_gpt2_config {
    int64_t n_layer, n_head, n_embd, n_inner, n_positions, vocab_size;
    enum fb_activation activation;
    double layer_norm_epsilon;
    double embd_pdrop, attn_pdrop, resid_pdrop; /* dropout while training */
    bool scale_attn_weights, scale_attn_by_inverse_layer_idx;
    int64_t num_labels;   /* size of id2label if there is one, else num_labels, else 2 */
    int64_t pad_token_id; /* -1: not set */
};

/* Reads config.json. Missing keys have GPT2Config's defaults. FB_EFORMAT names the key, its value
 * and the limits; FB_EUNSUPPORTED the option that is understood and refused. */
int fb_gpt2_config_read(struct fb_gpt2_config *out, const struct fb_node *json,
                        struct fb_err *err) FB_MUST_CHECK;

struct fb_gpt2; /* opaque, owned: fb_gpt2_free; any number of threads may not share one graph */

/* Binds the tensors ("wte.weight", "h.0.ln_1.weight"; names have no "transformer."), all of which
 * must be there in the right shape (FB_ENOTFOUND, FB_EMISMATCH); others are ignored. Matrices of
 * linear layers and their biases are copied into the form the kernels want; for the rest `weights`
 * is borrowed until fb_gpt2_free. */
int fb_gpt2_create(struct fb_gpt2 **out, const struct fb_gpt2_config *config,
                   const struct fb_weights *weights, struct fb_err *err) FB_MUST_CHECK;
/* The same, but values of `weights` are released (fb_weights_release) as soon as they have been
 * copied, so that the model and its copy are never in memory together. */
int fb_gpt2_create_from(struct fb_gpt2 **out, const struct fb_gpt2_config *config,
                        struct fb_weights *weights, struct fb_err *err) FB_MUST_CHECK;
/* The tensors have changed, or are other ones of the same shapes: binds and copies them again into
 * the same memory. */
int fb_gpt2_refresh(struct fb_gpt2 *m, const struct fb_weights *weights,
                    struct fb_err *err) FB_MUST_CHECK;
void fb_gpt2_free(struct fb_gpt2 *m);

const struct fb_gpt2_config *fb_gpt2_config(const struct fb_gpt2 *m);

/* Adds all tensors that the configuration demands, uninitialised, in the order of a state dict. */
int fb_gpt2_declare(struct fb_weights *weights, const struct fb_gpt2_config *config,
                    struct fb_err *err) FB_MUST_CHECK;
/* Adds all parameters in the order of a state dict, or those that `filter` wants. */
int fb_gpt2_grads(struct fb_grads *grads, const struct fb_gpt2 *m,
                  const struct fb_grads_filter *filter, struct fb_err *err) FB_MUST_CHECK;
/* The linear layer "h.0.attn.c_attn", to put an update of low rank beside it; NULL: there is none.
 */
struct fb_linear *fb_gpt2_linear(struct fb_gpt2 *m, const char *name);

/* Hidden state after ln_f of the last token of each segment [segments, n_embd], as a value of `g`,
 * which is reset first; NULL after a failure, as below. With a tape it can be walked back: the
 * batch is then one of fb_batches_plan_unshared, whose segments are its sequences. While training
 * there is dropout where GPT2Model has it. */
struct fb_tensor *fb_gpt2_forward(const struct fb_gpt2 *m, const struct fb_batch *batch,
                                  struct fb_graph *g, struct fb_err *err);

/* The same for every token: [tokens, n_embd]. */
struct fb_tensor *fb_gpt2_states(const struct fb_gpt2 *m, const struct fb_batch *batch,
                                 struct fb_graph *g, struct fb_err *err);

/* Hidden state after ln_f of the last token of each sequence of the batch.
 *   out [batch->sequences, n_embd], in the order of batch->sequence
 * `g` gives the memory and may have an observer; it is reset first. FB_EMISMATCH for an id outside
 * the vocabulary or a sequence longer than n_positions. */
int fb_gpt2_last_hidden(const struct fb_gpt2 *m, const struct fb_batch *batch, float *out,
                        struct fb_graph *g, struct fb_err *err) FB_MUST_CHECK;

/* The classification head as a layer "score" without bias: logits are fb_op_linear of it. Owned:
 * fb_packed_free(&head->weight). FB_EMISMATCH when the score is not a matrix of n_embd columns. */
int fb_gpt2_head(struct fb_linear *head, const struct fb_weight *score, int64_t n_embd,
                 struct fb_err *err) FB_MUST_CHECK;

/* logits = hidden score^T
 *   hidden [rows, n_embd]   score: weight [labels, n_embd]   out [rows, labels]
 * FB_EMISMATCH when the score is not a matrix of n_embd columns. */
int fb_gpt2_logits(float *out, const float *hidden, int64_t rows, int64_t n_embd,
                   const struct fb_weight *score, struct fb_err *err) FB_MUST_CHECK;

#endif
