/* seq2seq.c - the Flan-T5 pools, whole checkpoints and LoRA adapters: known, not yet readable.
 *
 * The rows exist so that a run with one of them is refused by name before anything is opened. */
#include "pool/pool.h"

#define UNAVAILABLE "Flan-T5 pools are not available in this build"

struct opts {
    const struct fb_node *models;
};

static const struct fb_opt opts[] = {
    FB_OPT_NODE(struct opts, models, "null", "the models: a list of {name, path} or a mapping"),
    FB_OPT_END,
};

static const char *canonical(const char *name) {
    return name;
}

static const char *const seq2seq_targets[] = {"fusion_bench.modelpool.Seq2SeqLMPool",
                                              "fusion_bench.modelpool.AutoModelForSeq2SeqLMPool",
                                              NULL};

const struct fb_pool_type fb_pool_seq2seq = {
    .name = "AutoModelForSeq2SeqLMPool",
    .targets = seq2seq_targets,
    .summary = "Flan-T5 models.",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .canonical = canonical,
    .unavailable = UNAVAILABLE,
};

static const char *const peft_targets[] = {"fusion_bench.modelpool.PeftModelForSeq2SeqLMPool",
                                           NULL};

const struct fb_pool_type fb_pool_peft_seq2seq = {
    .name = "PeftModelForSeq2SeqLMPool",
    .targets = peft_targets,
    .summary = "Flan-T5 models given as LoRA adapters of one base.",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .canonical = canonical,
    .unavailable = UNAVAILABLE,
};
