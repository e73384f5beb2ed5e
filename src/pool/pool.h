/* pool.h - the models of a run: a base and its experts, opened lazily.
 *
 * A pool fixes the canonical list of state-dict keys of its architecture (names without
 * "transformer." for GPT-2) and can read any block of any key of any model as f32. Methods see
 * blocks, never whole models.
 *
 * Special models: a name is an expert unless it starts or ends with '_' (layout with `type:`), or
 * starts and ends with '_' (layout with `_target_:`). `_pretrained_` is the base. */
#ifndef FB_POOL_POOL_H
#define FB_POOL_POOL_H

#include "base/arena.h"
#include "base/log.h"
#include "ckpt/ckpt.h"
#include "config/node.h"
#include "config/opts.h"
#include "model/weights.h"

#include <stdbool.h>

struct fb_pool;

/* One state-dict key. */
struct fb_pool_key {
    const char *name;
    int ndim;
    int64_t shape[FB_DIMS];
    int64_t numel;
    enum fb_dtype dtype; /* as stored in the first model */
    int copies;          /* state-dict keys of the reference that share the tensor: 1 but for tied
                            embeddings; a selection over all elements counts it that often */
};

/* What a kind of pool provides; see pools.c for the list. */
struct fb_pool_type {
    const char *name;           /* `type:` of the list layout: "HF_GPT2ForSequenceClassification" */
    const char *const *targets; /* `_target_:` values that mean the same; NULL-terminated */
    const char *summary;
    const struct fb_opt *opts; /* keys of the pool's config */
    size_t opts_size;
    /* Maps a tensor name of a checkpoint to the canonical key; NULL: not part of the state dict
     * (a head, a buffer). The result is borrowed from `name`. */
    const char *(*canonical)(const char *name);
    /* Order of canonical keys in the architecture's state dict, as strcmp; NULL: by name. */
    int (*compare)(const char *a, const char *b);
    /* Whether two names of a checkpoint may stand for one key, with the same values: what several
     * modules share is often stored for each of them. */
    bool shares;
    /* Whether the model's configuration (NULL: it has none) makes a key superfluous. NULL: never.
     * */
    bool (*drops)(const struct fb_node *config, const char *name);
    /* Keys of the reference's state dict that share this tensor of a model; NULL: 1. */
    int (*copies)(const struct fb_node *config, const char *name);
    /* Whether a tensor of a checkpoint, or a key, is a matrix that is stored [in, out] (GPT-2's
     * Conv1D); NULL: never. */
    bool (*conv1d)(const char *name);
    const char *const *model_types; /* of config.json: models of this architecture; may be NULL */
    const char *marker;             /* key that tells one where there is no config.json, or NULL */
    bool adapters;        /* every model but the special ones is an adapter of `_pretrained_` */
    const char *backbone; /* class that transformers loads the state dict with, or NULL */
};

extern const struct fb_pool_type *const fb_pool_types[]; /* NULL-terminated */

/* The kind whose architecture a checkpoint has, by its configuration (NULL: none), else by its
 * tensors; NULL: none of them. */
const struct fb_pool_type *fb_pool_recognize(const struct fb_node *config,
                                             const struct fb_ckpt *ckpt);

/* Why an adapter's own head is refused where the base's is its embedding: a tied head of T5 is
 * scaled, one of its own is not, and no configuration says "scaled". Returns FB_EUNSUPPORTED. */
int fb_pool_fail_own_head(const char *name, struct fb_err *err);

/* Builds the pool from its (resolved) configuration node; opens no file. Both layouts are accepted.
 * Errors name the line. The node is borrowed until fb_pool_close. */
int fb_pool_create(struct fb_pool **out, const struct fb_node *config, const struct fb_log *log,
                   struct fb_err *err) FB_MUST_CHECK;
void fb_pool_close(struct fb_pool *pool);

const struct fb_pool_type *fb_pool_kind(const struct fb_pool *pool);
/* The configuration the pool was made from: keys that other parts use (tokenizer, datasets). */
const struct fb_node *fb_pool_node(const struct fb_pool *pool);
/* Models in config order, special ones included. */
int fb_pool_models(const struct fb_pool *pool);
const char *fb_pool_model_name(const struct fb_pool *pool, int model);
const char *fb_pool_model_path(const struct fb_pool *pool, int model); /* as configured */
/* Index of a model, or -1. */
int fb_pool_find(const struct fb_pool *pool, const char *name);
/* Index of `_pretrained_`, or FB_ENOTFOUND. */
int fb_pool_base(const struct fb_pool *pool, struct fb_err *err);
/* Experts in config order: number, and model index of the i-th. */
int fb_pool_experts(const struct fb_pool *pool);
int fb_pool_expert(const struct fb_pool *pool, int i);

/* Local folder of a model (resolved through hub/ on first use), borrowed. */
int fb_pool_folder(struct fb_pool *pool, int model, const char **folder,
                   struct fb_err *err) FB_MUST_CHECK;
/* The checkpoint of a model, or that of an adapter alone. Borrowed. */
int fb_pool_ckpt(struct fb_pool *pool, int model, const struct fb_ckpt **ckpt,
                 struct fb_err *err) FB_MUST_CHECK;
/* A tensor of a model that is no key of the state dict ("score.weight"): an adapter's own, else its
 * base's. `*entry` is NULL where there is none; borrowed. */
int fb_pool_tensor(struct fb_pool *pool, int model, const char *name, const struct fb_entry **entry,
                   struct fb_err *err) FB_MUST_CHECK;
/* Whether the reference's object of the model has parameters that can be trained: not after an
 * adapter was merged into it. */
bool fb_pool_is_trainable(const struct fb_pool *pool, int model);
/* Whether its checkpoint has been opened. */
bool fb_pool_is_open(const struct fb_pool *pool, int model);
/* config.json of a model, borrowed. */
int fb_pool_config(struct fb_pool *pool, int model, const struct fb_node **config,
                   struct fb_err *err) FB_MUST_CHECK;

/* Opens the named models (indices) and checks that all have the same keys and shapes;
 * FB_EMISMATCH carries a table of what differs. Float dtypes may differ, since every model is
 * computed in f32; a tensor of integers is refused. Must succeed before keys and blocks are asked
 * for; what an earlier call gave becomes invalid. Keys are in state-dict order (order of the
 * architecture, or by name). */
int fb_pool_align(struct fb_pool *pool, const int *models, int count,
                  struct fb_err *err) FB_MUST_CHECK;
int64_t fb_pool_keys(const struct fb_pool *pool);
const struct fb_pool_key *fb_pool_key(const struct fb_pool *pool, int64_t key);

/* Elements [begin, begin + count) of a key of a model as f32: either a pointer into the mapped file
 * (borrowed until the pool is closed) or `scratch` [count] after conversion. Thread-safe. NULL
 * after a failure. */
const float *fb_pool_block(struct fb_pool *pool, int model, int64_t key, int64_t begin,
                           int64_t count, float *scratch, struct fb_err *err);
/* Says that the block will not be read again soon (keeps resident memory low). */
void fb_pool_forget(struct fb_pool *pool, int model, int64_t key, int64_t begin, int64_t count);

/* One whole model as weights that borrow from the map where they can, keys in state-dict order.
 * `out` is zeroed; no alignment is needed. */
int fb_pool_load(struct fb_pool *pool, int model, struct fb_weights *out,
                 struct fb_err *err) FB_MUST_CHECK;

#endif
