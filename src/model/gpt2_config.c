/* gpt2_config.c - config.json of a GPT-2 model.
 *
 * Keys and defaults of transformers' GPT2Config, with the aliases it accepts. Token ids other than
 * the padding, cache and generation settings do not change what is computed here and are ignored;
 * reorder_and_upcast_attn changes nothing in f32. */
#include "model/gpt2.h"
#include "model/json_keys.h"

#define NUMBER(f, alias, fallback, least, most)                                                    \
    { #f, alias, offsetof(struct fb_gpt2_config, f), fallback, least, most }

/* n_inner: 0 stands for null, four times n_embd. */
static const struct fb_json_int numbers[] = {
    NUMBER(n_layer, "num_hidden_layers", 12, 1, 1024),
    NUMBER(n_head, "num_attention_heads", 12, 1, 4096),
    NUMBER(n_embd, "hidden_size", 768, 1, 1 << 17),
    NUMBER(n_inner, NULL, 0, 1, 1 << 20),
    NUMBER(n_positions, "max_position_embeddings", 1024, 1, 1 << 20),
    NUMBER(vocab_size, NULL, 50257, 1, 1 << 24),
    NUMBER(num_labels, NULL, 2, 1, 1 << 16),
    NUMBER(pad_token_id, NULL, -1, 0, (1 << 24) - 1),
};

static int read_activation(struct fb_gpt2_config *out, const struct fb_node *json,
                           struct fb_err *err) {
    const struct fb_node *node = fb_json_key(json, "activation_function", NULL);

    out->activation = FB_GELU_TANH;
    if (!node) return FB_OK;
    if (node->kind != FB_TEXT) return fb_json_wrong(node, "activation_function", "a name", err);
    return fb_json_activation(&out->activation, node->text, "activation_function", node, err);
}

/* What would change the numbers and is not implemented. */
static int refuse(const struct fb_node *json, struct fb_err *err) {
    const struct fb_node *heads = fb_json_key(json, "pruned_heads", NULL);
    bool cross;

    if (fb_json_model_type(json, "gpt2", err)) return err->code;
    if (fb_json_flag(&cross, "add_cross_attention", false, json, err)) return err->code;
    if (cross) return fb_fail(err, FB_EUNSUPPORTED, "add_cross_attention is not supported");
    if (heads && heads->count > 0)
        return fb_fail(err, FB_EUNSUPPORTED, "pruned_heads are not supported");
    return FB_OK;
}

int fb_gpt2_config_read(struct fb_gpt2_config *out, const struct fb_node *json,
                        struct fb_err *err) {
    const struct fb_node *labels = fb_json_key(json, "id2label", NULL);

    *out = (struct fb_gpt2_config){0};
    if (!json || json->kind != FB_MAP)
        return fb_fail(err, FB_EFORMAT, "a model configuration must be a mapping, found a %s",
                       json ? fb_kind_name(json->kind) : "null");
    if (refuse(json, err)) return err->code;
    if (fb_json_ints(out, numbers, sizeof numbers / sizeof *numbers, json, err) ||
        fb_json_fraction(&out->layer_norm_epsilon, "layer_norm_epsilon", 1e-5, json, err) ||
        fb_json_fraction(&out->embd_pdrop, "embd_pdrop", 0.1, json, err) ||
        fb_json_fraction(&out->attn_pdrop, "attn_pdrop", 0.1, json, err) ||
        fb_json_fraction(&out->resid_pdrop, "resid_pdrop", 0.1, json, err) ||
        read_activation(out, json, err) ||
        fb_json_flag(&out->scale_attn_weights, "scale_attn_weights", true, json, err) ||
        fb_json_flag(&out->scale_attn_by_inverse_layer_idx, "scale_attn_by_inverse_layer_idx",
                     false, json, err))
        return err->code;
    if (labels && labels->kind != FB_MAP)
        return fb_json_wrong(labels, "id2label", "a mapping", err);
    if (labels && labels->count > 0) out->num_labels = labels->count;
    if (out->n_inner == 0) out->n_inner = 4 * out->n_embd;
    if (out->n_embd % out->n_head)
        return fb_fail(err, FB_EFORMAT, "n_embd %jd is not a multiple of n_head %jd",
                       (intmax_t)out->n_embd, (intmax_t)out->n_head);
    return FB_OK;
}
