#include "ckpt/lora.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "ckpt/lora_config.h"
#include "ckpt/lora_delta.h"
#include "config/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG  "adapter_config.json"
#define WEIGHTS "adapter_model.safetensors"
#define PICKLE  "adapter_model.bin"
#define PREFIX  "base_model.model."

/* What happens to one key of the base. */
struct change {
    const struct fb_entry *whole; /* replaces the tensor; NULL: nothing does */
    struct fb_lora_delta delta;   /* is added to it, unless empty */
};

struct fb_lora {
    struct fb_arena arena;
    struct fb_lora_config config;
    struct fb_ckpt *ckpt;
    struct change *change; /* [count] of the base's keys, once bound */
    int64_t count;
    const struct fb_entry **head; /* [heads] */
    int64_t heads;
};

/* ---- opening ---- */

bool fb_lora_is_folder(const char *path) {
    return fb_has_file(path, CONFIG);
}

bool fb_lora_is_adapter(const char *path) {
    return fb_is_dir(path) && fb_lora_is_folder(path) && !fb_ckpt_has_model(path);
}

static int read_config(struct fb_lora *lora, const char *folder, struct fb_err *err) {
    char *path = fb_path_join(folder, CONFIG, err);
    struct fb_node *json;
    int rc = path ? FB_OK : err->code;

    if (!rc) rc = fb_json_load(&json, &lora->arena, path, err);
    if (!rc && fb_lora_config_read(&lora->config, json, err)) rc = fb_context(err, CONFIG);
    free(path);
    return rc;
}

static int open_weights(struct fb_lora *lora, const char *folder, struct fb_err *err) {
    static const char *const names[] = {WEIGHTS, PICKLE};

    for (int i = 0; i < 2; i++) {
        char *path;
        int rc;
        if (!fb_has_file(folder, names[i])) continue;
        path = fb_path_join(folder, names[i], err);
        rc = path ? fb_ckpt_open(&lora->ckpt, path, err) : err->code;
        free(path);
        return rc;
    }
    return fb_fail(err, FB_ENOTFOUND, "holds neither " WEIGHTS " nor " PICKLE);
}

int fb_lora_open(struct fb_lora **out, const char *folder, struct fb_err *err) {
    struct fb_lora *lora = fb_calloc(1, sizeof *lora, err);

    *out = NULL;
    if (!lora) return err->code;
    if (read_config(lora, folder, err) || open_weights(lora, folder, err)) {
        fb_lora_close(lora);
        return fb_context(err, "adapter '%s'", folder);
    }
    *out = lora;
    return FB_OK;
}

static void free_changes(struct fb_lora *lora) {
    for (int64_t i = 0; i < lora->count; i++)
        fb_lora_delta_free(&lora->change[i].delta);
    free(lora->change);
    free(lora->head);
    lora->change = NULL;
    lora->head = NULL;
    lora->count = lora->heads = 0;
}

void fb_lora_close(struct fb_lora *lora) {
    if (!lora) return;
    free_changes(lora);
    fb_ckpt_close(lora->ckpt);
    fb_arena_free(&lora->arena);
    free(lora);
}

const struct fb_ckpt *fb_lora_ckpt(const struct fb_lora *lora) {
    return lora->ckpt;
}

const char *fb_lora_base_name(const struct fb_lora *lora) {
    return lora->config.base;
}

const char *fb_lora_base_revision(const struct fb_lora *lora) {
    return lora->config.revision;
}

const char *fb_lora_task(const struct fb_lora *lora) {
    return lora->config.task;
}

const struct fb_entry *fb_lora_whole(const struct fb_lora *lora, const char *name) {
    for (int64_t i = 0; i < fb_ckpt_count(lora->ckpt); i++) {
        const struct fb_entry *e = fb_ckpt_at(lora->ckpt, i);
        if (fb_starts_with(e->name, PREFIX) && !strcmp(e->name + strlen(PREFIX), name)) return e;
    }
    return NULL;
}

/* ---- binding ---- */

struct binding {
    struct fb_lora *lora;
    const struct fb_lora_base *base;
    const struct fb_log *log;
    int64_t matched;               /* targets that the base has */
    const struct fb_entry *passed; /* the first tensor that is passed over */
    int64_t passes;
    bool warned; /* of patterns that versions read differently */
};

static void pass_over(struct binding *b, const struct fb_entry *e) {
    if (!b->passes++) b->passed = e;
}

/* Index of the base's key for "<module>.<suffix>"; -1: the base lacks it; -2: not in a state dict.
 * */
static int64_t find_key(const struct binding *b, const char *module, const char *suffix,
                        struct fb_err *err) {
    struct fb_str name = {.max = 4096};
    const char *key;
    int64_t at = -1;

    if (fb_str_printf(&name, err, "%s%s", module, suffix)) return -3;
    key = b->base->canonical ? b->base->canonical(fb_str_text(&name)) : fb_str_text(&name);
    if (!key) at = -2;
    for (int64_t i = 0; key && i < b->base->count; i++)
        if (!strcmp(b->base->name[i], key)) at = i;
    fb_str_free(&name);
    return at;
}

static void warn_of_nan(const struct binding *b, const struct fb_entry *e, const float *values) {
    for (int64_t i = 0; i < e->numel; i++)
        if (!isfinite(values[i])) {
            fb_warn(b->log, "adapter tensor '%s' holds values that are no numbers", e->name);
            return;
        }
}

/* The parts of a name: module, and what the tensor is to it. */
struct name {
    char *module;     /* from the arena */
    const char *part; /* "lora_A", "lora_embedding_B", "bias" ... */
};

/* "<module>.<part>[.<adapter>].weight": the part, and where the module ends; NULL: neither. */
static const char *find_part(const char *name, const char **end) {
    static const char *const parts[] = {"lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B",
                                        "lora_magnitude_vector"};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char dotted[64];
        const char *at;
        snprintf(dotted, sizeof dotted, ".%s", parts[i]);
        at = strstr(name, dotted);
        if (!at || (at[strlen(dotted)] != '.' && at[strlen(dotted)] != '\0')) continue;
        *end = at;
        return parts[i];
    }
    return NULL;
}

static int split_name(struct name *out, struct fb_lora *lora, const struct fb_entry *e,
                      struct fb_err *err) {
    const char *name = e->name + strlen(PREFIX), *end;

    *out = (struct name){.part = find_part(name, &end)};
    if (!out->part) return FB_OK;
    out->module = fb_arena_printf(&lora->arena, err, "%.*s", (int)(end - name), name);
    return out->module ? FB_OK : err->code;
}

const char *fb_lora_module(const struct fb_entry *entry, size_t *length) {
    const char *name = entry->name, *end;

    if (!fb_starts_with(name, PREFIX)) return NULL;
    name += strlen(PREFIX);
    if (!find_part(name, &end)) return NULL;
    *length = (size_t)(end - name);
    return name;
}

/* The other factor of a pair: same name with A and B exchanged. */
static const struct fb_entry *partner(const struct fb_lora *lora, const struct fb_entry *e,
                                      const struct name *name, struct fb_err *err) {
    struct fb_str other = {.max = 4096};
    const struct fb_entry *found = NULL;
    size_t letter = strlen(PREFIX) + strlen(name->module) + strlen(name->part);

    if (!fb_str_printf(&other, err, "%.*s%c%s", (int)letter, e->name,
                       e->name[letter] == 'A' ? 'B' : 'A', e->name + letter + 1))
        found = fb_ckpt_find(lora->ckpt, fb_str_text(&other));
    if (!found && !err->code)
        fb_fail(err, FB_EFORMAT, "'%s' has no '%s' beside it", e->name, fb_str_text(&other));
    fb_str_free(&other);
    return found;
}

/* Shapes: A [r, in], B [out, r]; of an embedding A [r, number], B [dim, r]. */
static int check_shapes(const struct fb_entry *a, const struct fb_entry *b,
                        const struct fb_entry *w, int64_t r, bool in_out, struct fb_err *err) {
    int64_t in, out;

    if (a->ndim != 2 || b->ndim != 2 || w->ndim != 2 || !a->numel || !b->numel)
        return fb_fail(err, FB_EFORMAT, "'%s' and its pair must be matrices that are not empty",
                       a->name);
    in = w->shape[in_out ? 0 : 1];
    out = w->shape[in_out ? 1 : 0];
    if (a->shape[0] == r && b->shape[1] == r && a->shape[1] == in && b->shape[0] == out)
        return FB_OK;
    return fb_fail(err, FB_EMISMATCH,
                   "'%s' is [%jd, %jd] and its pair [%jd, %jd]; rank %jd and the base's '%s' "
                   "[%jd, %jd] need [%jd, %jd] and [%jd, %jd]",
                   a->name, (intmax_t)a->shape[0], (intmax_t)a->shape[1], (intmax_t)b->shape[0],
                   (intmax_t)b->shape[1], (intmax_t)r, w->name, (intmax_t)w->shape[0],
                   (intmax_t)w->shape[1], (intmax_t)r, (intmax_t)in, (intmax_t)out, (intmax_t)r);
}

static int warn_of_version(struct binding *bind, const char *module, struct fb_err *err) {
    bool yes;

    if (bind->warned) return FB_OK;
    if (fb_lora_config_disagrees(&bind->lora->config, module, &yes, err)) return err->code;
    if (yes)
        fb_warn(bind->log,
                "adapter '%s': later versions of PEFT than 0.13.2, whose rules are followed, read "
                "rank_pattern and alpha_pattern otherwise; the first module that differs is '%s'",
                fb_ckpt_path(bind->lora->ckpt), module);
    bind->warned = yes;
    return FB_OK;
}

static int bind_pair(struct binding *bind, const struct fb_entry *a, const struct name *name,
                     struct fb_err *err) {
    bool embedding = strstr(name->part, "embedding") != NULL, yes, in_out;
    int64_t key = find_key(bind, name->module, ".weight", err), r;
    const struct fb_entry *b, *w;
    struct change *change;
    double scale;

    if (err->code || fb_lora_config_targets(&bind->lora->config, name->module, &yes, err))
        return err->code;
    if (!yes || key == -2) { /* PEFT does not look at it */
        if (key != -2) pass_over(bind, a);
        return FB_OK;
    }
    if (key < 0)
        return fb_fail(err, FB_EMISMATCH, "the base has no module '%s', which the adapter changes",
                       name->module);
    if (!(b = partner(bind->lora, a, name, err)) || warn_of_version(bind, name->module, err) ||
        fb_lora_config_scale(&bind->lora->config, name->module, &r, &scale, err))
        return err->code;
    w = bind->base->entry[key];
    in_out = embedding || (bind->base->conv1d && bind->base->conv1d(bind->base->name[key]));
    if (check_shapes(a, b, w, r, in_out, err)) return err->code;
    change = &bind->lora->change[key];
    if (change->delta.x)
        return fb_fail(err, FB_EFORMAT, "two pairs of matrices change '%s'", w->name);
    if (fb_lora_delta_make(&change->delta, a, b, in_out, (float)scale, err)) return err->code;
    warn_of_nan(bind, a, in_out ? change->delta.x : change->delta.y);
    warn_of_nan(bind, b, in_out ? change->delta.y : change->delta.x);
    bind->matched++;
    return FB_OK;
}

/* A tensor that replaces the base's: of modules_to_save, a bias beside targets, or "base_layer" of
 * a target. (PEFT loads what has the name of a tensor of its wrapped model; a target's own tensors
 * are called base_layer there, so "q.bias" of a target is passed over.) */
static int bind_whole(struct binding *bind, const struct fb_entry *e, struct fb_err *err) {
    const char *name = e->name + strlen(PREFIX), *dot = strrchr(name, '.');
    char *module;
    const char *layer;
    bool target;
    int64_t key;

    if (!dot) return FB_OK;
    module = fb_arena_printf(&bind->lora->arena, err, "%.*s", (int)(dot - name), name);
    if (!module) return err->code;
    layer = fb_ends_with(module, ".base_layer") ? ".base_layer" : NULL;
    if (layer) module[strlen(module) - strlen(layer)] = '\0';
    if (fb_lora_config_targets(&bind->lora->config, module, &target, err)) return err->code;
    if (target != (layer != NULL) && !fb_lora_config_saves(&bind->lora->config, module)) {
        pass_over(bind, e);
        return FB_OK;
    }
    key = find_key(bind, module, dot, err);
    if (err->code) return err->code;
    if (key < 0) { /* PEFT passes over what is no module of the model */
        if (fb_lora_config_saves(&bind->lora->config, module))
            bind->lora->head[bind->lora->heads++] = e;
        else if (key == -1) pass_over(bind, e);
        return FB_OK;
    }
    if (e->ndim != bind->base->entry[key]->ndim ||
        memcmp(e->shape, bind->base->entry[key]->shape, (size_t)e->ndim * sizeof *e->shape) != 0)
        return fb_fail(err, FB_EMISMATCH, "'%s' has another shape than '%s' of the base", e->name,
                       bind->base->entry[key]->name);
    bind->lora->change[key].whole = e;
    return FB_OK;
}

static int bind_entry(struct binding *bind, const struct fb_entry *e, struct fb_err *err) {
    struct name name;

    if (!fb_starts_with(e->name, PREFIX))
        return fb_fail(err, FB_EFORMAT, "tensor '%.200s' does not begin with '" PREFIX "'",
                       e->name);
    if (!fb_dtype_is_float(e->dtype))
        return fb_fail(err, FB_EUNSUPPORTED, "tensor '%.200s' holds %s, expected floats", e->name,
                       fb_dtype_name(e->dtype));
    if (split_name(&name, bind->lora, e, err)) return err->code;
    if (!name.part) return bind_whole(bind, e, err);
    if (!strcmp(name.part, "lora_magnitude_vector"))
        return fb_fail(err, FB_EUNSUPPORTED,
                       "tensor '%.200s' belongs to DoRA, which is not "
                       "supported",
                       e->name);
    if (name.part[strlen(name.part) - 1] == 'A') return bind_pair(bind, e, &name, err);
    return partner(bind->lora, e, &name, err) ? FB_OK : err->code; /* B: met from its A */
}

int fb_lora_bind(struct fb_lora *lora, const struct fb_lora_base *base, const struct fb_log *log,
                 struct fb_err *err) {
    struct binding bind = {.lora = lora, .base = base, .log = log};

    free_changes(lora);
    lora->change = fb_calloc((size_t)base->count + 1, sizeof *lora->change, err);
    lora->head = fb_calloc((size_t)fb_ckpt_count(lora->ckpt) + 1, sizeof *lora->head, err);
    if (!lora->change || !lora->head) return err->code;
    lora->count = base->count;
    for (int64_t i = 0; i < fb_ckpt_count(lora->ckpt); i++)
        if (bind_entry(&bind, fb_ckpt_at(lora->ckpt, i), err))
            return fb_context(err, "adapter '%s'", fb_ckpt_path(lora->ckpt));
    if (bind.matched) {
        if (bind.passes)
            fb_warn(log,
                    "adapter '%s': %jd tensors belong to nothing that is adapted or saved and are "
                    "passed over, as PEFT does; the first is '%s'",
                    fb_ckpt_path(lora->ckpt), (intmax_t)bind.passes, bind.passed->name);
        return FB_OK;
    }
    fb_fail(err, FB_EMISMATCH, "none of its tensors belongs to a target module of the base");
    return fb_context(err, "adapter '%s'", fb_ckpt_path(lora->ckpt));
}

int64_t fb_lora_heads(const struct fb_lora *lora) {
    return lora->heads;
}

const struct fb_entry *fb_lora_head(const struct fb_lora *lora, int64_t i, const char **name) {
    *name = lora->head[i]->name + strlen(PREFIX);
    return lora->head[i];
}

/* ---- values ---- */

bool fb_lora_touches(const struct fb_lora *lora, int64_t key) {
    return lora->change[key].whole || lora->change[key].delta.x;
}

void fb_lora_apply(const struct fb_lora *lora, int64_t key, int64_t begin, int64_t count,
                   const float *base, float *values) {
    const struct change *change = &lora->change[key];
    const struct fb_entry *e = change->whole;

    if (e) {
        fb_dtype_to_f32(values, (const char *)e->data + (size_t)begin * fb_dtype_size(e->dtype),
                        e->dtype, count);
        base = values;
    }
    if (change->delta.x) fb_lora_delta_add(&change->delta, begin, count, base, values);
}
