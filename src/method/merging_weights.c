#include "method/merging_weights.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/str.h"
#include "ckpt/write.h"

#include <stdlib.h>
#include <string.h>

static const char tensor_name[] = "merging_weights";

int fb_merging_weights_create(struct fb_merging_weights *out, const struct fb_pool *pool,
                              double init, bool clamp, struct fb_err *err) {
    int64_t count;

    *out = (struct fb_merging_weights){fb_pool_experts(pool), fb_pool_keys(pool), NULL, clamp};
    count = out->experts * out->tensors;
    if (!(out->value = fb_calloc((size_t)count, sizeof *out->value, err))) return err->code;
    for (int64_t i = 0; i < count; i++)
        out->value[i] = (float)init;
    return FB_OK;
}

void fb_merging_weights_free(struct fb_merging_weights *w) {
    free(w->value);
    *w = (struct fb_merging_weights){0};
}

float fb_merging_weight(const struct fb_merging_weights *w, int expert, int64_t tensor) {
    float value = w->value[expert * w->tensors + tensor];

    if (w->clamp && value < 0.0f) return 0.0f;
    return w->clamp && value > 1.0f ? 1.0f : value;
}

/* ---- merging --------------------------------------------------------------------------------- */

FB_CLONES static void add_weighted(float *out, const float *expert, const float *base, float weight,
                                   int64_t n) {
    for (int64_t i = 0; i < n; i++)
        out[i] += (expert[i] - base[i]) * weight;
}

void fb_merging_weights_block(const void *state, const struct fb_block *in, float *out) {
    const struct fb_merging_weights *w = state;

    memcpy(out, in->base, (size_t)in->count * sizeof *out);
    for (int e = 0; e < in->experts; e++)
        add_weighted(out, in->expert[e], in->base, fb_merging_weight(w, e, in->key_index),
                     in->count);
}

/* ---- files ----------------------------------------------------------------------------------- */

static int read_values(struct fb_merging_weights *w, const struct fb_ckpt *file,
                       struct fb_err *err) {
    const struct fb_entry *e = fb_ckpt_find(file, tensor_name);

    if (!e)
        return fb_fail(err, FB_ENOTFOUND, "there is no tensor '%s' among the %jd of the file",
                       tensor_name, (intmax_t)fb_ckpt_count(file));
    if (e->ndim != 2 || e->shape[0] != w->experts || e->shape[1] != w->tensors)
        return fb_fail(err, FB_EMISMATCH,
                       "'%s' is not a matrix of [%d, %jd]: one row for each expert, one column for "
                       "each tensor of the model",
                       tensor_name, w->experts, (intmax_t)w->tensors);
    if (!fb_dtype_is_float(e->dtype))
        return fb_fail(err, FB_EMISMATCH, "'%s' holds %s, expected floating-point numbers",
                       tensor_name, fb_dtype_name(e->dtype));
    fb_dtype_to_f32(w->value, e->data, e->dtype, e->numel);
    return FB_OK;
}

int fb_merging_weights_load(struct fb_merging_weights *w, const char *path, struct fb_err *err) {
    struct fb_ckpt *file = NULL;
    int rc = fb_ckpt_open(&file, path, err);

    if (!rc) rc = read_values(w, file, err);
    fb_ckpt_close(file);
    return rc ? fb_context(err, "merging weights '%s'", path) : FB_OK;
}

int fb_merging_weights_save(const struct fb_merging_weights *w, const char *path,
                            struct fb_err *err) {
    const struct fb_entry entry = {.name = tensor_name,
                                   .dtype = FB_F32,
                                   .ndim = 2,
                                   .shape = {w->experts, w->tensors},
                                   .numel = w->experts * w->tensors};
    struct fb_ckpt_writer *file;

    if (fb_ckpt_create(&file, path, &entry, 1, NULL, 0, err)) return err->code;
    if (fb_ckpt_write_f32(file, 0, 0, entry.numel, w->value, NULL, err)) {
        fb_ckpt_abandon(file);
        return err->code;
    }
    return fb_ckpt_commit(file, err);
}

int fb_merging_weights_check(const char *path, struct fb_err *err) {
    static const char *const pickles[] = {".bin", ".pt", ".pth", ".ckpt", ".pkl", NULL};

    for (int i = 0; pickles[i]; i++)
        if (fb_ends_with(path, pickles[i]))
            return fb_fail(err, FB_EUNSUPPORTED,
                           "merging_weights_save_path '%s': torch pickles are not written; name a "
                           ".safetensors file",
                           path);
    return fb_file_probe(path, err) ? fb_context(err, "merging_weights_save_path") : FB_OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* What a key belongs to, as the length of its beginning: "h.0", "encoder.block.11", "wte". */
static size_t block_of(const char *key) {
    const char *number = strpbrk(key, "0123456789"), *dot = strrchr(key, '.');

    if (number && number > key && number[-1] == '.')
        return (size_t)(number - key) + strspn(number, "0123456789");
    return dot ? (size_t)(dot - key) : strlen(key);
}

/* Keys [first, next) of one block. */
static int add_row(struct fb_str *text, const struct fb_merging_weights *w, const char *key,
                   int64_t first, int64_t next, struct fb_err *err) {
    if (fb_str_printf(text, err, "%-26.*s", (int)block_of(key), key)) return err->code;
    for (int i = 0; i < w->experts; i++) {
        double sum = 0;
        for (int64_t k = first; k < next; k++)
            sum += (double)fb_merging_weight(w, i, k);
        if (fb_str_printf(text, err, " %10.4f", sum / (double)(next - first))) return err->code;
    }
    return FB_OK;
}

int fb_merging_weights_show(const struct fb_merging_weights *w, const struct fb_pool *pool,
                            const struct fb_log *log, struct fb_err *err) {
    struct fb_str text = {0};
    int rc = fb_str_printf(&text, err, "%-26s", "merging weights");

    for (int i = 0; !rc && i < w->experts; i++)
        rc = fb_str_printf(&text, err, " %10.10s",
                           fb_pool_model_name(pool, fb_pool_expert(pool, i)));
    for (int64_t k = 0, next; !rc && k < w->tensors; k = next) {
        const char *key = fb_pool_key(pool, k)->name;
        size_t n = block_of(key);
        for (next = k + 1; next < w->tensors; next++) {
            const char *other = fb_pool_key(pool, next)->name;
            if (block_of(other) != n || strncmp(key, other, n)) break;
        }
        fb_info(log, "%s", fb_str_text(&text));
        fb_str_free(&text);
        rc = add_row(&text, w, key, k, next, err);
    }
    if (!rc) fb_info(log, "%s", fb_str_text(&text));
    fb_str_free(&text);
    return rc;
}
