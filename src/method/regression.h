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
/* The name of the layer whose input is looked at, of all layers that share one; owned. */
typedef char *fb_regression_input_of(const char *layer, struct fb_err *err);

struct fb_regression_form {
    fb_regression_wants *wants;
    fb_regression_input_of *input_of; /* NULL: no layers share their input */
    bool out_in; /* weights are stored [out, in] (nn.Linear), not [in, out] (Conv1D) */
    double ratio;
    const struct fb_texts *exclude; /* regular expressions: exclude.h */
};

/* What goes into one layer, or into several: the unknowns of one system. */
struct fb_regression_input {
    const char *name; /* of a layer */
    int64_t n;
    int64_t columns; /* outputs of all its layers */
    float *a;        /* [n, n] sum of G'_i */
    float *b;        /* [n, columns] sum of G'_i W_i, layers side by side; when solved, W */
};

struct fb_regression_layer {
    const char *name; /* without ".weight" */
    int64_t key, input, column, out;
};

/* Owned: fb_regression_free. A zeroed struct is empty. */
struct fb_regression {
    struct fb_merge *merge; /* borrowed */
    bool out_in;
    float ratio;
    struct fb_regression_layer *layer; /* [layers] */
    int64_t layers;
    struct fb_regression_input *input; /* [inputs] */
    int64_t inputs;
    bool *excluded;        /* [keys] */
    int64_t *layer_of;     /* [keys] or -1 */
    struct fb_grams grams; /* [inputs] */
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
