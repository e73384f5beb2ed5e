#include "train/adamw.h"

#include "base/alloc.h"
#include "kernel/adamw.h"
#include "kernel/squares.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool fb_param_decays(const char *name) {
    return !strstr(name, "bias") && !strstr(name, "layer_norm") && !strstr(name, "ln_");
}

static int grow(struct fb_params *p, struct fb_err *err) {
    int64_t capacity = p->capacity ? 2 * p->capacity : 64;
    struct fb_param *item;

    if (p->names.count < p->capacity) return FB_OK;
    if (!(item = fb_realloc(p->item, (size_t)capacity, sizeof *item, err))) return err->code;
    p->item = item;
    p->capacity = capacity;
    return FB_OK;
}

int fb_params_add(struct fb_params *p, const char *name, float *value, int64_t count,
                  struct fb_err *err) {
    struct fb_param item = {.value = value, .count = count, .decays = fb_param_decays(name)};
    int added;
    int64_t at;

    if (grow(p, err)) return err->code;
    item.exp_avg = fb_calloc((size_t)count, sizeof(float), err);
    item.exp_avg_sq = item.exp_avg ? fb_calloc((size_t)count, sizeof(float), err) : NULL;
    at = item.exp_avg_sq ? fb_names_add(&p->names, name, &added, err) : err->code;
    if (at >= 0 && !added) at = fb_fail(err, FB_EMISMATCH, "two parameters '%s'", name);
    if (at < 0) {
        free(item.exp_avg);
        free(item.exp_avg_sq);
        return err->code;
    }
    item.name = p->names.name[at];
    p->item[at] = item;
    p->values += count;
    return FB_OK;
}

void fb_params_free(struct fb_params *p) {
    for (int64_t i = 0; i < p->names.count; i++) {
        free(p->item[i].exp_avg);
        free(p->item[i].exp_avg_sq);
    }
    free(p->item);
    fb_names_free(&p->names);
    *p = (struct fb_params){0};
}

static double gradient_norm(const struct fb_params *p, const float *const *gradient) {
    double sum = 0;

    for (int64_t i = 0; i < p->names.count; i++)
        if (gradient[i]) sum += fb_sum_squares(gradient[i], p->item[i].count);
    return sqrt(sum);
}

/* clip_grad_norm_: max_norm / (norm + 1e-6), at most 1, in f32. */
static float clip(double norm, double most) {
    float coefficient = (float)most / ((float)norm + 1e-6f);

    return most > 0 && coefficient < 1.0f ? coefficient : 1.0f;
}

int fb_adamw_step(struct fb_params *p, const struct fb_adamw *o, const float *const *gradient,
                  double rate, double *norm, struct fb_err *err) {
    double t = (double)p->step + 1;
    struct fb_adamw_factors f = {.first = (float)(1 - o->beta1),
                                 .beta2 = (float)o->beta2,
                                 .second = (float)(1 - o->beta2),
                                 .root = (float)sqrt(1 - pow(o->beta2, t)),
                                 .epsilon = (float)o->epsilon,
                                 .size = (float)-(rate / (1 - pow(o->beta1, t)))};

    *norm = gradient_norm(p, gradient);
    if (!isfinite(*norm))
        return fb_fail(err, FB_EMISMATCH,
                       "the norm of the gradients is %s: training has diverged (a smaller "
                       "learning rate or longer warm-up may help)",
                       isnan(*norm) ? "not a number" : "infinite");
    f.scale = clip(*norm, o->max_grad_norm);
    for (int64_t i = 0; i < p->names.count; i++) {
        struct fb_param *item = &p->item[i];
        if (!gradient[i]) continue;
        f.keep = item->decays ? (float)(1 - rate * o->weight_decay) : 1.0f;
        fb_adamw(item->value, item->exp_avg, item->exp_avg_sq, gradient[i], item->count, &f);
    }
    p->step++;
    return FB_OK;
}
