#include "model/json_keys.h"

#include <string.h>

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

const struct fb_node *fb_json_key(const struct fb_node *json, const char *key, const char *alias) {
    const struct fb_node *node = fb_node_get(json, key);

    if (!node && alias) node = fb_node_get(json, alias);
    return node && node->kind != FB_NULL ? node : NULL;
}

int fb_json_wrong(const struct fb_node *node, const char *key, const char *expected,
                  struct fb_err *err) {
    char place[512];

    fb_place_format(place, sizeof place, node->place);
    return fb_fail(err, FB_EFORMAT, "%s'%s' is %s %s, expected %s", place, key,
                   node->kind == FB_INT ? "an" : "a", fb_kind_name(node->kind), expected);
}

static int read_int(int64_t *to, const struct fb_json_int *n, const struct fb_node *json,
                    struct fb_err *err) {
    const struct fb_node *node = fb_json_key(json, n->key, n->alias);
    char place[512];

    *to = n->fallback;
    if (!node) return FB_OK;
    if (node->kind != FB_INT) return fb_json_wrong(node, n->key, "a whole number", err);
    *to = node->value.integer;
    if (*to >= n->least && *to <= n->most) return FB_OK;
    fb_place_format(place, sizeof place, node->place);
    return fb_fail(err, FB_EFORMAT, "%s'%s' is %jd, expected %jd to %jd", place, n->key,
                   (intmax_t)*to, (intmax_t)n->least, (intmax_t)n->most);
}

int fb_json_ints(void *out, const struct fb_json_int *ints, size_t n, const struct fb_node *json,
                 struct fb_err *err) {
    for (size_t i = 0; i < n; i++)
        if (read_int((int64_t *)(void *)((char *)out + ints[i].offset), &ints[i], json, err))
            return err->code;
    return FB_OK;
}

int fb_json_flag(bool *out, const char *key, bool fallback, const struct fb_node *json,
                 struct fb_err *err) {
    const struct fb_node *node = fb_json_key(json, key, NULL);

    *out = fallback;
    if (!node) return FB_OK;
    if (node->kind != FB_BOOL) return fb_json_wrong(node, key, "true or false", err);
    *out = node->value.flag;
    return FB_OK;
}

int fb_json_fraction(double *out, const char *key, double fallback, const struct fb_node *json,
                     struct fb_err *err) {
    const struct fb_node *node = fb_json_key(json, key, NULL);
    char place[512];

    *out = fallback;
    if (!node) return FB_OK;
    if (node->kind != FB_REAL && node->kind != FB_INT)
        return fb_json_wrong(node, key, "a number", err);
    *out = node->kind == FB_REAL ? node->value.real : (double)node->value.integer;
    if (*out >= 0 && *out <= 1) return FB_OK;
    fb_place_format(place, sizeof place, node->place);
    return fb_fail(err, FB_EFORMAT, "%s'%s' is %g, expected 0 to 1", place, key, *out);
}

int fb_json_activation(enum fb_activation *out, const char *name, const char *key,
                       const struct fb_node *node, struct fb_err *err) {
    char place[512];

    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        if (!strcmp(activations[i].name, name)) {
            *out = activations[i].activation;
            return FB_OK;
        }
    fb_place_format(place, sizeof place, node->place);
    return fb_fail(err, FB_EUNSUPPORTED,
                   "%s%s '%s' is not supported; known are gelu_new, gelu_pytorch_tanh, gelu_fast, "
                   "gelu, gelu_python, relu, silu, swish, tanh",
                   place, key, name);
}

int fb_json_model_type(const struct fb_node *json, const char *type, struct fb_err *err) {
    const struct fb_node *node = fb_json_key(json, "model_type", NULL);

    if (node && (node->kind != FB_TEXT || strcmp(node->text, type) != 0))
        return fb_fail(err, FB_EUNSUPPORTED, "model_type is '%s', expected '%s'",
                       node->kind == FB_TEXT ? node->text : fb_kind_name(node->kind), type);
    if (fb_json_key(json, "quantization_config", NULL))
        return fb_fail(err, FB_EUNSUPPORTED, "quantization_config is not supported");
    return FB_OK;
}
