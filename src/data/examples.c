#include "data/examples.h"

#include "base/alloc.h"
#include "base/number.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

int fb_examples_check(const struct fb_glue_item *item, const char *data_dir, struct fb_err *err) {
    struct fb_examples e = {0};
    int rc = fb_examples_open(&e, item, data_dir, 1, err);

    fb_examples_free(&e);
    return rc;
}

static int open_file(struct fb_dataset *out, const struct fb_glue_item *item, int64_t limit,
                     struct fb_err *err) {
    if (fb_dataset_open(out, item->file, limit, err)) return err->code;
    if (!out->rows) return fb_fail(err, FB_EFORMAT, "%s: no rows", out->source);
    for (int i = 0; i < 2 && item->task->text[i]; i++)
        if (fb_dataset_check_column(out, item->task->text[i], true, err)) return err->code;
    return fb_dataset_check_column(out, item->task->label, false, err);
}

int fb_examples_open(struct fb_examples *out, const struct fb_glue_item *item, const char *data_dir,
                     int64_t limit, struct fb_err *err) {
    *out = (struct fb_examples){.task = item->task};
    if (item->file ? open_file(&out->data, item, limit, err)
                   : fb_glue_open(&out->data, item->task, item->split, data_dir, limit, err))
        return err->code;
    out->count = out->data.rows;
    out->label = fb_dataset_column(&out->data, item->task->label, err);
    return out->label ? FB_OK : err->code;
}

void fb_examples_free(struct fb_examples *e) {
    fb_dataset_free(&e->data);
    fb_ids_free(&e->ids);
    fb_ids_free(&e->target_ids);
    free(e->row);
    free(e->offset);
    free(e->target_offset);
    *e = (struct fb_examples){0};
}

/* ---- which rows ------------------------------------------------------------------------------ */

int64_t fb_examples_row(const struct fb_examples *e, int64_t i) {
    return e->row ? e->row[i] : i;
}

int fb_examples_pick(struct fb_examples *e, const int64_t *row, int64_t count, struct fb_err *err) {
    int64_t *copy = fb_malloc((size_t)(count ? count : 1) * sizeof *copy, err);

    if (!copy) return err->code;
    memcpy(copy, row, (size_t)count * sizeof *copy);
    free(e->row);
    e->row = copy;
    e->count = count;
    return FB_OK;
}

int fb_examples_shuffle(struct fb_examples *e, uint64_t seed, uint64_t epoch, int64_t most,
                        struct fb_err *err) {
    int64_t rows = e->data.rows;
    int64_t *order = fb_malloc((size_t)(rows ? rows : 1) * sizeof *order, err);
    int rc;

    if (!order) return err->code;
    fb_rng_shuffle(order, rows, seed, epoch);
    rc = fb_examples_pick(e, order, most < rows ? most : rows, err);
    free(order);
    return rc;
}

/* ---- ids ------------------------------------------------------------------------------------- */

/* How the ids of one row are made; `text` is scratch memory. */
struct maker {
    struct fb_examples *e;
    struct fb_encoder *encoder;
    int64_t max_length;
    int32_t pad;
    const struct fb_column *column[2];
    struct fb_str text;
};

typedef int make_fn(struct maker *m, struct fb_ids *ids, int64_t row, struct fb_err *err);

static int make_all(struct maker *m, struct fb_ids *ids, int64_t **offset, make_fn *make,
                    struct fb_err *err) {
    struct fb_examples *e = m->e;
    int rc = FB_OK;

    free(*offset);
    ids->count = 0;
    *offset = fb_calloc((size_t)e->count + 1, sizeof **offset, err);
    if (!*offset) return err->code;
    for (int64_t i = 0; !rc && i < e->count; i++) {
        int64_t row = fb_examples_row(e, i);
        rc = make(m, ids, row, err);
        (*offset)[i + 1] = ids->count;
        if (rc) fb_context(err, "%s: row %jd", e->data.source, (intmax_t)row);
    }
    fb_str_free(&m->text);
    return rc;
}

static int make_texts(struct maker *m, struct fb_ids *ids, int64_t row, struct fb_err *err) {
    size_t size[2] = {0, 0};
    const char *first = fb_column_text(m->column[0], row, &size[0]);
    const char *second = m->column[1] ? fb_column_text(m->column[1], row, &size[1]) : NULL;
    int64_t begin = ids->count, end;

    if (fb_encoder_encode_pair(m->encoder, ids, first, size[0], second, size[1], m->max_length,
                               true, err))
        return err->code;
    for (end = begin; end < ids->count; end++)
        if (m->pad >= 0 && ids->id[end] == m->pad) break;
    if (end == begin)
        return fb_fail(err, FB_EFORMAT,
                       "no token before the padding: the text is empty or begins with the padding "
                       "token");
    ids->count = end;
    return FB_OK;
}

int fb_examples_encode(struct fb_examples *e, struct fb_encoder *encoder, int64_t max_length,
                       int32_t pad, struct fb_err *err) {
    struct maker m = {.e = e, .encoder = encoder, .max_length = max_length, .pad = pad};

    for (int i = 0; i < 2 && e->task->text[i]; i++)
        if (!(m.column[i] = fb_dataset_column(&e->data, e->task->text[i], err))) return err->code;
    return make_all(&m, &e->ids, &e->offset, make_texts, err);
}

static int make_prompt(struct maker *m, struct fb_ids *ids, int64_t row, struct fb_err *err) {
    m->text.size = 0;
    if (fb_prompt_input(&m->text, &m->e->prompts, row, err)) return err->code;
    return fb_encoder_encode_pair(m->encoder, ids, m->text.data, m->text.size, NULL, 0,
                                  m->max_length, true, err);
}

static int make_target(struct maker *m, struct fb_ids *ids, int64_t row, struct fb_err *err) {
    m->text.size = 0;
    if (fb_prompt_target(&m->text, &m->e->prompts, row, err)) return err->code;
    return fb_encoder_encode_pair(m->encoder, ids, fb_str_text(&m->text), m->text.size, NULL, 0,
                                  m->max_length, true, err);
}

static int open_prompts(struct fb_examples *e, struct fb_err *err) {
    if (e->prompts.data) return FB_OK;
    if (!fb_template_find(e->task->name))
        return fb_fail(err, FB_EUNSUPPORTED,
                       "%s: own columns have no prompt; text-to-text needs the rows of a GLUE task",
                       e->data.source);
    return fb_prompts_open(&e->prompts, &e->data, fb_template_find(e->task->name), err);
}

int fb_examples_encode_prompts(struct fb_examples *e, struct fb_encoder *encoder,
                               int64_t max_length, struct fb_err *err) {
    struct maker m = {.e = e, .encoder = encoder, .max_length = max_length, .pad = -1};

    if (open_prompts(e, err)) return err->code;
    return make_all(&m, &e->ids, &e->offset, make_prompt, err);
}

int fb_examples_encode_targets(struct fb_examples *e, struct fb_encoder *encoder,
                               int64_t max_length, struct fb_err *err) {
    struct maker m = {.e = e, .encoder = encoder, .max_length = max_length, .pad = -1};

    if (open_prompts(e, err)) return err->code;
    return make_all(&m, &e->target_ids, &e->target_offset, make_target, err);
}

struct fb_sequences fb_examples_inputs(const struct fb_examples *e) {
    return (struct fb_sequences){e->count, e->ids.id, e->offset};
}

struct fb_sequences fb_examples_targets(const struct fb_examples *e) {
    return (struct fb_sequences){e->count, e->target_ids.id, e->target_offset};
}

int32_t *fb_examples_decoder_ids(const struct fb_examples *e, int32_t start, struct fb_err *err) {
    int32_t *id = fb_calloc((size_t)e->target_ids.count, sizeof *id, err);
    const struct fb_sequences targets = fb_examples_targets(e);

    if (id) fb_sequences_shift(id, &targets, start);
    return id;
}

/* Number of a class by its name, or -1. */
static int64_t number_of(const struct fb_node *id2label, const char *name, size_t size) {
    for (int64_t i = 0; id2label && i < id2label->count; i++) {
        const struct fb_node *one = id2label->item[i];
        int64_t number;
        if (one->kind == FB_TEXT && strlen(one->text) == size && !memcmp(one->text, name, size) &&
            fb_parse_int(id2label->key[i].text, &number))
            return number;
    }
    return -1;
}

static int class_of_name(const struct fb_examples *e, int64_t row, int classes, int *out,
                         struct fb_err *err) {
    size_t size;
    const char *name = fb_column_text(e->label, row, &size);
    int64_t number = number_of(e->id2label, name, size);

    *out = (int)number;
    if (number >= 0 && number < classes) return FB_OK;
    return fb_fail(err, FB_EFORMAT, "%s: row %jd: label '%.*s' is none of the model's classes",
                   e->data.source, (intmax_t)row, (int)(size < 80 ? size : 80), name);
}

int fb_examples_class(const struct fb_examples *e, int64_t i, int classes, int *out,
                      struct fb_err *err) {
    int64_t row = fb_examples_row(e, i);
    if (e->label->kind == FB_COLUMN_TEXT) return class_of_name(e, row, classes, out, err);
    int64_t label = e->label->integer ? e->label->integer[row] : -1;

    *out = (int)label;
    if (label >= 0 && label < classes) return FB_OK;
    return fb_fail(err, FB_EFORMAT,
                   "%s: row %jd: label %jd is outside 0 .. %d (the test splits of GLUE have no "
                   "labels)",
                   e->data.source, (intmax_t)row, (intmax_t)label, classes - 1);
}
