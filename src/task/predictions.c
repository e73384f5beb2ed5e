#include "task/predictions.h"

#include "base/number.h"
#include "config/json.h"

#include <math.h>
#include <string.h>

enum { FLUSH = 1 << 20 };

int fb_predictions_create(struct fb_predictions *p, const char *path, struct fb_err *err) {
    *p = (struct fb_predictions){0};
    if (!path) return FB_OK;
    if (fb_file_create(&p->file, path, err)) return fb_context(err, "predictions '%s'", path);
    p->open = true;
    return FB_OK;
}

static int flush(struct fb_predictions *p, struct fb_err *err) {
    if (!p->text.size) return FB_OK;
    if (fb_file_write(&p->file, p->written, p->text.data, p->text.size, err)) return err->code;
    p->written += p->text.size;
    p->text.size = 0;
    return FB_OK;
}

/* JSON has no word for NaN and infinity; Python's json writes and reads these. */
static int print_logit(struct fb_str *out, float v, struct fb_err *err) {
    char text[FB_REAL_TEXT];

    if (isnan(v)) return fb_str_puts(out, "NaN", err);
    if (isinf(v)) return fb_str_puts(out, v < 0 ? "-Infinity" : "Infinity", err);
    fb_format_single(text, v);
    return fb_str_puts(out, text, err);
}

int fb_predictions_add_class(struct fb_predictions *p, const char *task, int64_t index,
                             int64_t label, int prediction, const float *logits, int n,
                             struct fb_err *err) {
    struct fb_str *out = &p->text;

    if (!p->open) return FB_OK;
    if (fb_str_puts(out, "{\"task\": ", err) ||
        fb_json_print_text(out, task, strlen(task), false, err) ||
        fb_str_printf(out, err,
                      ", \"index\": %jd, \"label\": %jd, \"prediction\": %d, \"logits\": [",
                      (intmax_t)index, (intmax_t)label, prediction))
        return err->code;
    for (int i = 0; i < n; i++)
        if ((i && fb_str_puts(out, ", ", err)) || print_logit(out, logits[i], err))
            return err->code;
    if (fb_str_puts(out, "]}\n", err)) return err->code;
    return out->size < FLUSH ? FB_OK : flush(p, err);
}

int fb_predictions_add_text(struct fb_predictions *p, const struct fb_prediction_text *one,
                            struct fb_err *err) {
    struct fb_str *out = &p->text;

    if (!p->open) return FB_OK;
    if (fb_str_puts(out, "{\"task\": ", err) ||
        fb_json_print_text(out, one->task, strlen(one->task), false, err) ||
        fb_str_printf(out, err, ", \"index\": %jd, \"label\": ", (intmax_t)one->index) ||
        fb_json_print_text(out, one->label, one->label_size, false, err) ||
        fb_str_puts(out, ", \"prediction\": ", err) ||
        fb_json_print_text(out, one->text, one->text_size, false, err) ||
        fb_str_puts(out, ", \"ids\": [", err))
        return err->code;
    for (int64_t i = 0; i < one->ids; i++)
        if (fb_str_printf(out, err, i ? ", %d" : "%d", (int)one->id[i])) return err->code;
    if (fb_str_puts(out, "]}\n", err)) return err->code;
    return out->size < FLUSH ? FB_OK : flush(p, err);
}

int fb_predictions_commit(struct fb_predictions *p, struct fb_err *err) {
    int rc;

    if (!p->open) return FB_OK;
    rc = flush(p, err);
    if (!rc) {
        p->open = false;
        rc = fb_file_commit(&p->file, err);
    }
    fb_predictions_abandon(p);
    return rc;
}

void fb_predictions_abandon(struct fb_predictions *p) {
    if (p->open) fb_file_abandon(&p->file);
    fb_str_free(&p->text);
    *p = (struct fb_predictions){0};
}
