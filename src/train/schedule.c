#include "train/schedule.h"

#include <math.h>

int64_t fb_schedule_warmup(int64_t warmup_steps, double ratio, int64_t steps) {
    return warmup_steps > 0 ? warmup_steps : (int64_t)ceil((double)steps * ratio);
}

static double at_least_one(int64_t n) {
    return n > 1 ? (double)n : 1.0;
}

static double factor(const struct fb_schedule *s, int64_t step) {
    const double pi = 3.141592653589793;
    double rest = at_least_one(s->steps - s->warmup_steps), value = 1.0;

    if (s->kind == FB_SCHEDULE_CONSTANT) return 1.0;
    if (step < s->warmup_steps) return (double)step / at_least_one(s->warmup_steps);
    if (s->kind == FB_SCHEDULE_LINEAR) value = (double)(s->steps - step) / rest;
    if (s->kind == FB_SCHEDULE_COSINE)
        value = 0.5 * (1.0 + cos(pi * ((double)(step - s->warmup_steps) / rest)));
    return value > 0.0 ? value : 0.0;
}

double fb_schedule_rate(const struct fb_schedule *s, int64_t step) {
    return s->learning_rate * factor(s, step);
}
