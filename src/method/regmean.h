/* regmean.h - RegMean (Jin et al., arXiv:2212.09849) of any kind of model: for each expert its
 * training examples, the Gram matrices of its layers' inputs, computed or found in a file, and then
 * the regression (regression.h). A kind of model says how. */
#ifndef FB_METHOD_REGMEAN_H
#define FB_METHOD_REGMEAN_H

#include "base/digest.h"
#include "method/regression.h"
#include "method/trainset.h"

struct fb_regmean_opts {
    struct fb_texts exclude_param_names_regex;
    int64_t num_regmean_examples, batch_size, num_workers, devices;
    double reduce_non_diagonal_ratio;
    bool shuffle;
    bool weight_transpose; /* not in FB_REGMEAN_OPTS: of GPT-2 */
    const char *cache_dir, *statistics_dir;
};

/* The rows of an options table that all kinds have. */
#define FB_REGMEAN_OPTS                                                                            \
    FB_OPT_TEXTS(struct fb_regmean_opts, exclude_param_names_regex, "[]",                          \
                 "keys that stay out of the merge: patterns for the beginning of their names"),    \
        FB_OPT_INT(struct fb_regmean_opts, num_regmean_examples, "256", 1, 1e9,                    \
                   "training examples per expert, rounded up to whole batches"),                   \
        FB_OPT_REAL(struct fb_regmean_opts, reduce_non_diagonal_ratio, "0.6", 0, 1,                \
                    "factor for the elements beside the diagonal"),                                \
        FB_OPT_BOOL(struct fb_regmean_opts, shuffle, "true",                                       \
                    "take the examples in the order of the run's seed; false: in file order"),     \
        FB_OPT_TEXT(struct fb_regmean_opts, statistics_dir, "null",                                \
                    "folder that keeps the Gram matrices for later runs"),                         \
        FB_OPT_TEXT(struct fb_regmean_opts, cache_dir, "outputs", "accepted, without effect"),     \
        FB_OPT_INT(struct fb_regmean_opts, batch_size, "32", 1, 65536, "examples of a batch"),     \
        FB_OPT_INT(struct fb_regmean_opts, num_workers, "0", 0, 4096, "accepted, without effect"), \
        FB_OPT_INT(struct fb_regmean_opts, devices, "1", 1, 4096, "accepted, without effect")

/* An expert while its inputs are looked at. All is borrowed but the examples. */
struct fb_regmean_expert {
    struct fb_pool *pool;
    int model; /* index into the pool */
    const struct fb_node *config;
    const struct fb_log *log;
    const struct fb_tokenizer *tokenizer;
    struct fb_encoder *encoder;
    struct fb_examples examples;
    const struct fb_observer *observer; /* for forward */
};

struct fb_regmean_kind {
    const char *method; /* its name, for files */
    struct fb_trainset_request data;
    fb_regression_wants *wants;
    fb_regression_input_of *input_of; /* or NULL */
    bool out_in;
    /* Makes the ids of the examples. */
    int (*encode)(struct fb_regmean_expert *x, struct fb_err *err);
    /* Adds what the inputs depend on besides tensors and examples. */
    int (*identify)(struct fb_digest *id, const struct fb_regmean_expert *x, struct fb_err *err);
    /* Runs the model over all examples while x->observer looks. */
    int (*forward)(struct fb_regmean_expert *x, struct fb_err *err);
};

/* For fb_method.check: base, patterns, folders, data. */
int fb_regmean_check(const struct fb_regmean_kind *kind, const struct fb_regmean_opts *options,
                     const struct fb_merge *merge, struct fb_err *err) FB_MUST_CHECK;
int fb_regmean_run(const struct fb_regmean_kind *kind, const struct fb_regmean_opts *options,
                   struct fb_merge *merge, struct fb_err *err) FB_MUST_CHECK;

#endif
