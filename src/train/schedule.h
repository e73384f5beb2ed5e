/* schedule.h - the learning rate of each step, as transformers' get_scheduler computes it. */
#ifndef FB_TRAIN_SCHEDULE_H
#define FB_TRAIN_SCHEDULE_H

#include <stdint.h>

enum fb_schedule_kind {
    FB_SCHEDULE_LINEAR,   /* rises from 0 during the warm-up, then falls to 0 at the last step */
    FB_SCHEDULE_CONSTANT, /* no warm-up */
    FB_SCHEDULE_CONSTANT_WITH_WARMUP,
    FB_SCHEDULE_COSINE, /* falls along half a cosine */
};

struct fb_schedule {
    enum fb_schedule_kind kind;
    double learning_rate;
    int64_t warmup_steps;
    int64_t steps; /* of the whole training */
};

/* Steps of warm-up: `warmup_steps` if it is positive, else ceil(steps * ratio). */
int64_t fb_schedule_warmup(int64_t warmup_steps, double ratio, int64_t steps);
/* Rate of optimizer step `step`, counted from 0. */
double fb_schedule_rate(const struct fb_schedule *s, int64_t step);

#endif
