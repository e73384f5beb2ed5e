/* predictions.h - what a model answered, one JSON line per example in dataset order. */
#ifndef FB_TASK_PREDICTIONS_H
#define FB_TASK_PREDICTIONS_H

#include "base/file.h"
#include "base/str.h"

struct fb_predictions {
    struct fb_file file;
    struct fb_str text; /* not yet written */
    uint64_t written;
    bool open;
};

/* `path` NULL: nothing is kept and the other calls do nothing. */
int fb_predictions_create(struct fb_predictions *p, const char *path,
                          struct fb_err *err) FB_MUST_CHECK;
/* {"task": ..., "index": ..., "label": ..., "prediction": ..., "logits": [...]}; logits have the
 * digits that read back as the same f32. */
int fb_predictions_add_class(struct fb_predictions *p, const char *task, int64_t index,
                             int64_t label, int prediction, const float *logits, int n,
                             struct fb_err *err) FB_MUST_CHECK;
/* One generated answer; borrowed, texts not terminated. */
struct fb_prediction_text {
    const char *task;
    int64_t index;
    const char *label, *text;
    size_t label_size, text_size;
    const int32_t *id;
    int64_t ids;
};
/* {"task": ..., "index": ..., "label": text, "prediction": text, "ids": [...]}; ids are those that
 * were generated, the end token among them. */
int fb_predictions_add_text(struct fb_predictions *p, const struct fb_prediction_text *one,
                            struct fb_err *err) FB_MUST_CHECK;
int fb_predictions_commit(struct fb_predictions *p, struct fb_err *err) FB_MUST_CHECK;
/* Does nothing after a commit. */
void fb_predictions_abandon(struct fb_predictions *p);

#endif
