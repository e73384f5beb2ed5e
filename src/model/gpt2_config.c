/* gpt2_config.c - config.json of a GPT-2 model.
 *
 * Keys and defaults of transformers' GPT2Config, with the aliases it accepts. Dropout rates, token
 * ids other than the padding, cache and generation settings do not change what is computed here and
 * are ignored; reorder_and_upcast_attn changes nothing in f32. */
#include "model/gpt2.h"

#include <string.h>

struct number {
    const char *key, *alias;
    size_t offset;
    int64_t fallback, least, most;
};

#define NUMBER(f, alias, fallback, least, most)                                                    \
    { #f, alias, offsetof(struct fb_gpt2_config, f), fallback, least, most }

/* n_inner: 0 stands for null, four times n_embd. */
static const struct number numbers[] = {
    NUMBER(n_layer, "num_hidden_layers", 12, 1, 1024),
    NUMBER(n_head, "num_attention_heads", 12, 1, 4096),
    NUMBER(n_embd, "hidden_size", 768, 1, 1 << 17),
    NUMBER(n_inner, NULL, 0, 1, 1 << 20),
    NUMBER(n_positions, "max_position_embeddings", 1024, 1, 1 << 20),
    NUMBER(vocab_size, NULL, 50257, 1, 1 << 24),
    NUMBER(num_labels, NULL, 2, 1, 1 << 16),
    NUMBER(pad_token_id, NULL, -1, 0, (1 << 24) - 1),
};

static const struct {
    const char *name;
    enum fb_activation activation;
} activations[] = {
    {"gelu_new", FB_GELU_TANH},
    {"gelu_pytorch_tanh", FB_GELU_TANH},
    {"gelu_fast", FB_GELU_TANH},
    {"gelu", FB_GELU_ERF},
    {"gelu_python", FB_GELU_ERF},
    {"relu", FB_RELU},
    {"silu", FB_SILU},
    {"swish", FB_SILU},
    {"tanh", FB_TANH},
};

static const struct fb_node *find(const struct fb_node *json, const char *key, const char *alias) {
    const struct fb_node *node = fb_node_get(json, key);

    if (!node && alias) node = fb_node_get(json, alias);
    return node && node->kind != FB_NULL ? node : NULL;
}

static int wrong(const struct fb_node *node, const char *key, const char *expected,
                 struct fb_err *err) {
    char place[512];

    fb_place_format(place, sizeof place, node->place);
    return fb_fail(err, FB_EFORMAT, "%s'%s' is %s %s, expected %s", place, key,
                   node->kind == FB_INT ? "an" : "a", fb_kind_name(node->kind), expected);
}

static int read_number(struct fb_gpt2_config *out, const struct number *n,
                       const struct fb_node *json, struct fb_err *err) {
    const struct fb_node *node = find(json, n->key, n->alias);
    int64_t *to = (int64_t *)(void *)((char *)out + n->offset);
    char place[512];

    *to = n->fallback;
    if (!node) return FB_OK;
    if (node->kind != FB_INT) return wrong(node, n->key, "a whole number", err);
    *to = node->value.integer;
    if (*to >= n->least && *to <= n->most) return FB_OK;
    fb_place_format(place, sizeof place, node->place);
    return fb_fail(err, FB_EFORMAT, "%s'%s' is %jd, expected %jd to %jd", place, n->key,
                   (intmax_t)*to, (intmax_t)n->least, (intmax_t)n->most);
}

static int read_flag(bool *out, const char *key, bool fallback, const struct fb_node *json,
                     struct fb_err *err) {
    const struct fb_node *node = find(json, key, NULL);

    *out = fallback;
    if (!node) return FB_OK;
    if (node->kind != FB_BOOL) return wrong(node, key, "true or false", err);
    *out = node->value.flag;
    return FB_OK;
}

static int read_epsilon(struct fb_gpt2_config *out, const struct fb_node *json,
                        struct fb_err *err) {
    const struct fb_node *node = find(json, "layer_norm_epsilon", NULL);
    char place[512];

    out->layer_norm_epsilon = 1e-5;
    if (!node) return FB_OK;
    if (node->kind != FB_REAL && node->kind != FB_INT)
        return wrong(node, "layer_norm_epsilon", "a number", err);
    out->layer_norm_epsilon =
        node->kind == FB_REAL ? node->value.real : (double)node->value.integer;
    if (out->layer_norm_epsilon >= 0 && out->layer_norm_epsilon <= 1) return FB_OK;
    fb_place_format(place, sizeof place, node->place);
    return fb_fail(err, FB_EFORMAT, "%s'layer_norm_epsilon' is %g, expected 0 to 1", place,
                   out->layer_norm_epsilon);
}

static int read_activation(struct fb_gpt2_config *out, const struct fb_node *json,
                           struct fb_err *err) {
    const struct fb_node *node = find(json, "activation_function", NULL);
    char place[512];

    out->activation = FB_GELU_TANH;
    if (!node) return FB_OK;
    if (node->kind != FB_TEXT) return wrong(node, "activation_function", "a name", err);
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        if (!strcmp(activations[i].name, node->text)) {
            out->activation = activations[i].activation;
            return FB_OK;
        }
    fb_place_format(place, sizeof place, node->place);
    return fb_fail(err, FB_EUNSUPPORTED,
                   "%sactivation_function '%s' is not supported; known are gelu_new, "
                   "gelu_pytorch_tanh, gelu_fast, gelu, gelu_python, relu, silu, swish, tanh",
                   place, node->text);
}

/* What would change the numbers and is not implemented. */
static int refuse(const struct fb_node *json, struct fb_err *err) {
    const struct fb_node *type = find(json, "model_type", NULL);
    const struct fb_node *heads = find(json, "pruned_heads", NULL);
    bool cross;

    if (type && (type->kind != FB_TEXT || strcmp(type->text, "gpt2") != 0))
        return fb_fail(err, FB_EUNSUPPORTED, "model_type is '%s', expected 'gpt2'",
                       type->kind == FB_TEXT ? type->text : fb_kind_name(type->kind));
    if (read_flag(&cross, "add_cross_attention", false, json, err)) return err->code;
    if (cross) return fb_fail(err, FB_EUNSUPPORTED, "add_cross_attention is not supported");
    if (heads && heads->count > 0)
        return fb_fail(err, FB_EUNSUPPORTED, "pruned_heads are not supported");
    if (find(json, "quantization_config", NULL))
        return fb_fail(err, FB_EUNSUPPORTED, "quantization_config is not supported");
    return FB_OK;
}

int fb_gpt2_config_read(struct fb_gpt2_config *out, const struct fb_node *json,
                        struct fb_err *err) {
    const struct fb_node *labels = find(json, "id2label", NULL);

    *out = (struct fb_gpt2_config){0};
    if (!json || json->kind != FB_MAP)
        return fb_fail(err, FB_EFORMAT, "a model configuration must be a mapping, found a %s",
                       json ? fb_kind_name(json->kind) : "null");
    if (refuse(json, err)) return err->code;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (read_number(out, &numbers[i], json, err)) return err->code;
    if (read_epsilon(out, json, err) || read_activation(out, json, err) ||
        read_flag(&out->scale_attn_weights, "scale_attn_weights", true, json, err) ||
        read_flag(&out->scale_attn_by_inverse_layer_idx, "scale_attn_by_inverse_layer_idx", false,
                  json, err))
        return err->code;
    if (labels && labels->kind != FB_MAP) return wrong(labels, "id2label", "a mapping", err);
    if (labels && labels->count > 0) out->num_labels = labels->count;
    if (out->n_inner == 0) out->n_inner = 4 * out->n_embd;
    if (out->n_embd % out->n_head)
        return fb_fail(err, FB_EFORMAT, "n_embd %jd is not a multiple of n_head %jd",
                       (intmax_t)out->n_embd, (intmax_t)out->n_head);
    return FB_OK;
}
