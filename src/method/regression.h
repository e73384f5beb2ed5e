/* regression.h - linear layers merged by least squares over their inputs (Jin et al.,
 * arXiv:2212.09849):
 *
 *     W = (sum_i G'_i)^-1 sum_i G'_i W_i        x W on the inputs x of expert i is close to x W_i
 *     G'_i = G_i, of which the elements beside the diagonal are multiplied by `ratio`
 *
 * Everything else is the mean of the experts; excluded keys are the base's. Two sums per layer are
 * held, and the Gram matrices of one expert at a time. */
#ifndef FB_METHOD_REGRESSION_H
#define FB_METHOD_REGRESSION_H

#include "method/grams.h"
#include "method/method.h"

/* Whether the weight of a key is merged by regression; "<layer>.weight" with two dimensions. */
typedef bool fb_regression_wants(const struct fb_pool *pool, const struct fb_pool_key *key);

struct fb_regression_form {
    fb_regression_wants *wants;
    bool out_in; /* weights are stored [out, in] (nn.Linear), not [in, out] (Conv1D) */
    double ratio;
    const struct fb_texts *exclude; /* regular expressions: exclude.h */
};

struct fb_regression_layer {
    const char *name; /* without ".weight" */
    int64_t key, in, out;
    float *a; /* [in, in] sum of G'_i */
    float *b; /* [in, out] sum of G'_i W_i; when solved, W */
};

/* Owned: fb_regression_free. A zeroed struct is empty. */
struct fb_regression {
    struct fb_merge *merge; /* borrowed */
    bool out_in;
    float ratio;
    struct fb_regression_layer *layer; /* [layers] */
    int64_t layers;
    bool *excluded;    /* [keys] */
    int64_t *layer_of; /* [keys] or -1 */
    struct fb_grams grams;
};

/* Aligns the pool, base included, and makes room; `grams` is ready for the first expert.
 * FB_EMISMATCH when there is no layer at all. */
int fb_regression_open(struct fb_regression *out, struct fb_merge *merge,
                       const struct fb_regression_form *form, struct fb_err *err) FB_MUST_CHECK;
/* Adds an expert (index into the pool), whose Gram matrices are in `grams`: changed by this, and
 * cleared for the next. */
int fb_regression_add(struct fb_regression *r, int model, struct fb_err *err) FB_MUST_CHECK;
/* Solves all layers and merges everything into the sink. FB_EMISMATCH names a layer whose matrix is
 * singular or not finite, and what to do. */
int fb_regression_merge(struct fb_regression *r, struct fb_err *err) FB_MUST_CHECK;
void fb_regression_free(struct fb_regression *r);

#endif
