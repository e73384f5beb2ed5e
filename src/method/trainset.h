/* trainset.h - the examples of each expert's own task, for methods that look at data.
 *
 * An expert's task and split are the entry of its name under `train_datasets` (or `test_datasets`)
 * of the model pool, in either layout. A pool without that key gets, for each expert, the GLUE task
 * of the expert's name ("cola", "glue-cola"). Tokenizer: the pool's `tokenizer`. Data: the pool's
 * `data_dir`, or else path.data_dir; then the places of fb_glue_open. */
#ifndef FB_METHOD_TRAINSET_H
#define FB_METHOD_TRAINSET_H

#include "data/examples.h"
#include "method/method.h"

enum { FB_TRAINSET_TOKENS = 512 }; /* ids of an example that are kept, as in the reference */

/* What is asked for. */
struct fb_trainset_request {
    const char *key;       /* of the model pool: "train_datasets", "test_datasets" */
    const char *tokenizer; /* where the pool names none: "gpt2", "google/flan-t5-base" */
};

/* Owned: fb_trainset_close. A zeroed struct is closed. */
struct fb_trainset {
    struct fb_pool *pool; /* borrowed */
    uint64_t seed;
    const char *data_dir;
    struct fb_glue_item *item; /* [experts], in the order of fb_pool_expert */
    struct fb_tokenizer *tokenizer;
    struct fb_encoder *encoder;
    struct fb_arena arena;
};

/* Opens the tokenizer and finds each expert's entry. FB_ECONFIG names the expert that has none. */
int fb_trainset_open(struct fb_trainset *out, const struct fb_merge *merge,
                     const struct fb_trainset_request *request, struct fb_err *err) FB_MUST_CHECK;
/* The same for fb_method.check: also reads the first row of each, and closes again. */
int fb_trainset_check(const struct fb_merge *merge, const struct fb_trainset_request *request,
                      struct fb_err *err) FB_MUST_CHECK;
/* Whether the pool holds T5 models; FB_ECONFIG. */
int fb_trainset_need_t5(const struct fb_pool *pool, struct fb_err *err) FB_MUST_CHECK;
void fb_trainset_close(struct fb_trainset *set);

/* Which examples: whole batches until `examples` have been seen, or all there are; in file order,
 * or in the order of the run's seed. */
struct fb_trainset_order {
    int64_t examples, batch_size;
    bool shuffle;
    uint64_t epoch;
};
/* The examples of the i-th expert, picked and not yet tokenized (data/examples.h); batch b is the
 * examples b * batch_size and on. Owned: fb_examples_free, also after a failure. Errors begin with
 * the expert's name. */
int fb_trainset_pick(const struct fb_trainset *set, int expert,
                     const struct fb_trainset_order *order, struct fb_examples *out,
                     struct fb_err *err) FB_MUST_CHECK;

#endif
