/* corpus.h - what a model is trained on or measured with: token ids, and the answers to them.
 *
 *     fb_corpus_open(&c, FB_CLASSIFICATION, &source, err)        reads the rows
 *     fb_classes_find(&classes, &c, arena, err)                  classes of the training rows
 *     fb_corpus_label(&c, &classes, err)                         rows to class numbers
 *     fb_corpus_encode(&c, &how, err)                            texts to ids
 *     c.input, c.label; fb_corpus_free(&c) */
#ifndef FB_TRAIN_CORPUS_H
#define FB_TRAIN_CORPUS_H

#include "config/opts.h"
#include "data/examples.h"

enum fb_objective { FB_CLASSIFICATION, FB_TEXT_TO_TEXT, FB_LANGUAGE_MODEL };

/* Where rows come from. Borrowed. */
struct fb_corpus_source {
    const struct fb_glue_task *task; /* NULL: columns are named below */
    const char *split, *data_dir;    /* of the task's own data, where there is no file */
    const char *file;                /* anything fb_dataset_open reads */
    struct fb_texts text_columns;    /* one or two; empty: the usual ones of the objective */
    const char *label_column;        /* NULL: the usual one */
    int64_t limit;                   /* rows; -1: all */
};

/* Owned: fb_corpus_free. Points into itself: not to be copied. */
struct fb_corpus {
    enum fb_objective objective;
    struct fb_glue_task form; /* names of the columns */
    struct fb_examples examples;
    int64_t count;              /* sequences */
    struct fb_sequences input;  /* after fb_corpus_encode */
    struct fb_sequences target; /* FB_TEXT_TO_TEXT: answers, ended by the end token */
    int32_t *label;             /* [count] FB_CLASSIFICATION, after fb_corpus_label */
    struct fb_ids ids;          /* FB_LANGUAGE_MODEL */
    int64_t *offset;
    struct fb_ids answer_ids; /* of files */
    int64_t *answer_offset;
};

/* The classes of a classification, in order of their numbers. */
struct fb_classes {
    int count;
    const char *const *name; /* [count], from the arena; NULL: they have none */
};

/* What is needed to make ids of texts. */
struct fb_corpus_coding {
    struct fb_encoder *encoder;
    int64_t max_length, max_target_length;
    int32_t pad; /* FB_CLASSIFICATION: nothing is read behind it; -1: none */
    int32_t end; /* FB_LANGUAGE_MODEL: put behind each text */
    int64_t
        block_size; /* FB_LANGUAGE_MODEL: all texts end to end, cut into sequences of that size (the
                           rest is left out); 0: every text is a sequence */
};

/* Reads the rows and checks that the columns are there and hold what they should. FB_ENOTFOUND,
 * FB_EFORMAT name the source, the column and the row. */
int fb_corpus_open(struct fb_corpus *out, enum fb_objective objective,
                   const struct fb_corpus_source *from, struct fb_err *err) FB_MUST_CHECK;
void fb_corpus_free(struct fb_corpus *c);

/* Of a GLUE task its own; else the distinct texts of the label column in bytewise order, or 0 ..
 * largest where it holds numbers. FB_EFORMAT for fewer than two. */
int fb_classes_find(struct fb_classes *out, const struct fb_corpus *c, struct fb_arena *arena,
                    struct fb_err *err) FB_MUST_CHECK;
/* FB_EFORMAT names the row whose label is none of the classes. */
int fb_corpus_label(struct fb_corpus *c, const struct fb_classes *classes,
                    struct fb_err *err) FB_MUST_CHECK;
int fb_corpus_encode(struct fb_corpus *c, const struct fb_corpus_coding *how,
                     struct fb_err *err) FB_MUST_CHECK;

#endif
