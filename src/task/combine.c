#include "task/combine.h"

#include "base/clones.h"

FB_CLONES static void add(float *all, const float *x, int64_t n) {
    for (int64_t j = 0; j < n; j++)
        all[j] += x[j];
}

FB_CLONES static void divide(float *all, float by, int64_t n) {
    for (int64_t j = 0; j < n; j++)
        all[j] /= by;
}

FB_CLONES static void scale(float *all, const float *x, float w, int64_t n) {
    for (int64_t j = 0; j < n; j++)
        all[j] = w * x[j];
}

FB_CLONES static void add_scaled(float *all, const float *x, float w, int64_t n) {
    for (int64_t j = 0; j < n; j++)
        all[j] += w * x[j];
}

/* A NaN in `x` is taken, one in `all` stays: no comparison with it is true. */
FB_CLONES static void take_larger(float *all, const float *x, int64_t n) {
    for (int64_t j = 0; j < n; j++)
        all[j] = x[j] > all[j] || x[j] != x[j] ? x[j] : all[j];
}

void fb_combine(float *all, const float *x, int64_t count, const struct fb_ensemble *ensemble,
                int i) {
    bool weighted = ensemble->rule == FB_ENSEMBLE_WEIGHTED;

    if (i == 0) scale(all, x, weighted ? ensemble->weight[0] : 1.0f, count);
    else if (weighted) add_scaled(all, x, ensemble->weight[i], count);
    else if (ensemble->rule == FB_ENSEMBLE_MAX) take_larger(all, x, count);
    else add(all, x, count);
    if (ensemble->rule == FB_ENSEMBLE_MEAN && i == ensemble->count - 1)
        divide(all, (float)ensemble->count, count);
}
