/* method.h - what a merging method is, and where its result goes. */
#ifndef FB_METHOD_METHOD_H
#define FB_METHOD_METHOD_H

#include "base/log.h"
#include "config/opts.h"
#include "model/weights.h"
#include "pool/pool.h"

/* Models side by side whose outputs are combined element by element (task/combine.h). */
struct fb_ensemble {
    enum fb_ensemble_rule {
        FB_ENSEMBLE_NONE, /* the result is a single model */
        FB_ENSEMBLE_MEAN,
        FB_ENSEMBLE_WEIGHTED,
        FB_ENSEMBLE_MAX
    } rule;
    int count;
    const int *model;    /* [count] indices into the pool; from the run's arena */
    const float *weight; /* [count] for FB_ENSEMBLE_WEIGHTED */
};

/* The result of a method is one of three: a model in memory (`weights`); a model streamed to a
 * safetensors file, when `stream_path` is set and nothing needs the model afterwards; or an
 * ensemble of the pool's models, which has no weights of its own. */
struct fb_merge {
    struct fb_pool *pool;        /* borrowed */
    const struct fb_log *log;    /* borrowed, may be NULL */
    struct fb_arena *arena;      /* borrowed: options and reports of the run */
    const char *stream_path;     /* NULL: result in `weights` */
    enum fb_dtype stream_dtype;  /* dtype of the streamed file, to be set with `stream_path`; values
                                   are rounded once */
    bool stream_as_stored;       /* keep each key's stored dtype instead */
    int64_t block;               /* elements per block; 0: default */
    const char *data_dir;        /* path.data_dir of the configuration, or NULL */
    const char *run_folder;      /* where a run leaves its files, or NULL */
    bool fast_dev_run;           /* one step or batch of what a method learns */
    uint64_t seed;               /* of the run: random numbers are functions of it (base/rng.h) */
    struct fb_weights weights;   /* result: owned by the struct */
    int model;                   /* which model's object the reference returns (for parameter
                                    counts, config and tokenizer files): index into the pool */
    bool streamed;               /* set when stream_path was written */
    struct fb_ensemble ensemble; /* set by methods whose `is_ensemble` is; the pool is aligned */
};

struct fb_method {
    const char *name;           /* "task_arithmetic" */
    const char *const *aliases; /* other names and class names (`_target_`), NULL-terminated */
    const char *summary;        /* one line with a full stop */
    const char *formula;        /* plain text, may have several lines */
    const char *cite;           /* "arXiv:2212.04089" or NULL */
    const struct fb_opt *opts;
    size_t opts_size;
    bool is_ensemble; /* the result is an ensemble, known before anything is run */
    /* Checks options against the pool's configuration, data and output before any model is read;
     * may be NULL. */
    int (*check)(const void *opts, const struct fb_merge *merge, struct fb_err *err);
    int (*run)(const void *opts, struct fb_merge *merge, struct fb_err *err);
};

extern const struct fb_method *const fb_methods[]; /* methods.c; NULL-terminated */

/* By name, alias or the last component of a `_target_` path; NULL after FB_ECONFIG which lists
 * what there is and the nearest name. */
const struct fb_method *fb_method_find(const char *name, struct fb_err *err);
/* The method that a configuration node names (`_target_:` or `name:`) and its options, read and
 * ready for check and run. Errors begin with "method NAME". A method that is not available in this
 * build is refused. */
int fb_method_read(const struct fb_method **method, void **opts, const struct fb_node *config,
                   struct fb_arena *arena, struct fb_err *err) FB_MUST_CHECK;
/* method->check and method->run with the method's name in front of errors. */
int fb_method_check(const struct fb_method *method, const void *opts, const struct fb_merge *merge,
                    struct fb_err *err) FB_MUST_CHECK;
int fb_method_run(const struct fb_method *method, const void *opts, struct fb_merge *merge,
                  struct fb_err *err) FB_MUST_CHECK;
void fb_merge_free(struct fb_merge *merge);

/* Parameters of the model that the method returned: those with requires_grad, and all. Counted from
 * `weights`, or from the pool's keys when the result was streamed; of an ensemble, those of all its
 * models. */
void fb_merge_count(const struct fb_merge *merge, int64_t *trainable, int64_t *all);

#endif
