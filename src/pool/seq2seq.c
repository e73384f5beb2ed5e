/* seq2seq.c - T5 models for text generation.
 *
 * State dict of T5ForConditionalGeneration: shared, the encoder's blocks, the decoder's, lm_head.
 * The embedding has three names (shared, encoder.embed_tokens, decoder.embed_tokens), which are
 * three keys of the reference's state dict and one tensor; a tied head is a fourth. A checkpoint
 * may hold any of them; here the key is "shared.weight". */
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

#define SHARED "shared.weight"
#define HEAD   "lm_head.weight"

static const char *canonical(const char *name) {
    if (!strcmp(name, "encoder.embed_tokens.weight") ||
        !strcmp(name, "decoder.embed_tokens.weight"))
        return SHARED;
    return name;
}

/* Order of a part of a name among its siblings; what is not listed comes last. */
static int part_rank(const char *part, size_t size) {
    static const char *const order[] = {"shared",
                                        "encoder",
                                        "block",
                                        "layer",
                                        "SelfAttention",
                                        "EncDecAttention",
                                        "DenseReluDense",
                                        "q",
                                        "k",
                                        "v",
                                        "o",
                                        "relative_attention_bias",
                                        "wi",
                                        "wi_0",
                                        "wi_1",
                                        "wo",
                                        "layer_norm",
                                        "final_layer_norm",
                                        "decoder",
                                        "lm_head"};
    enum { N = sizeof order / sizeof *order };

    for (int i = 0; i < N; i++)
        if (strlen(order[i]) == size && !memcmp(order[i], part, size)) return i;
    return N;
}

static int compare_parts(const char *a, size_t m, const char *b, size_t n) {
    int left = part_rank(a, m), right = part_rank(b, n), order;

    if (left != right) return left < right ? -1 : 1;
    if (a[0] >= '0' && a[0] <= '9' && m != n) return m < n ? -1 : 1; /* numbers */
    order = memcmp(a, b, m < n ? m : n);
    return order ? order : (m > n) - (m < n);
}

static int compare(const char *a, const char *b) {
    while (*a && *b) {
        size_t m = strcspn(a, "."), n = strcspn(b, ".");
        int order = compare_parts(a, m, b, n);
        if (order) return order;
        a += m + (a[m] == '.');
        b += n + (b[n] == '.');
    }
    return (*a != '\0') - (*b != '\0');
}

/* tie_word_embeddings, whose default is true. Loose files have no configuration: every tensor that
 * is there counts. */
static bool is_tied(const struct fb_node *config) {
    const struct fb_node *node = fb_node_get(config, "tie_word_embeddings");

    return config && (!node || node->kind != FB_BOOL || node->value.flag);
}

static bool drops(const struct fb_node *config, const char *name) {
    return !strcmp(name, HEAD) && is_tied(config);
}

static int copies(const struct fb_node *config, const char *name) {
    if (strcmp(name, SHARED) != 0) return 1;
    return is_tied(config) ? 4 : 3;
}

static const char *const seq2seq_targets[] = {"fusion_bench.modelpool.Seq2SeqLMPool",
                                              "fusion_bench.modelpool.AutoModelForSeq2SeqLMPool",
                                              NULL};

static const char *const model_types[] = {"t5", "mt5", "umt5", NULL};

const struct fb_pool_type fb_pool_seq2seq = {
    .name = "AutoModelForSeq2SeqLMPool",
    .targets = seq2seq_targets,
    .summary = "T5 models for text generation.",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .canonical = canonical,
    .compare = compare,
    .shares = true,
    .drops = drops,
    .copies = copies,
    .model_types = model_types,
    .marker = SHARED,
    .backbone = "T5ForConditionalGeneration",
};

static const char *const peft_targets[] = {"fusion_bench.modelpool.PeftModelForSeq2SeqLMPool",
                                           NULL};

const struct fb_pool_type fb_pool_peft_seq2seq = {
    .name = "PeftModelForSeq2SeqLMPool",
    .targets = peft_targets,
    .summary = "T5 models given as LoRA adapters of one base.",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .canonical = canonical,
    .compare = compare,
    .shares = true,
    .drops = drops,
    .copies = copies,
    .adapters = true,
    .backbone = "T5ForConditionalGeneration",
};
