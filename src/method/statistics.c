#include "method/statistics.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "ckpt/write.h"
#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char version[] = "fusion_bench statistics 1";
static const char checksum[] = "sha256";

enum { BLOCK = 1 << 18 }; /* elements read at a time */

int fb_statistics_check(const char *folder, struct fb_err *err) {
    char *path = folder ? fb_path_join(folder, "probe", err) : NULL;
    int rc = folder && !path ? err->code : FB_OK;

    if (path) rc = fb_file_probe(path, err);
    free(path);
    return rc ? fb_context(err, "option 'statistics_dir'") : FB_OK;
}

/* ---- what the values depend on --------------------------------------------------------------- */

int fb_statistics_begin(struct fb_digest *id, const char *method, struct fb_err *err) {
    if (fb_digest_begin(id, err) || fb_digest_add_text(id, version, err)) return err->code;
    return fb_digest_add_text(id, method, err);
}

static int add_key(struct fb_digest *id, struct fb_pool *pool, int model, int64_t k, float *scratch,
                   struct fb_err *err) {
    const struct fb_pool_key *key = fb_pool_key(pool, k);

    if (fb_digest_add_text(id, key->name, err) || fb_digest_add_int(id, key->ndim, err))
        return err->code;
    for (int d = 0; d < key->ndim; d++)
        if (fb_digest_add_int(id, key->shape[d], err)) return err->code;
    for (int64_t at = 0; at < key->numel; at += BLOCK) {
        int64_t n = key->numel - at < BLOCK ? key->numel - at : BLOCK;
        const float *values = fb_pool_block(pool, model, k, at, n, scratch, err);
        if (!values || fb_interrupted(err) ||
            fb_digest_add(id, values, (size_t)n * sizeof *values, err))
            return err->code;
        fb_pool_forget(pool, model, k, at, n);
    }
    return FB_OK;
}

/* Numbers of heads and the like, which no tensor tells. */
static int add_config(struct fb_digest *id, struct fb_pool *pool, int model, struct fb_err *err) {
    const struct fb_node *config;
    struct fb_str text = {0};
    int rc = fb_pool_config(pool, model, &config, err);

    if (!rc && config) rc = fb_yaml_print(&text, config, err);
    if (!rc) rc = fb_digest_add_text(id, fb_str_text(&text), err);
    fb_str_free(&text);
    return rc;
}

int fb_statistics_add_model(struct fb_digest *id, struct fb_pool *pool, int model,
                            struct fb_err *err) {
    float *scratch = fb_malloc(BLOCK * sizeof *scratch, err);
    int rc = scratch ? add_config(id, pool, model, err) : err->code;

    for (int64_t k = 0; !rc && k < fb_pool_keys(pool); k++)
        rc = add_key(id, pool, model, k, scratch, err);
    free(scratch);
    return rc;
}

static int add_sequences(struct fb_digest *id, struct fb_sequences s, struct fb_err *err) {
    if (fb_digest_add_int(id, s.count, err)) return err->code;
    if (fb_digest_add(id, s.offset, (size_t)(s.count + 1) * sizeof *s.offset, err))
        return err->code;
    return fb_digest_add(id, s.id, (size_t)s.offset[s.count] * sizeof *s.id, err);
}

int fb_statistics_add_examples(struct fb_digest *id, const struct fb_examples *e,
                               struct fb_err *err) {
    if (add_sequences(id, fb_examples_inputs(e), err) ||
        (e->target_offset && add_sequences(id, fb_examples_targets(e), err)))
        return err->code;
    for (int64_t i = 0; i < e->count; i++) {
        int64_t row = fb_examples_row(e, i), label = 0;
        if (e->label->integer) label = e->label->integer[row];
        else memcpy(&label, &e->label->real[row], sizeof label);
        if (fb_digest_add_int(id, label, err)) return err->code;
    }
    return FB_OK;
}

static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

int fb_statistics_path(char **out, const char *folder, const char *method, const char *expert,
                       struct fb_digest *id, struct fb_err *err) {
    char hash[FB_SHA256_TEXT];
    struct fb_str name = {0};
    int rc;

    *out = NULL;
    if (!folder) return FB_OK;
    rc = fb_digest_end(id, hash, err);
    if (!rc) rc = fb_str_printf(&name, err, "%s-", method);
    for (const char *p = expert; !rc && *p; p++)
        rc = fb_str_putc(&name, is_plain(*p) ? *p : '_', err);
    if (!rc) rc = fb_str_printf(&name, err, "-%s.safetensors", hash);
    if (!rc && !(*out = fb_path_join(folder, fb_str_text(&name), err))) rc = err->code;
    fb_str_free(&name);
    return rc;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Hash of the values of the entries, one after another. */
static int digest_values(char text[FB_SHA256_TEXT], const struct fb_entry *entry, int64_t count,
                         struct fb_err *err) {
    struct fb_digest d = {0};
    int rc = fb_digest_begin(&d, err);

    for (int64_t i = 0; !rc && i < count; i++) {
        rc = fb_digest_add(&d, entry[i].data, entry[i].size, err);
        if (!rc) rc = fb_interrupted(err);
    }
    if (!rc) rc = fb_digest_end(&d, text, err);
    fb_digest_free(&d);
    return rc;
}

/* Finds the tensors that are expected, and no others. */
static int find_all(struct fb_entry *found, const struct fb_ckpt *ckpt,
                    const struct fb_entry *expected, int64_t count, struct fb_err *err) {
    for (int64_t i = 0; i < count; i++) {
        const struct fb_entry *want = &expected[i], *have = fb_ckpt_find(ckpt, want->name);
        if (!have) return fb_fail(err, FB_EMISMATCH, "has no tensor '%s'", want->name);
        if (have->dtype != FB_F32 || have->ndim != want->ndim ||
            memcmp(have->shape, want->shape, (size_t)want->ndim * sizeof *want->shape))
            return fb_fail(err, FB_EMISMATCH, "tensor '%s' has another type or shape than expected",
                           want->name);
        found[i] = *have;
    }
    if (fb_ckpt_count(ckpt) != count + 1)
        return fb_fail(err, FB_EMISMATCH, "holds %jd tensors, expected %jd",
                       (intmax_t)fb_ckpt_count(ckpt), (intmax_t)(count + 1));
    return FB_OK;
}

static int verify(const struct fb_ckpt *ckpt, const struct fb_entry *expected, int64_t count,
                  struct fb_err *err) {
    const struct fb_entry *stored = fb_ckpt_find(ckpt, checksum);
    struct fb_entry *found = fb_calloc((size_t)count + 1, sizeof *found, err);
    char text[FB_SHA256_TEXT];
    int rc = found ? find_all(found, ckpt, expected, count, err) : err->code;

    if (!rc && (!stored || stored->size != sizeof text))
        rc = fb_fail(err, FB_EMISMATCH, "has no hash of its values");
    if (!rc) rc = digest_values(text, found, count, err);
    if (!rc && memcmp(text, stored->data, sizeof text) != 0)
        rc = fb_fail(err, FB_EMISMATCH, "its values are not those that were written");
    free(found);
    return rc;
}

int fb_statistics_load(struct fb_ckpt **out, const char *path, const struct fb_entry *expected,
                       int64_t count, const struct fb_log *log, struct fb_err *err) {
    struct stat st;
    int rc;

    *out = NULL;
    if (!path || stat(path, &st)) return FB_OK;
    rc = fb_ckpt_open(out, path, err);
    if (!rc && verify(*out, expected, count, err)) rc = fb_context(err, "'%s'", path);
    if (!rc) {
        fb_info(log, "statistics read from %s", path);
        return FB_OK;
    }
    fb_ckpt_close(*out);
    *out = NULL;
    if (rc == FB_ENOMEM || rc == FB_EINTERRUPTED) return rc;
    return fb_context(err, "damaged statistics (delete the file to have them computed again)");
}

static int write_all(const char *path, const struct fb_entry *entry, int64_t count,
                     struct fb_err *err) {
    struct fb_ckpt_writer *writer;

    if (fb_ckpt_create(&writer, path, entry, count, NULL, 0, err)) return err->code;
    for (int64_t i = 0; i < count; i++)
        if (fb_ckpt_write_bytes(writer, i, 0, entry[i].numel, entry[i].data, err)) {
            fb_ckpt_abandon(writer);
            return err->code;
        }
    return fb_ckpt_commit(writer, err);
}

int fb_statistics_save(const char *path, const struct fb_entry *values, int64_t count,
                       const struct fb_log *log, struct fb_err *err) {
    struct fb_entry *all;
    char text[FB_SHA256_TEXT];
    int rc;

    if (!path) return FB_OK;
    if (!(all = fb_calloc((size_t)count + 1, sizeof *all, err))) return err->code;
    for (int64_t i = 0; i < count; i++)
        all[i] = values[i];
    all[count] = (struct fb_entry){.name = checksum,
                                   .dtype = FB_U8,
                                   .ndim = 1,
                                   .shape = {sizeof text},
                                   .numel = sizeof text,
                                   .data = text,
                                   .size = sizeof text};
    rc = digest_values(text, values, count, err);
    if (!rc) rc = write_all(path, all, count + 1, err);
    free(all);
    if (!rc) fb_info(log, "statistics written to %s", path);
    return rc;
}
