/* fisher.h - Fisher merging: what is common to the kinds of models.
 *
 *     out = sum_i c_i (F_i + eps) expert_i / sum_i c_i (F_i + eps)
 *
 * F_i is the diagonal Fisher information of expert i as the reference estimates it (MergeLM): over
 * batches of training examples, the squares of the derivatives of a function of the whole batch are
 * summed up and divided by the number of examples. With normalize_fisher_weight, c_i = 1 / (|F_i| +
 * eps), |F_i| being the L2 norm over all keys that are merged; else 1. Factors common to all c_i
 * cancel, so one expert after another is added to the numerator and the denominator, and then
 * forgotten. */
#ifndef FB_METHOD_FISHER_H
#define FB_METHOD_FISHER_H

#include "base/digest.h"
#include "method/trainset.h"
#include "nn/grads.h"

struct fb_fisher_opts {
    struct fb_texts exclude_param_names_regex;
    bool normalize_fisher_weight;
    double minimal_fisher_weight;
    int64_t num_fisher_examples, batch_size, num_workers, devices;
    const char *cache_dir;
    bool shuffle;
    const char *statistics_dir;
};
extern const struct fb_opt fb_fisher_opts[];

/* What the architecture has to say. An expert is open while its F is measured. */
struct fb_fisher_kind {
    const char *name; /* of the method: in the names of statistics files */
    struct fb_trainset_request data;
    /* Whether an expert can be opened; reads no weights. */
    int (*check)(struct fb_pool *pool, int model, struct fb_err *err);
    /* The ids of the examples. */
    int (*encode)(struct fb_examples *e, struct fb_pool *pool, int model,
                  struct fb_encoder *encoder, struct fb_err *err);
    /* What F depends on beside the model's keys and configuration and the examples; may be NULL. */
    int (*add_id)(struct fb_digest *id, struct fb_pool *pool, int model, struct fb_err *err);
    /* Owned: close. The examples are borrowed until then. */
    int (*open)(void **expert, struct fb_pool *pool, int model, const struct fb_examples *e,
                struct fb_err *err);
    void (*close)(void *expert);
    /* The gradients of an open expert. */
    struct fb_grads *(*grads)(void *expert);
    /* Makes them those of the function of the examples [first, first + count), of which squares may
     * have been added already (fb_grads_zero_to_square). */
    int (*derive)(void *expert, int64_t first, int64_t count, struct fb_err *err);
};

/* How an expert's gradients are made batch by batch; all borrowed. */
struct fb_fisher_pass {
    struct fb_grads *grads;
    const struct fb_examples *examples;
    int64_t tokens; /* of inputs that are computed at once */
    /* Adds the gradients of a batch, whose sequences are the examples from `first` on. */
    int (*run)(void *expert, const struct fb_batch *batch, int64_t first, struct fb_err *err);
};
/* For fb_fisher_kind.derive: squares are added at once where one batch holds all the examples. */
int fb_fisher_derive(const struct fb_fisher_pass *pass, void *expert, int64_t first, int64_t count,
                     struct fb_err *err) FB_MUST_CHECK;

/* For fb_method.check and .run. */
int fb_fisher_check(const struct fb_fisher_kind *kind, const struct fb_fisher_opts *o,
                    const struct fb_merge *merge, struct fb_err *err) FB_MUST_CHECK;
int fb_fisher_run(const struct fb_fisher_kind *kind, const struct fb_fisher_opts *o,
                  struct fb_merge *merge, struct fb_err *err) FB_MUST_CHECK;

#endif
