/* training.h - a whole training: what `fusion_bench train` does with its options. */
#ifndef FB_TRAIN_TRAINING_H
#define FB_TRAIN_TRAINING_H

#include "train/trainer.h"

/* Names, defaults and ranges are those of the options table in cli/cmd_train.c. */
struct fb_training_options {
    const char *model, *config, *tokenizer, *output_dir;
    const char *objective; /* "auto", "classification", "text-to-text", "language-model" */
    const char *task, *data_dir, *train_file, *eval_file, *label_column;
    struct fb_texts text_columns;
    int64_t max_train_samples, max_eval_samples, max_length, max_target_length, block_size;
    double learning_rate, num_train_epochs, weight_decay, adam_beta1, adam_beta2, adam_epsilon;
    double max_grad_norm, warmup_ratio, dropout;
    const char *lr_scheduler_type;
    int64_t max_steps, per_device_train_batch_size, gradient_accumulation_steps, warmup_steps;
    int64_t seed, logging_steps, save_steps, batch_tokens;
    bool shuffle, overwrite_output_dir;
    int64_t lora_r;
    double lora_alpha, lora_dropout;
    struct fb_texts target_modules;
    const char *resume_from_checkpoint;
};

struct fb_training_result {
    bool evaluated;
    int64_t best_step;
    double best; /* score, or minus the loss of language models */
    struct fb_learner_memory memory;
    double seconds;
};

/* What runs a training. Borrowed. */
struct fb_training {
    const struct fb_training_options *options;
    const struct fb_node *settings; /* the options that determine the result, by name */
    struct fb_arena *arena;
    const struct fb_log *log;
    /* Once, when everything has been checked and loaded. */
    void (*begin)(void *self, struct fb_learner *l, const struct fb_trainer *t);
    void (*report)(void *self, const struct fb_epoch *line);
    void *self;
};

/* FB_EUSAGE for options that do not go together; everything that can be checked is checked before
 * weights are read. */
int fb_training_run(const struct fb_training *t, struct fb_training_result *out,
                    struct fb_err *err) FB_MUST_CHECK;

#endif
