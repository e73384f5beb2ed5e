/* learner.h - a model while it learns: its tensors, the parameters that move, and what the
 * gradients of a batch do to them.
 *
 *     fb_learner_configure(&l, objective, json, err)     which architecture, from config.json
 *     l.weights: filled by the caller, or empty
 *     fb_learner_create(&l, seed, &added, err)           the rest is random
 *     fb_adapter_attach(&l, config, seed, err)           LoRA only
 *     fb_learner_begin(&l, err)
 *     fb_learner_gradients(&l, corpus, rows, n, 1, seed, &loss, err)
 *     fb_learner_step(&l, &rule, rate, &norm, err)
 *     fb_learner_free(&l) */
#ifndef FB_TRAIN_LEARNER_H
#define FB_TRAIN_LEARNER_H

#include "model/gpt2.h"
#include "model/t5.h"
#include "nn/tape.h"
#include "train/adamw.h"
#include "train/group.h"

struct fb_learner;

/* What architectures provide; see learner_gpt2.c and learner_t5.c. */
struct fb_learner_type {
    const char *model_type; /* of config.json */
    const char *pool;       /* type of the model pool that opens such models */
    const char *prefix;     /* of the names in files, before those of the state dict */
    /* Reads the configuration; FB_EUNSUPPORTED for an objective that it has not. */
    int (*configure)(struct fb_learner *l, const struct fb_node *json, struct fb_err *err);
    /* Adds to l->weights what is missing of the state dict, uninitialised. */
    int (*declare)(struct fb_learner *l, struct fb_err *err);
    /* Random values for one tensor. */
    void (*init)(const struct fb_learner *l, struct fb_weight *w, uint64_t seed);
    int (*create)(struct fb_learner *l, struct fb_err *err);
    /* The weights have changed. */
    int (*refresh)(struct fb_learner *l, struct fb_err *err);
    void (*release)(struct fb_learner *l);
    int (*grads)(struct fb_learner *l, const struct fb_grads_filter *filter, struct fb_err *err);
    /* A linear layer by name, or NULL. */
    struct fb_linear *(*linear)(struct fb_learner *l, const char *name);
    /* Logits [group->rows, l->width] as a value of `g`; NULL after a failure. */
    struct fb_tensor *(*logits)(struct fb_learner *l, const struct fb_group *group,
                                struct fb_graph *g, struct fb_err *err);
};

extern const struct fb_learner_type fb_learner_gpt2, fb_learner_t5;

/* Owned: fb_learner_free. Points into itself: not to be copied. */
struct fb_learner {
    const struct fb_learner_type *type;
    enum fb_objective objective;
    struct fb_gpt2_config gpt2;
    struct fb_t5_config t5;
    double initializer; /* initializer_range, initializer_factor */
    int64_t width;      /* columns of the logits */
    int32_t start;      /* the decoder's start token */
    int64_t longest;    /* tokens of a sequence that the model has positions for; 0: any */
    struct fb_group_limits limits;

    struct fb_weights weights;  /* every tensor, the head "score.weight" included; values ours */
    struct fb_weights factors;  /* LoRA: "<layer>.lora_A.weight" [r, in], "<layer>.lora_B.weight" */
    struct fb_lora_layer *lora; /* [factors / 2] */
    bool adapter;               /* only factors and the head are learnt */

    void *model;
    struct fb_linear head;   /* the model's own, or empty */
    struct fb_params params; /* what is learnt */
    struct fb_grads grads;   /* of the same, in the same order */
    struct fb_tape tape;
    struct fb_graph graph;
    struct fb_group group;
    struct fb_arena arena; /* names */
};

/* Of what a batch cost. */
struct fb_loss {
    double sum;     /* of the losses of all labels */
    int64_t labels; /* how many there are */
    int64_t right;  /* labels that had the largest logit; of evaluations only */
    int64_t tokens; /* of the inputs */
};

/* FB_EUNSUPPORTED names the model_type that cannot be trained. `classes` is 0 but for
 * FB_CLASSIFICATION. `json` is borrowed until the call returns. */
int fb_learner_configure(struct fb_learner *out, enum fb_objective objective,
                         const struct fb_node *json, int classes, struct fb_err *err) FB_MUST_CHECK;
/* Adds the tensors that l->weights lacks, with random values (`*added` counts them), and makes the
 * model. */
int fb_learner_create(struct fb_learner *l, uint64_t seed, int64_t *added,
                      struct fb_err *err) FB_MUST_CHECK;
/* The values of the factors have been written: the kernels' copies follow. */
void fb_learner_pack(struct fb_learner *l);
/* Makes the list of what is learnt. */
int fb_learner_begin(struct fb_learner *l, struct fb_err *err) FB_MUST_CHECK;
void fb_learner_free(struct fb_learner *l);

/* Adds the gradients of share * (mean loss over the labels of the sequences) to those that are
 * there. Dropout is a function of the seed. `*loss` is overwritten. */
int fb_learner_gradients(struct fb_learner *l, const struct fb_corpus *c, const int64_t *sequence,
                         int64_t count, double share, uint64_t seed, struct fb_loss *loss,
                         struct fb_err *err) FB_MUST_CHECK;
/* Moves the parameters by the gradients, which are forgotten. `*norm`: fb_adamw_step. */
int fb_learner_step(struct fb_learner *l, const struct fb_adamw *rule, double rate, double *norm,
                    struct fb_err *err) FB_MUST_CHECK;
/* The loss of sequences without dropout and without gradients, added to `*loss`. */
int fb_learner_measure(struct fb_learner *l, const struct fb_corpus *c, const int64_t *sequence,
                       int64_t count, struct fb_loss *loss, struct fb_err *err) FB_MUST_CHECK;

/* The values of a parameter by its name in `params`, which may be written before
 * fb_learner_begin. NULL: there is none. */
float *fb_learner_values(struct fb_learner *l, const char *name, int64_t *count);

/* Bytes that are held, by what they are for. */
struct fb_learner_memory {
    size_t weights;     /* all tensors, and the copies that the kernels want */
    size_t optimizer;   /* gradients and the averages of AdamW */
    size_t activations; /* most bytes that values and their derivatives took at once, so far */
};
struct fb_learner_memory fb_learner_memory(struct fb_learner *l);

#endif
