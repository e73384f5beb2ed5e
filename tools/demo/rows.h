/* rows.h - sets of different examples. */
#ifndef DEMO_ROWS_H
#define DEMO_ROWS_H

#include "task.h"

#include "base/err.h"

/* What a set is for: sets of different purposes are drawn independently. */
enum demo_purpose {
    DEMO_VALIDATION,
    DEMO_TRAIN,
    DEMO_OWN_TEST,
    DEMO_OWN_TRAIN,
    DEMO_GAPS = 6, /* a number is a part of a seed: it stays */
};

/* What there is of each; a task has not many more different examples. */
enum { DEMO_VALIDATION_ROWS = 320, DEMO_TRAIN_ROWS = 4000 };

/* Owned: demo_rows_free. */
struct demo_rows {
    const struct demo_task *task;
    struct example *row; /* [count] */
    uint64_t *hash;      /* [count] of the texts */
    int count;
};

/* The seed of everything random that belongs to a purpose; `number` tells several apart. */
uint64_t demo_seed(enum demo_purpose purpose, uint64_t number);
/* `count` different examples, none of which is in `without` (may be NULL). A set begins with what a
 * smaller one of its purpose holds. */
int demo_rows_draw(struct demo_rows *out, const struct demo_task *task, enum demo_purpose purpose,
                   int count, const struct demo_rows *without, struct fb_err *err) FB_MUST_CHECK;
/* `count` training rows, of which none is a validation row. */
int demo_rows_train(struct demo_rows *out, const struct demo_task *task, int count,
                    struct fb_err *err) FB_MUST_CHECK;
void demo_rows_free(struct demo_rows *r);

/* The training rows of all tasks. Owned: demo_all_free, which is right after a failure too. */
struct demo_all {
    struct demo_rows of[DEMO_TASKS];
};

int demo_all_draw(struct demo_all *out, struct fb_err *err) FB_MUST_CHECK;
void demo_all_free(struct demo_all *all);

#endif
