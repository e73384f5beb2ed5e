/* json_keys.h - reading the keys of a model's config.json. */
#ifndef FB_MODEL_JSON_KEYS_H
#define FB_MODEL_JSON_KEYS_H

#include "config/node.h"
#include "kernel/kernel.h"

#include <stddef.h>

/* A whole number of a struct: where it goes and what is allowed. */
struct fb_json_int {
    const char *key, *alias; /* alias: another name, or NULL */
    size_t offset;           /* of an int64_t */
    int64_t fallback, least, most;
};

/* The value of a key or of its alias; NULL when it is absent or null. */
const struct fb_node *fb_json_key(const struct fb_node *json, const char *key, const char *alias);
/* FB_EFORMAT "FILE:1:2: 'KEY' is a KIND, expected WHAT". */
int fb_json_wrong(const struct fb_node *node, const char *key, const char *expected,
                  struct fb_err *err);
/* Reads `n` numbers into the struct `out`. FB_EFORMAT names the key, its value and the limits. */
int fb_json_ints(void *out, const struct fb_json_int *ints, size_t n, const struct fb_node *json,
                 struct fb_err *err) FB_MUST_CHECK;
int fb_json_flag(bool *out, const char *key, bool fallback, const struct fb_node *json,
                 struct fb_err *err) FB_MUST_CHECK;
/* A number of [0, 1]. */
int fb_json_fraction(double *out, const char *key, double fallback, const struct fb_node *json,
                     struct fb_err *err) FB_MUST_CHECK;
/* An activation by the name that transformers' ACT2FN has for it. FB_EUNSUPPORTED lists the known
 * ones; `key` and `node` say where the name stands. */
int fb_json_activation(enum fb_activation *out, const char *name, const char *key,
                       const struct fb_node *node, struct fb_err *err) FB_MUST_CHECK;
/* FB_EUNSUPPORTED for a model_type that is another one, and for quantized weights. */
int fb_json_model_type(const struct fb_node *json, const char *type,
                       struct fb_err *err) FB_MUST_CHECK;

#endif
