/* examples.h - the examples of a GLUE split as token ids, in the order in which a model meets them.
 *
 *     struct fb_examples e;
 *     fb_examples_open(&e, item, data_dir, -1, err)              all rows of the split
 *     fb_examples_shuffle(&e, seed, epoch, 512, err)             512 of them in random order
 *     fb_examples_encode(&e, encoder, 512, pad, err)             for GPT-2: the texts end to end
 *     fb_examples_inputs(&e), fb_examples_class(&e, i, ...)
 *     fb_examples_free(&e)
 *
 * For T5, fb_examples_encode_prompts and fb_examples_encode_targets in place of fb_examples_encode.
 * Only what was picked is tokenized. */
#ifndef FB_DATA_EXAMPLES_H
#define FB_DATA_EXAMPLES_H

#include "data/batch.h"
#include "data/glue_list.h"
#include "data/prompt.h"
#include "text/tokenizer.h"

/* Owned: fb_examples_free. Points into itself: not to be copied. */
struct fb_examples {
    const struct fb_glue_task *task;
    struct fb_dataset data; /* the rows of the split */
    int64_t count;          /* examples */
    int64_t *row;           /* [count] row of `data` of each; NULL: example i is row i */
    const struct fb_column *label;
    struct fb_ids ids;
    int64_t *offset;           /* [count + 1] into ids */
    struct fb_prompts prompts; /* after fb_examples_encode_prompts */
    struct fb_ids target_ids;
    int64_t *target_offset; /* [count + 1] into target_ids */
};

/* Whether the first row of the item's split can be read. */
int fb_examples_check(const struct fb_glue_item *item, const char *data_dir,
                      struct fb_err *err) FB_MUST_CHECK;
/* Reads the split's first `limit` rows, or all for -1, as examples in file order. Places that are
 * searched: fb_glue_open. */
int fb_examples_open(struct fb_examples *out, const struct fb_glue_item *item, const char *data_dir,
                     int64_t limit, struct fb_err *err) FB_MUST_CHECK;
/* Keeps `count` examples, which are the given rows in that order, before anything is tokenized. */
int fb_examples_pick(struct fb_examples *e, const int64_t *row, int64_t count,
                     struct fb_err *err) FB_MUST_CHECK;
/* Keeps the first `most` examples of the order fb_rng_shuffle(all rows, seed, epoch). */
int fb_examples_shuffle(struct fb_examples *e, uint64_t seed, uint64_t epoch, int64_t most,
                        struct fb_err *err) FB_MUST_CHECK;
void fb_examples_free(struct fb_examples *e);

/* The task's text, or pair of texts, with what the tokenizer adds and at most `max_length` ids. A
 * sequence ends before the first `pad` (-1: none), since nothing behind padding is read; FB_EFORMAT
 * for a sequence of which nothing is left. Errors name the file and the row. */
int fb_examples_encode(struct fb_examples *e, struct fb_encoder *encoder, int64_t max_length,
                       int32_t pad, struct fb_err *err) FB_MUST_CHECK;
/* Prompts and answers of the task's text-to-text template. */
int fb_examples_encode_prompts(struct fb_examples *e, struct fb_encoder *encoder,
                               int64_t max_length, struct fb_err *err) FB_MUST_CHECK;
int fb_examples_encode_targets(struct fb_examples *e, struct fb_encoder *encoder,
                               int64_t max_length, struct fb_err *err) FB_MUST_CHECK;

/* Ids; borrowed. */
struct fb_sequences fb_examples_inputs(const struct fb_examples *e);
struct fb_sequences fb_examples_targets(const struct fb_examples *e);
/* What a decoder is given for the targets: each shifted by one, with `start` in front. [ids of all
 * targets], owned: free. */
int32_t *fb_examples_decoder_ids(const struct fb_examples *e, int32_t start, struct fb_err *err);
/* Row of the split that an example is. */
int64_t fb_examples_row(const struct fb_examples *e, int64_t i);
/* Class of example i: 0 .. classes - 1. FB_EFORMAT for another label. */
int fb_examples_class(const struct fb_examples *e, int64_t i, int classes, int *out,
                      struct fb_err *err) FB_MUST_CHECK;

#endif
