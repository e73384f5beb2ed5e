#include "model/bind.h"

#include <inttypes.h>
#include <stdio.h>

enum { NAME = 256, SHAPE = 22 * FB_DIMS + 3 };

/* "[16, 64]" */
static void describe_shape(char out[SHAPE], int ndim, const int64_t *shape) {
    int n = snprintf(out, SHAPE, "[");

    for (int i = 0; i < ndim; i++)
        n += snprintf(out + n, SHAPE - (size_t)n, "%s%jd", i ? ", " : "", (intmax_t)shape[i]);
    snprintf(out + n, SHAPE - (size_t)n, "]");
}

const float *fb_bind(const struct fb_weights *weights, const char *prefix, const char *suffix,
                     int64_t rows, int64_t cols, struct fb_err *err) {
    const struct fb_weight *w;
    char name[NAME], found[SHAPE], wanted[SHAPE];

    snprintf(name, sizeof name, "%s.%s", prefix, suffix);
    if (!(w = fb_weights_find(weights, name))) {
        fb_fail(err, FB_ENOTFOUND, "the model has no tensor '%s'", name);
        return NULL;
    }
    if (rows ? w->ndim == 2 && w->shape[0] == rows && w->shape[1] == cols
             : w->ndim == 1 && w->shape[0] == cols)
        return w->data;
    describe_shape(found, w->ndim, w->shape);
    describe_shape(wanted, rows ? 2 : 1, rows ? (int64_t[]){rows, cols} : (int64_t[]){cols});
    fb_fail(err, FB_EMISMATCH, "tensor '%s' has the shape %s, expected %s", name, found, wanted);
    return NULL;
}

void fb_bind_release(struct fb_weights *weights, const char *prefix, const char *suffix) {
    char name[NAME];

    snprintf(name, sizeof name, "%s.%s", prefix, suffix);
    fb_weights_release(weights, name);
}
