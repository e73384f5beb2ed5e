/* pool.c - a pool from its configuration, and blocks of its tensors.
 *
 * Two layouts of configuration are read:
 *     type: HF_GPT2ForSequenceClassification      _target_: fusion_bench.modelpool.X
 *     models:                                     models:
 *       - name: _pretrained_                        _pretrained_: gpt2
 *         path: gpt2                                cola:
 *       - {name: cola, path: org/gpt2_cola}           _target_: ...from_pretrained
 *                                                     pretrained_model_name_or_path: org/gpt2_cola
 * and any mixture of them. */
#include "base/alloc.h"
#include "base/file.h"
#include "config/json.h"
#include "pool/member.h"

#include <stdlib.h>
#include <string.h>

enum { MODELS_MAX = 4096, TYPES_MAX = 64 };

/* ---- which kind ------------------------------------------------------------------------------ */

static const char *last_component(const char *target) {
    const char *dot = strrchr(target, '.');

    return dot ? dot + 1 : target;
}

static bool named(const struct fb_pool_type *type, const char *word) {
    if (!strcmp(type->name, word)) return true;
    for (int i = 0; type->targets[i]; i++)
        if (!strcmp(type->targets[i], word) || !strcmp(last_component(type->targets[i]), word))
            return true;
    return false;
}

static int unknown_type(const char *word, struct fb_err *err) {
    const char *names[TYPES_MAX];
    size_t n = 0;

    for (; fb_pool_types[n] && n < TYPES_MAX; n++)
        names[n] = fb_pool_types[n]->name;
    return fb_fail_unknown(err, FB_ECONFIG, "model pool type", word, names, n);
}

static int find_type(struct fb_pool *pool, struct fb_err *err) {
    const struct fb_node *type = fb_node_get(pool->node, "type");
    const char *word;

    if (!type) type = fb_node_get(pool->node, "_target_");
    if (!type) return fb_fail(err, FB_ECONFIG, "needs a key 'type' or '_target_'");
    if (type->kind != FB_TEXT)
        return fb_fail(err, FB_ECONFIG, "the type must be a string, found %s",
                       fb_kind_name(type->kind));
    word = last_component(type->text);
    for (int i = 0; fb_pool_types[i]; i++)
        if (named(fb_pool_types[i], type->text) || named(fb_pool_types[i], word))
            pool->type = fb_pool_types[i];
    return pool->type ? FB_OK : unknown_type(type->text, err);
}

/* ---- models ---------------------------------------------------------------------------------- */

struct model_opts {
    const char *path, *pretrained_model_name_or_path, *revision, *torch_dtype;
    const char *base_model_path, *peft_model_path;
    bool is_trainable, merge_and_unload;
};

static const struct fb_opt model_opts[] = {
    FB_OPT_TEXT(struct model_opts, path, "null", "folder, file or hub name of the model"),
    FB_OPT_TEXT(struct model_opts, pretrained_model_name_or_path, "null", "the same"),
    FB_OPT_TEXT(struct model_opts, revision, "null", "branch, tag or commit on the hub"),
    FB_OPT_TEXT(struct model_opts, torch_dtype, "null", "null or float32: models are f32"),
    FB_OPT_TEXT(struct model_opts, base_model_path, "null",
                "base of an adapter; null: the pool's _pretrained_"),
    FB_OPT_TEXT(struct model_opts, peft_model_path, "null", "folder or hub name of an adapter"),
    FB_OPT_BOOL(struct model_opts, is_trainable, "true",
                "accepted and not used: a merged adapter has nothing to train"),
    FB_OPT_BOOL(struct model_opts, merge_and_unload, "true",
                "adapters are always merged into their base; false is refused"),
    FB_OPT_END,
};

/* Keys of a model's entry that steer the Python loader only. */
static const char *const model_ignored[] = {"name",
                                            "_target_",
                                            "_recursive_",
                                            "_convert_",
                                            "_args_",
                                            "cache_dir",
                                            "num_labels",
                                            "trust_remote_code",
                                            "local_files_only",
                                            "low_cpu_mem_usage",
                                            "token",
                                            "device_map",
                                            NULL};

static int check_name(const char *name, struct fb_err *err) {
    if (!*name) return fb_fail(err, FB_ECONFIG, "a model has an empty name");
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return fb_fail(err, FB_ECONFIG, "a model name holds the control character 0x%02x",
                           (unsigned)(unsigned char)*p);
    return FB_OK;
}

/* A name with underscores is not an expert; how many it takes depends on the layout. */
static bool is_special(const struct fb_pool *pool, const char *name) {
    bool left = name[0] == '_', right = name[strlen(name) - 1] == '_';

    return fb_node_get(pool->node, "type") ? left || right : left && right;
}

static int read_entry(struct fb_pool *pool, struct fb_member *m, const struct fb_node *entry,
                      struct fb_err *err) {
    struct model_opts o;

    if (entry->kind == FB_TEXT && !fb_node_is_missing(entry)) {
        m->path = entry->text;
        return *m->path ? FB_OK : fb_fail(err, FB_ECONFIG, "the path is empty");
    }
    if (entry->kind != FB_MAP)
        return fb_fail(err, FB_ECONFIG, "expects a path or a mapping with a path, found %s",
                       fb_node_is_missing(entry) ? "\?\?\?" : fb_kind_name(entry->kind));
    if (fb_opts_read(model_opts, &o, entry, model_ignored, &pool->arena, err)) return err->code;
    if (o.torch_dtype && strcmp(last_component(o.torch_dtype), "float32"))
        return fb_fail(err, FB_EUNSUPPORTED,
                       "torch_dtype '%s': models are computed in float32 whatever is stored",
                       o.torch_dtype);
    if (!o.merge_and_unload)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "merge_and_unload: false is not supported: an adapter is merged into its "
                       "base when it is read");
    m->path = o.path ? o.path : o.pretrained_model_name_or_path;
    if (o.peft_model_path) m->path = o.peft_model_path;
    m->base_path = o.peft_model_path ? o.base_model_path : NULL;
    m->revision = o.revision;
    if (!m->path || !*m->path)
        return fb_fail(err, FB_ECONFIG,
                       "needs a key 'path' or 'pretrained_model_name_or_path' that is not empty");
    return FB_OK;
}

static int add_model(struct fb_pool *pool, const char *name, const struct fb_node *entry,
                     struct fb_err *err) {
    struct fb_member *m = &pool->member[pool->members];

    if (check_name(name, err)) return err->code;
    if (fb_pool_find(pool, name) >= 0)
        return fb_fail(err, FB_ECONFIG, "two models are called '%s'", name);
    if (!(m->name = fb_arena_strdup(&pool->arena, name, err))) return err->code;
    if (read_entry(pool, m, entry, err)) return fb_context(err, "model '%s'", name);
    m->special = is_special(pool, name);
    if (!m->special) pool->expert[pool->experts++] = pool->members;
    pool->members++;
    return FB_OK;
}

/* The name of an entry of the list layout; a number is a name too. */
static const char *entry_name(const struct fb_node *models, int64_t i, char digits[32],
                              struct fb_err *err) {
    const struct fb_node *name = fb_node_get(models->item[i], "name");

    if (models->kind == FB_MAP) return models->key[i].text;
    if (name && name->kind == FB_TEXT && !fb_node_is_missing(name)) return name->text;
    if (name && name->kind == FB_INT && !name->text) {
        snprintf(digits, 32, "%jd", (intmax_t)name->value.integer);
        return digits;
    }
    fb_fail(err, FB_ECONFIG, "each entry needs a key 'name' that is a string, found %s",
            name ? fb_kind_name(name->kind) : "none");
    return NULL;
}

static int at_place(const struct fb_node *node, struct fb_err *err) {
    char place[512];
    size_t n;

    fb_place_format(place, sizeof place, node->place);
    if ((n = strlen(place)) < 2) return err->code;
    place[n - 2] = '\0'; /* fb_context adds ": " itself */
    return fb_context(err, "%s", place);
}

static int read_models(struct fb_pool *pool, struct fb_err *err) {
    const struct fb_node *models = fb_node_get(pool->node, "models");
    char digits[32];

    if (!models || (models->kind != FB_LIST && models->kind != FB_MAP))
        return fb_fail(err, FB_ECONFIG, "needs a key 'models' with a list or a mapping, found %s",
                       models ? fb_kind_name(models->kind) : "none");
    if (models->count < 1 || models->count > MODELS_MAX)
        return fb_fail(err, FB_ECONFIG, "has %jd models, must have 1 to %d",
                       (intmax_t)models->count, MODELS_MAX);
    pool->member = fb_arena_calloc(&pool->arena, (size_t)models->count, sizeof *pool->member, err);
    pool->expert = fb_arena_calloc(&pool->arena, (size_t)models->count, sizeof *pool->expert, err);
    if (!pool->member || !pool->expert) return err->code;
    for (int64_t i = 0; i < models->count; i++) {
        const char *name = entry_name(models, i, digits, err);
        if (!name || add_model(pool, name, models->item[i], err))
            return at_place(models->item[i], err);
    }
    return FB_OK;
}

/* ---- the pool -------------------------------------------------------------------------------- */

/* Keys that belong to other parts of the program or of FusionBench. */
static const char *const pool_ignored[] = {"type",
                                           "_target_",
                                           "_recursive_",
                                           "_convert_",
                                           "_version_",
                                           "_usage_",
                                           "name",
                                           "cache_dir",
                                           "dataset_type",
                                           "train_datasets",
                                           "val_datasets",
                                           "test_datasets",
                                           "tokenizer",
                                           "base_model",
                                           "model_kwargs",
                                           "peft_kwargs",
                                           "load_lora",
                                           "_model_loader",
                                           "_dataset_loader",
                                           "data_dir",
                                           NULL};

static int read_options(struct fb_pool *pool, struct fb_err *err) {
    void *opts = fb_arena_calloc(&pool->arena, 1, pool->type->opts_size, err);

    if (!opts) return err->code;
    return fb_opts_read(pool->type->opts, opts, pool->node, pool_ignored, &pool->arena, err);
}

int fb_pool_create(struct fb_pool **out, const struct fb_node *config, const struct fb_log *log,
                   struct fb_err *err) {
    struct fb_pool *pool = fb_calloc(1, sizeof *pool, err);

    *out = NULL;
    if (!pool) goto fail;
    pool->node = config;
    pool->log = log;
    if (config->kind != FB_MAP) {
        fb_fail(err, FB_ECONFIG, "expects a mapping, found %s", fb_kind_name(config->kind));
        at_place(config, err);
        goto fail;
    }
    if (find_type(pool, err)) {
        at_place(config, err);
        goto fail;
    }
    if (read_options(pool, err) || read_models(pool, err)) goto fail;
    *out = pool;
    return FB_OK;
fail:
    fb_pool_close(pool);
    return fb_context(err, "modelpool");
}

void fb_pool_close(struct fb_pool *pool) {
    if (!pool) return;
    for (int i = 0; i < pool->members; i++)
        fb_member_close(&pool->member[i]);
    free(pool->key);
    fb_arena_free(&pool->arena);
    free(pool);
}

const struct fb_node *fb_pool_node(const struct fb_pool *pool) {
    return pool->node;
}

const struct fb_pool_type *fb_pool_kind(const struct fb_pool *pool) {
    return pool->type;
}

int fb_pool_models(const struct fb_pool *pool) {
    return pool->members;
}

const char *fb_pool_model_name(const struct fb_pool *pool, int model) {
    return pool->member[model].name;
}

const char *fb_pool_model_path(const struct fb_pool *pool, int model) {
    return pool->member[model].path;
}

int fb_pool_find(const struct fb_pool *pool, const char *name) {
    for (int i = 0; i < pool->members; i++)
        if (!strcmp(pool->member[i].name, name)) return i;
    return -1;
}

int fb_pool_base(const struct fb_pool *pool, struct fb_err *err) {
    int base = fb_pool_find(pool, "_pretrained_");

    if (base >= 0) return base;
    return fb_fail(err, FB_ENOTFOUND, "the model pool has no '_pretrained_' model");
}

int fb_pool_experts(const struct fb_pool *pool) {
    return pool->experts;
}

int fb_pool_expert(const struct fb_pool *pool, int i) {
    return pool->expert[i];
}

/* ---- files ----------------------------------------------------------------------------------- */

int fb_pool_folder(struct fb_pool *pool, int model, const char **folder, struct fb_err *err) {
    *folder = NULL;
    if (fb_member_resolve(pool, &pool->member[model], err)) return err->code;
    *folder = pool->member[model].folder;
    return FB_OK;
}

int fb_pool_ckpt(struct fb_pool *pool, int model, const struct fb_ckpt **ckpt, struct fb_err *err) {
    struct fb_member *m = &pool->member[model];

    *ckpt = NULL;
    if (fb_member_open(pool, m, err)) return err->code;
    *ckpt = m->lora ? fb_lora_ckpt(m->lora) : m->ckpt;
    return FB_OK;
}

int fb_pool_tensor(struct fb_pool *pool, int model, const char *name, const struct fb_entry **entry,
                   struct fb_err *err) {
    struct fb_member *m = &pool->member[model];

    *entry = NULL;
    if (fb_member_open(pool, m, err)) return err->code;
    if (m->lora) *entry = fb_lora_whole(m->lora, name);
    if (!*entry) *entry = fb_ckpt_find(m->lora ? m->base->ckpt : m->ckpt, name);
    return FB_OK;
}

bool fb_pool_is_trainable(const struct fb_pool *pool, int model) {
    return !pool->member[model].lora;
}

int fb_pool_config(struct fb_pool *pool, int model, const struct fb_node **config,
                   struct fb_err *err) {
    struct fb_member *m = &pool->member[model];
    char *path;

    if (fb_member_config(pool, m, config, err)) return err->code;
    if (*config) return FB_OK;
    if (!(path = fb_path_join(m->folder, "config.json", err))) return err->code;
    if (!fb_json_load(&m->config, &pool->arena, path, err)) *config = m->config;
    else fb_context(err, "model '%s'", m->name);
    free(path);
    return *config ? FB_OK : err->code;
}

/* ---- tensors --------------------------------------------------------------------------------- */

int64_t fb_pool_keys(const struct fb_pool *pool) {
    return pool->keys;
}

const struct fb_pool_key *fb_pool_key(const struct fb_pool *pool, int64_t key) {
    return &pool->key[key];
}

/* The mapped values themselves where they are f32 and aligned, else NULL. */
static const float *mapped(const struct fb_entry *e) {
    if (e->dtype != FB_F32 || (uintptr_t)e->data % sizeof(float)) return NULL;
    return e->data;
}

const float *fb_pool_block(struct fb_pool *pool, int model, int64_t key, int64_t begin,
                           int64_t count, float *scratch, struct fb_err *err) {
    const struct fb_member *m = &pool->member[model];
    const struct fb_entry *e = m->bound[key].entry;
    const float *values = mapped(e);
    bool adapted = false;

    if (begin < 0 || count < 0 || begin > e->numel || count > e->numel - begin) {
        fb_fail(err, FB_EMISMATCH, "block %jd + %jd of '%s', which has %jd values", (intmax_t)begin,
                (intmax_t)count, e->name, (intmax_t)e->numel);
        return NULL;
    }
    if (m->lora && fb_lora_touches(m->lora, key)) adapted = true;
    if (values && !adapted) return values + begin;
    if (values) {
        fb_lora_apply(m->lora, key, begin, count, values + begin, scratch);
        return scratch;
    }
    fb_dtype_to_f32(scratch, (const char *)e->data + (size_t)begin * fb_dtype_size(e->dtype),
                    e->dtype, count);
    if (adapted) fb_lora_apply(m->lora, key, begin, count, scratch, scratch);
    return scratch;
}

void fb_pool_forget(struct fb_pool *pool, int model, int64_t key, int64_t begin, int64_t count) {
    const struct fb_member *m = &pool->member[model];

    /* The base is read for every adapter: it may go after the last of them. */
    if (m->lora && pool->experts && model != pool->expert[pool->experts - 1]) return;
    fb_ckpt_forget(m->lora ? m->base->ckpt : m->ckpt, m->bound[key].entry, begin, count);
}

int fb_pool_load(struct fb_pool *pool, int model, struct fb_weights *out, struct fb_err *err) {
    struct fb_member *m = &pool->member[model];
    const struct fb_ckpt *ckpt;

    *out = (struct fb_weights){0};
    if (fb_member_bind(pool, m, err)) return err->code;
    ckpt = m->lora ? m->base->ckpt : m->ckpt;
    for (int64_t k = 0; k < m->keys; k++) {
        const struct fb_entry *e = m->bound[k].entry;
        bool adapted = m->lora && fb_lora_touches(m->lora, k);
        const float *values = adapted ? NULL : mapped(e);
        struct fb_weight *w = values
                                  ? fb_weights_borrow_entry(out, m->bound[k].name, ckpt, e, err)
                                  : fb_weights_add(out, m->bound[k].name, e->ndim, e->shape, err);
        if (!w) {
            fb_weights_free(out);
            return fb_context(err, "model '%s'", m->name);
        }
        if (!values) {
            fb_dtype_to_f32(w->owned, e->data, e->dtype, e->numel);
            fb_pool_forget(pool, model, k, 0, e->numel);
        }
        if (adapted) fb_lora_apply(m->lora, k, 0, e->numel, w->owned, w->owned);
        w->trainable = !m->lora;
    }
    return FB_OK;
}

bool fb_pool_is_open(const struct fb_pool *pool, int model) {
    const struct fb_member *m = &pool->member[model];

    return m->ckpt || (m->lora && m->base->ckpt);
}
