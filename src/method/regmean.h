/* regmean.h - RegMean (Jin et al., arXiv:2212.09849) of any kind of model: for each expert its
 * training examples, the Gram matrices of its layers' inputs, computed or found in a file, and then
 * the regression (regression.h). A kind of model says how. */
#ifndef FB_METHOD_REGMEAN_H
#define FB_METHOD_REGMEAN_H

#include "base/digest.h"
#include "method/regression.h"
#include "method/trainset.h"

struct fb_regmean_options {
    const struct fb_texts *exclude_param_names_regex;
    int64_t num_regmean_examples, batch_size;
    double reduce_non_diagonal_ratio;
    bool shuffle;
    const char *statistics_dir;
};

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
int fb_regmean_check(const struct fb_regmean_kind *kind, const struct fb_regmean_options *options,
                     const struct fb_merge *merge, struct fb_err *err) FB_MUST_CHECK;
int fb_regmean_run(const struct fb_regmean_kind *kind, const struct fb_regmean_options *options,
                   struct fb_merge *merge, struct fb_err *err) FB_MUST_CHECK;

#endif
