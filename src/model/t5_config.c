/* t5_config.c - config.json of a T5 model.
 *
 * Keys and defaults of transformers' T5Config, which derives the activation from feed_forward_proj
 * alone ("gated-gelu" means gelu_new). The cache and what generation_config.json says do not change
 * what is computed here and are ignored. */
#include "model/json_keys.h"
#include "model/t5.h"

#include <string.h>

#define NUMBER(f, alias, fallback, least, most)                                                    \
    { #f, alias, offsetof(struct fb_t5_config, f), fallback, least, most }

/* num_decoder_layers: 0 stands for null, as many as num_layers. */
static const struct fb_json_int numbers[] = {
    NUMBER(vocab_size, NULL, 32128, 1, 1 << 24),
    NUMBER(d_model, "hidden_size", 512, 1, 1 << 17),
    NUMBER(d_kv, NULL, 64, 1, 1 << 14),
    NUMBER(d_ff, NULL, 2048, 1, 1 << 20),
    NUMBER(num_layers, "num_hidden_layers", 6, 1, 1024),
    NUMBER(num_decoder_layers, NULL, 0, 1, 1024),
    NUMBER(num_heads, "num_attention_heads", 8, 1, 4096),
    NUMBER(relative_attention_num_buckets, NULL, 32, 4, 1 << 16),
    NUMBER(relative_attention_max_distance, NULL, 128, 1, 1 << 24),
    NUMBER(pad_token_id, NULL, 0, 0, (1 << 24) - 1),
    NUMBER(eos_token_id, NULL, 1, 0, (1 << 24) - 1),
    NUMBER(decoder_start_token_id, NULL, -1, 0, (1 << 24) - 1),
};

static int read_feed_forward(struct fb_t5_config *out, const struct fb_node *json,
                             struct fb_err *err) {
    static const char key[] = "feed_forward_proj";
    const struct fb_node *node = fb_json_key(json, key, NULL);
    const char *name;

    out->activation = FB_RELU;
    if (!node) return FB_OK;
    if (node->kind != FB_TEXT) return fb_json_wrong(node, key, "a name", err);
    name = node->text;
    if (!strcmp(name, "gated-gelu")) name = "gated-gelu_new";
    out->gated = strncmp(name, "gated-", 6) == 0;
    return fb_json_activation(&out->activation, name + (out->gated ? 6 : 0), key, node, err);
}

/* The distances of the logarithmic buckets begin where the exact ones end. */
static int check_buckets(const struct fb_t5_config *c, struct fb_err *err) {
    int64_t exact = c->relative_attention_num_buckets / 2;

    if (c->relative_attention_max_distance > exact) return FB_OK;
    return fb_fail(err, FB_EFORMAT,
                   "relative_attention_max_distance is %jd, must be more than half of the %jd "
                   "relative_attention_num_buckets",
                   (intmax_t)c->relative_attention_max_distance,
                   (intmax_t)c->relative_attention_num_buckets);
}

/* What would change the numbers and is not implemented. */
static int refuse(const struct fb_node *json, struct fb_err *err) {
    bool encoder_decoder, tied;

    if (fb_json_model_type(json, "t5", err)) return err->code;
    if (fb_json_flag(&encoder_decoder, "is_encoder_decoder", true, json, err) ||
        fb_json_flag(&tied, "tie_encoder_decoder", false, json, err))
        return err->code;
    if (!encoder_decoder)
        return fb_fail(err, FB_EUNSUPPORTED, "is_encoder_decoder false is not supported");
    if (tied) return fb_fail(err, FB_EUNSUPPORTED, "tie_encoder_decoder is not supported");
    return FB_OK;
}

int fb_t5_config_read(struct fb_t5_config *out, const struct fb_node *json, struct fb_err *err) {
    *out = (struct fb_t5_config){0};
    if (!json || json->kind != FB_MAP)
        return fb_fail(err, FB_EFORMAT, "a model configuration must be a mapping, found a %s",
                       json ? fb_kind_name(json->kind) : "null");
    if (refuse(json, err)) return err->code;
    if (fb_json_ints(out, numbers, sizeof numbers / sizeof *numbers, json, err) ||
        fb_json_fraction(&out->layer_norm_epsilon, "layer_norm_epsilon", 1e-6, json, err) ||
        fb_json_fraction(&out->dropout_rate, "dropout_rate", 0.1, json, err) ||
        read_feed_forward(out, json, err) ||
        fb_json_flag(&out->tie_word_embeddings, "tie_word_embeddings", true, json, err))
        return err->code;
    if (out->num_decoder_layers == 0) out->num_decoder_layers = out->num_layers;
    return check_buckets(out, err);
}
