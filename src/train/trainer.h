/* trainer.h - the loop: batches in random order, steps, evaluations, checkpoints.
 *
 * As transformers' Trainer 4.46 counts: a batch is `batch` rows of the epoch's order (the last one
 * may be short), a step takes `accumulation` batches in a row, over the end of an epoch if need be,
 * or all batches where an epoch has fewer; the gradients are those of the mean of their mean
 * losses. Everything a step does is a function of the recipe, the data and the step's number, so a
 * training that goes on from a checkpoint ends with the same bits. */
#ifndef FB_TRAIN_TRAINER_H
#define FB_TRAIN_TRAINER_H

#include "base/log.h"
#include "model/generate.h"
#include "train/checkpoint.h"
#include "train/schedule.h"

struct fb_recipe {
    struct fb_adamw rule;
    enum fb_schedule_kind scheduler;
    double learning_rate, warmup_ratio;
    int64_t warmup_steps;
    double epochs;
    int64_t max_steps; /* -1: as the epochs say */
    int64_t batch, accumulation;
    uint64_t seed;
    bool shuffle;
    int64_t logging_steps; /* losses of so many steps are averaged and recorded; 0: of each epoch */
    int64_t save_steps;    /* a checkpoint every so many steps; 0: at the end of each epoch only */
};

/* One line of the result. */
struct fb_epoch {
    double epoch;
    int64_t step;
    double loss;      /* mean over the steps since the line before; NaN: no step */
    double eval_loss; /* mean over the labels; NaN: no evaluation */
    double score;     /* right answers / answers; NaN: no evaluation */
    int64_t right, total;
    bool best;
    double seconds;
};

/* Borrowed but for what is marked. */
struct fb_trainer {
    struct fb_recipe recipe;
    struct fb_learner *learner;
    const struct fb_corpus *train, *eval; /* eval: NULL for none */
    const struct fb_checkpoint *files;
    const char *output_dir;         /* "<output_dir>/last" and "<output_dir>/best" are written */
    const struct fb_node *settings; /* what determines the result; kept in trainer_state.json */
    const struct fb_log *log;
    struct fb_arena *arena; /* for the history */
    /* Called with each line of the result. */
    void (*report)(void *self, const struct fb_epoch *line);
    void *self;

    /* State; zeroed before fb_trainer_begin. */
    int64_t batches; /* of an epoch */
    int64_t steps;   /* of the whole training */
    int64_t step, evaluated, best_step;
    double loss_sum, epoch_sum; /* of the steps since the last record, and the last line */
    int64_t loss_steps, epoch_steps;
    double best; /* score, or minus the loss of language models */
    struct fb_node *history;
    int64_t *order; /* owned: rows of epoch `order_epoch` - 1 */
    int64_t order_epoch;
    double started;
};

/* Counts steps. `state` is what fb_checkpoint_state gave, to go on from there (parameters are read
 * by fb_checkpoint_read), or NULL. FB_EMISMATCH names the setting that differs. */
int fb_trainer_begin(struct fb_trainer *t, const struct fb_node *state,
                     struct fb_err *err) FB_MUST_CHECK;
/* To the end. FB_EINTERRUPTED after a signal, when "last" has been written. */
int fb_trainer_run(struct fb_trainer *t, struct fb_err *err) FB_MUST_CHECK;
void fb_trainer_end(struct fb_trainer *t);

#endif
