/* gpt2_cls.c - GPT-2 classifiers: what is merged is the backbone.
 *
 * State dict of GPT2Model: wte, wpe, per block ln_1, attn.c_attn, attn.c_proj, ln_2, mlp.c_fc,
 * mlp.c_proj, then ln_f; weight before bias. Names may carry "transformer.". The heads (score,
 * lm_head) belong to the tasks and the buffers attn.bias and attn.masked_bias to old versions of
 * the library: neither is a key, nor is anything else. */
#include "pool/pool.h"

#include "base/str.h"

#include <string.h>

struct opts {
    const struct fb_node *models;
};

static const struct fb_opt opts[] = {
    FB_OPT_NODE(struct opts, models, "null", "the models: a list of {name, path} or a mapping"),
    FB_OPT_END,
};

enum { AFTER_BLOCKS = 1 << 24 };

static const char *const in_block[] = {
    "ln_1.weight",        "ln_1.bias",        "attn.c_attn.weight", "attn.c_attn.bias",
    "attn.c_proj.weight", "attn.c_proj.bias", "ln_2.weight",        "ln_2.bias",
    "mlp.c_fc.weight",    "mlp.c_fc.bias",    "mlp.c_proj.weight",  "mlp.c_proj.bias"};

enum { PER_BLOCK = sizeof in_block / sizeof *in_block };

/* "h.12." in front of the name: the block number, and the rest of the name; -1 if there is none. */
static int block_number(const char *name, const char **rest) {
    int number = 0;

    if (name[0] != 'h' || name[1] != '.') return -1;
    name += 2;
    if (name[0] == '0' && name[1] != '.') return -1;
    for (int digits = 0; *name >= '0' && *name <= '9'; digits++) {
        if (digits == 6) return -1;
        number = number * 10 + (*name++ - '0');
    }
    if (*name != '.' || name[-1] == '.') return -1;
    *rest = name + 1;
    return number;
}

/* Position of a key in the state dict, or -1. */
static int rank(const char *name) {
    const char *rest;
    int block;

    if (!strcmp(name, "wte.weight")) return 0;
    if (!strcmp(name, "wpe.weight")) return 1;
    if (!strcmp(name, "ln_f.weight")) return AFTER_BLOCKS;
    if (!strcmp(name, "ln_f.bias")) return AFTER_BLOCKS + 1;
    if ((block = block_number(name, &rest)) < 0) return -1;
    for (int i = 0; i < PER_BLOCK; i++)
        if (!strcmp(rest, in_block[i])) return 2 + block * PER_BLOCK + i;
    return -1;
}

static const char *canonical(const char *name) {
    if (fb_starts_with(name, "transformer.")) name += strlen("transformer.");
    return rank(name) < 0 ? NULL : name;
}

static int compare(const char *a, const char *b) {
    int left = rank(a), right = rank(b);

    return (left > right) - (left < right);
}

/* Every matrix of a block is a Conv1D. */
static bool conv1d(const char *name) {
    const char *key = canonical(name);

    return key && fb_starts_with(key, "h.");
}

/* All of them have GPT-2's blocks. */
static const char *const model_types[] = {"gpt2", "openai-gpt", "imagegpt", NULL};

static const char *const targets[] = {"fusion_bench.modelpool.HuggingFaceGPT2ClassificationPool",
                                      "fusion_bench.modelpool.GPT2ForSequenceClassificationPool",
                                      NULL};

const struct fb_pool_type fb_pool_gpt2_cls = {
    .name = "HF_GPT2ForSequenceClassification",
    .targets = targets,
    .summary = "GPT-2 classifiers, whose backbones are merged.",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .canonical = canonical,
    .compare = compare,
    .conv1d = conv1d,
    .model_types = model_types,
    .marker = "h.0.attn.c_attn.weight",
    .backbone = "GPT2Model",
};
