/* generate.h - greedy decoding with T5: at each step the id with the largest logit (the lowest of
 * equal ones), until the end token or the length limit.
 *
 * Keys and values of the decoder are kept between steps, those of the encoder states are computed
 * once, and a finished sequence leaves the batch at once. A step streams all weights of the decoder
 * from memory, so that several batches of the encoder are decoded together. A sequence's ids do not
 * depend on the others, on batch sizes or on threads. */
#ifndef FB_MODEL_GENERATE_H
#define FB_MODEL_GENERATE_H

#include "base/log.h"
#include "model/t5.h"

/* What generation_config.json (or, where that is absent, config.json) asks for. */
struct fb_generation {
    int64_t max_length; /* of the decoder's ids with the start token: at most max_length - 1 new */
    int32_t start;      /* decoder_start_token_id */
    int32_t eos[8];     /* ids that end a sequence */
    int eos_count;
    bool limited; /* max_new_tokens is set, which wins over a max_length that a caller wants */
};

/* Reads generation_config.json of a model's folder if there is one, else config.json. What is not
 * said has the defaults of transformers' GenerationConfig, so that without an eos_token_id in
 * generation_config.json nothing ends a sequence but its length; the start token alone then comes
 * from the model's configuration. FB_EUNSUPPORTED names what is not greedy
 * search (num_beams, do_sample, penalties, ...) and its value. */
int fb_generation_read(struct fb_generation *out, const struct fb_t5_config *config,
                       const char *folder, struct fb_err *err) FB_MUST_CHECK;

/* How the work is cut; none of it changes results. */
struct fb_generate_limits {
    int64_t batch_tokens;    /* most prompt tokens encoded at once; 0: chosen */
    int64_t batch_sequences; /* most prompts decoded at once; 0: chosen */
    int64_t places;          /* most tokens whose keys and values are kept, those of the answers to
                                come included; 0: batch_tokens or, without it, what 0.4 GB hold */
};

/* Generated ids, the start token not among them, the end token included when it was generated.
 * Owned: fb_generated_free. */
struct fb_generated {
    int64_t count;
    int32_t *id;     /* [count][most], `length` of each are set */
    int64_t *length; /* [count] */
    int64_t most;    /* max_length - 1 */
};

/* Opaque, owned: fb_generator_free. Its memory stays for the next prompts. */
struct fb_generator;

/* `m` is borrowed until the free. */
int fb_generator_open(struct fb_generator **out, const struct fb_t5 *m,
                      struct fb_err *err) FB_MUST_CHECK;
void fb_generator_free(struct fb_generator *g);
/* Generates for every prompt. `progress` may be NULL; it is advanced by the prompts that are done.
 * FB_EINTERRUPTED when the user asks to stop. */
int fb_generate(struct fb_generated *out, struct fb_generator *g, const struct fb_generation *how,
                const struct fb_sequences *prompts, const struct fb_generate_limits *limits,
                struct fb_progress *progress, struct fb_err *err) FB_MUST_CHECK;
void fb_generated_free(struct fb_generated *g);

#endif
