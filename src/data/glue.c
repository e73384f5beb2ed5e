/* glue.c - the GLUE tasks (Wang et al., arXiv:1804.07461) and the layouts their files come in.
 *
 * The published parquet files (hub dataset nyu-mll/glue) are taken as they are. In other layouts
 * (the original tab-separated files; JSON with text_a / text_b) columns are renamed to the published
 * names and labels become the published ids. Labels of the test splits are -1. */
#include "data/glue.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "base/number.h"
#include "data/tsv.h"
#include "hub/hub.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct fb_glue_task fb_glue_tasks[] = {
    {"cola", {"sentence", NULL}, "label", "validation", 2, {"unacceptable", "acceptable"}, 1043},
    {"mnli",
     {"premise", "hypothesis"},
     "label",
     "validation_matched",
     3,
     {"entailment", "neutral", "contradiction"},
     9815},
    {"mrpc",
     {"sentence1", "sentence2"},
     "label",
     "validation",
     2,
     {"not_equivalent", "equivalent"},
     408},
    {"qnli",
     {"question", "sentence"},
     "label",
     "validation",
     2,
     {"entailment", "not_entailment"},
     5463},
    {"qqp",
     {"question1", "question2"},
     "label",
     "validation",
     2,
     {"not_duplicate", "duplicate"},
     40430},
    {"rte",
     {"sentence1", "sentence2"},
     "label",
     "validation",
     2,
     {"entailment", "not_entailment"},
     277},
    {"sst2", {"sentence", NULL}, "label", "validation", 2, {"negative", "positive"}, 872},
    {"stsb", {"sentence1", "sentence2"}, "label", "validation", 0, {NULL}, 1500},
    {NULL, {NULL, NULL}, NULL, NULL, 0, {NULL}, 0},
};

/* What the original files of a task are called, and their columns where the names differ. */
struct original {
    const char *name, *folder;
    const char *text[2];
    const char *label;
};

static const struct original originals[] = {
    {"cola", "CoLA", {NULL, NULL}, NULL},
    {"mnli", "MNLI", {"sentence1", "sentence2"}, "gold_label"},
    {"mrpc", "MRPC", {"#1 String", "#2 String"}, "Quality"},
    {"qnli", "QNLI", {NULL, NULL}, NULL},
    {"qqp", "QQP", {NULL, NULL}, "is_duplicate"},
    {"rte", "RTE", {NULL, NULL}, NULL},
    {"sst2", "SST-2", {"text", NULL}, NULL},
    {"stsb", "STS-B", {NULL, NULL}, "score"},
    {NULL, NULL, {NULL, NULL}, NULL},
};

/* CoLA's train.tsv and dev.tsv have no row of names. */
static const char *const cola_header[] = {"source", "label", "star", "sentence", NULL};

const struct fb_glue_task *fb_glue_find(const char *name) {
    if (!strncmp(name, "glue-", 5) || !strncmp(name, "glue/", 5)) name += 5;
    for (const struct fb_glue_task *t = fb_glue_tasks; t->name; t++)
        if (!strcmp(t->name, name)) return t;
    return NULL;
}

static const struct original *original_of(const struct fb_glue_task *task) {
    for (const struct original *o = originals; o->name; o++)
        if (!strcmp(o->name, task->name)) return o;
    return NULL;
}

/* ---- columns and labels as published ----------------------------------------------------------- */

static struct fb_column *column(struct fb_dataset *d, const char *name) {
    for (int i = 0; name && i < d->columns; i++)
        if (!strcmp(d->column[i].name, name)) return &d->column[i];
    return NULL;
}

/* Renames the first of the alternatives that exists to `name`, unless `name` itself exists. */
static int rename_column(struct fb_dataset *d, const char *name, const char *original,
                         const char *plain, struct fb_err *err) {
    struct fb_column *c = column(d, name);
    char *copy;

    if (c) return FB_OK;
    if (!(c = column(d, original)) && !(c = column(d, plain))) return FB_OK;
    if (!(copy = fb_strdup(name, err))) return err->code;
    free(c->name);
    c->name = copy;
    return FB_OK;
}

static int rename_columns(struct fb_dataset *d, const struct fb_glue_task *task,
                          struct fb_err *err) {
    const struct original *o = original_of(task);
    const char *plain = task->text[1] ? "text_a" : "text";

    if (rename_column(d, task->text[0], o ? o->text[0] : NULL, plain, err)) return err->code;
    if (task->text[1] && rename_column(d, task->text[1], o ? o->text[1] : NULL, "text_b", err))
        return err->code;
    return rename_column(d, task->label, o ? o->label : NULL, NULL, err);
}

static int check_text(const struct fb_dataset *d, const char *name, struct fb_err *err) {
    const struct fb_column *c = fb_dataset_column(d, name, err);

    if (!c) return err->code;
    if (c->kind != FB_COLUMN_TEXT)
        return fb_fail(err, FB_EFORMAT, "dataset '%s': column '%s' does not hold text", d->source,
                       name);
    for (int64_t i = 0; c->valid && i < d->rows; i++)
        if (!c->valid[i])
            return fb_fail(err, FB_EFORMAT, "dataset '%s': row %" PRId64 ": column '%s' is null",
                           d->source, i + 1, name);
    return FB_OK;
}

/* A label as text: a class name, or a number. */
static bool parse_label(const struct fb_glue_task *task, const struct fb_column *c, int64_t row,
                        int64_t *id, double *score) {
    size_t size;
    const char *text = fb_column_text(c, row, &size);
    char word[FB_REAL_TEXT];

    for (int k = 0; k < task->labels && k < 3 && task->label_names[k]; k++)
        if (strlen(task->label_names[k]) == size && !memcmp(task->label_names[k], text, size)) {
            *id = k;
            return true;
        }
    if (size >= sizeof word || memchr(text, 0, size)) return false;
    memcpy(word, text, size);
    word[size] = '\0';
    return task->labels ? fb_parse_int(word, id) : fb_parse_real(word, score);
}

static int unknown_label(const struct fb_dataset *d, const struct fb_glue_task *task, int64_t row,
                         const char *text, size_t size, struct fb_err *err) {
    int shown = size > 40 ? 40 : (int)size;

    if (!task->labels)
        return fb_fail(err, FB_EFORMAT, "dataset '%s': row %" PRId64 ": '%.*s' is not a score",
                       d->source, row + 1, shown, text);
    return fb_fail(err, FB_EFORMAT,
                   "dataset '%s': row %" PRId64 ": label '%.*s' is neither a name nor a number "
                   "of the %d classes",
                   d->source, row + 1, shown, text, task->labels);
}

/* Turns a text column of labels into numbers. */
static int parse_labels(const struct fb_dataset *d, const struct fb_glue_task *task,
                        struct fb_column *c, struct fb_err *err) {
    int64_t *id = NULL;
    double *score = NULL;
    size_t size, rows = (size_t)d->rows;
    const char *text;

    if (task->labels) id = fb_calloc(rows, sizeof *id, err);
    else score = fb_calloc(rows, sizeof *score, err);
    if (!id && !score) return err->code;
    for (int64_t i = 0; i < d->rows; i++) {
        int64_t found = 0;
        double real = 0;
        if (!parse_label(task, c, i, &found, &real)) {
            text = fb_column_text(c, i, &size);
            free(id);
            free(score);
            return unknown_label(d, task, i, text, size, err);
        }
        if (id) id[i] = found;
        else score[i] = real;
    }
    free(c->bytes);
    free(c->offset);
    c->bytes = NULL;
    c->offset = NULL;
    c->integer = id;
    c->real = score;
    c->kind = id ? FB_COLUMN_INT : FB_COLUMN_REAL;
    return FB_OK;
}

/* Scores are 32-bit in the published files. */
static int fix_scores(const struct fb_dataset *d, struct fb_column *c, struct fb_err *err) {
    if (c->kind != FB_COLUMN_REAL) {
        if (!(c->real = fb_calloc((size_t)d->rows, sizeof *c->real, err))) return err->code;
        for (int64_t i = 0; i < d->rows; i++)
            c->real[i] = (double)c->integer[i];
        free(c->integer);
        c->integer = NULL;
        c->kind = FB_COLUMN_REAL;
    }
    for (int64_t i = 0; i < d->rows; i++)
        c->real[i] = (double)(float)c->real[i];
    c->single = true;
    return FB_OK;
}

static int check_ids(const struct fb_dataset *d, const struct fb_glue_task *task,
                     struct fb_column *c, struct fb_err *err) {
    if (c->kind == FB_COLUMN_REAL)
        return fb_fail(err, FB_EFORMAT, "dataset '%s': column '%s' holds reals, not class numbers",
                       d->source, task->label);
    c->kind = FB_COLUMN_INT;
    for (int64_t i = 0; i < d->rows; i++)
        if (c->integer[i] < -1 || c->integer[i] >= task->labels)
            return fb_fail(err, FB_EFORMAT,
                           "dataset '%s': row %" PRId64 ": label %" PRId64
                           ", the task has labels 0 to %d",
                           d->source, i + 1, c->integer[i], task->labels - 1);
    return FB_OK;
}

/* Appends a column of `value`s, or of row numbers. The name is copied. */
static int add_numbers(struct fb_dataset *d, const char *name, bool count, int64_t value,
                       struct fb_err *err) {
    struct fb_column *grown = fb_realloc(d->column, (size_t)d->columns + 1, sizeof *grown, err);
    struct fb_column *c;

    if (!grown) return err->code;
    d->column = grown;
    c = &grown[d->columns];
    *c = (struct fb_column){.kind = FB_COLUMN_INT};
    c->integer = fb_malloc((size_t)d->rows * sizeof *c->integer, err);
    c->name = c->integer ? fb_strdup(name, err) : NULL;
    if (!c->name) {
        free(c->integer);
        return err->code;
    }
    for (int64_t i = 0; i < d->rows; i++)
        c->integer[i] = count ? i : value;
    d->columns++;
    return FB_OK;
}

static int fix_labels(struct fb_dataset *d, const struct fb_glue_task *task, const char *split,
                      struct fb_err *err) {
    struct fb_column *c = column(d, task->label);

    if (!c && !strncmp(split, "test", 4)) {
        if (add_numbers(d, task->label, false, -1, err)) return err->code;
        c = column(d, task->label);
    }
    if (!c) return fb_dataset_column(d, task->label, err) ? FB_OK : err->code;
    for (int64_t i = 0; c->valid && i < d->rows; i++)
        if (!c->valid[i])
            return fb_fail(err, FB_EFORMAT, "dataset '%s': row %" PRId64 " has no label", d->source,
                           i + 1);
    if (c->kind == FB_COLUMN_TEXT && parse_labels(d, task, c, err)) return err->code;
    return task->labels ? check_ids(d, task, c, err) : fix_scores(d, c, err);
}

static int as_published(struct fb_dataset *d, const struct fb_glue_task *task, const char *split,
                        struct fb_err *err) {
    if (rename_columns(d, task, err)) return err->code;
    for (int i = 0; i < 2 && task->text[i]; i++)
        if (check_text(d, task->text[i], err)) return err->code;
    return fix_labels(d, task, split, err);
}

/* ---- tab-separated files ----------------------------------------------------------------------- */

/* Moves the named column to position `at`; the columns before it keep theirs. */
static void move_column(struct fb_dataset *d, const char *name, int at) {
    struct fb_column *c = column(d, name), kept = *c;

    memmove(&d->column[at + 1], &d->column[at], (size_t)(c - &d->column[at]) * sizeof *c);
    d->column[at] = kept;
}

/* Leaves the columns that the published files have: texts, label, idx. */
static int keep_published(struct fb_dataset *d, const struct fb_glue_task *task,
                          struct fb_err *err) {
    struct fb_dataset rest = {0};
    int n = 0;

    for (int i = 0; i < 2 && task->text[i]; i++)
        move_column(d, task->text[i], n++);
    move_column(d, task->label, n++);
    if (!(rest.column = fb_calloc((size_t)d->columns, sizeof *rest.column, err))) return err->code;
    rest.columns = d->columns - n;
    memcpy(rest.column, d->column + n, (size_t)rest.columns * sizeof *rest.column);
    d->columns = n;
    fb_dataset_free(&rest);
    return add_numbers(d, "idx", true, 0, err);
}

/* Whether the first line is a row of CoLA: four fields, the second a label. */
static bool lacks_header(const struct fb_map *map) {
    const char *text = (const char *)map->data;
    const char *tab = memchr(text, '\t', map->size);
    size_t left = tab ? map->size - (size_t)(tab - text) : 0;

    return left > 2 && (tab[1] == '0' || tab[1] == '1') && tab[2] == '\t';
}

static int open_tsv(struct fb_dataset *out, const char *path, const struct fb_glue_task *task,
                    const char *split, int64_t limit, struct fb_err *err) {
    struct fb_tsv_form form = {.separator = '\t', .text_only = true};
    struct fb_map map;
    int rc;

    if (fb_map_open(&map, path, err)) return fb_context(err, "dataset '%s'", path);
    if (!strcmp(task->name, "cola") && lacks_header(&map)) form.header = cola_header;
    rc = fb_tsv_read(out, (const char *)map.data, map.size, &form, limit, err);
    fb_map_close(&map);
    if (!rc && !(out->source = fb_strdup(path, err))) rc = err->code;
    if (rc) fb_context(err, "dataset '%s'", path);
    if (!rc) rc = as_published(out, task, split, err);
    if (!rc) rc = keep_published(out, task, err);
    if (rc) fb_dataset_free(out);
    return rc;
}

/* ---- finding the files ------------------------------------------------------------------------- */

enum { STEMS = 4 };

struct search {
    struct fb_dataset *out;
    const struct fb_glue_task *task;
    const char *split;
    char stem[STEMS][64]; /* names of the files of this split, the best first; "" ends them */
    int64_t limit;
    struct fb_str places; /* folders that were looked at */
    bool found;
};

static void add_stem(struct search *s, const char *begin, const char *rest) {
    char stem[64];
    int i = 0;

    if (snprintf(stem, sizeof stem, "%s%s", begin, rest) >= (int)sizeof stem) return;
    for (; i < STEMS && s->stem[i][0]; i++)
        if (!strcmp(s->stem[i], stem)) return;
    if (i < STEMS) memcpy(s->stem[i], stem, sizeof stem);
}

/* "validation_matched" is "dev_matched" in the original files; where a task has no plain
 * "validation", that name means the split which is evaluated, and the other way round. */
static void find_stems(struct search *s) {
    const char *word = "validation", *evaluated = s->task->validation;
    size_t n = strlen(word);

    if (!strcmp(s->split, word) && fb_starts_with(evaluated, word)) {
        add_stem(s, evaluated, "");
        add_stem(s, "dev", evaluated + n);
    }
    add_stem(s, s->split, "");
    if (fb_starts_with(s->split, word)) add_stem(s, "dev", s->split + n);
    if (!strcmp(s->split, evaluated)) {
        add_stem(s, word, "");
        add_stem(s, "dev", "");
    }
}

static int open_file(struct search *s, const char *path, int64_t limit, struct fb_dataset *out,
                     struct fb_err *err) {
    if (fb_ends_with(path, ".tsv")) return open_tsv(out, path, s->task, s->split, limit, err);
    if (fb_dataset_open(out, path, limit, err)) return err->code;
    if (!as_published(out, s->task, s->split, err)) return FB_OK;
    fb_dataset_free(out);
    return err->code;
}

/* "validation-00001-of-00003.parquet": `*index` 1, `*of` 3; other endings leave them alone. */
static bool is_shard(const char *name, const char *stem, int *index, int *of) {
    size_t n = strlen(stem);

    if (strncmp(name, stem, n) || name[n] != '-' || !fb_ends_with(name, ".parquet")) return false;
    if (sscanf(name + n, "-%5d-of-%5d", index, of) != 2) *index = *of = -1;
    return true;
}

static int append_shard(struct search *s, const char *path, struct fb_err *err) {
    int64_t limit = s->limit < 0 ? -1 : s->limit - s->out->rows;
    struct fb_dataset more;

    if (!s->found) {
        s->found = true;
        return open_file(s, path, limit, s->out, err);
    }
    if (!limit) return FB_OK;
    return open_file(s, path, limit, &more, err) ? err->code
                                                 : fb_dataset_append(s->out, &more, err);
}

/* All shards of one stem, in the order of their names, which is that of their numbers. */
static int read_shards(struct search *s, const char *folder, const char *stem, char **names,
                       size_t count, struct fb_err *err) {
    int index = -1, of = -1, seen = 0, total = -1;

    for (size_t i = 0; i < count; i++) {
        char *path;
        int rc;
        if (!is_shard(names[i], stem, &index, &of)) continue;
        if (!seen) total = of;
        if (of != total || (of > 0 && index != seen))
            return fb_fail(err, FB_EFORMAT, "'%s': found '%s', expected part %d of %d", folder,
                           names[i], seen, total);
        seen++;
        if (!(path = fb_path_join(folder, names[i], err))) return err->code;
        rc = append_shard(s, path, err);
        free(path);
        if (rc) return rc;
    }
    if (total > 0 && seen != total)
        return fb_fail(err, FB_EFORMAT, "'%s': %d of %d parts of '%s' are there", folder, seen,
                       total, stem);
    return FB_OK;
}

static int try_single(struct search *s, const char *folder, const char *stem, struct fb_err *err) {
    static const char *const endings[] = {".parquet", ".jsonl", ".json", ".tsv"};

    for (size_t i = 0; i < sizeof endings / sizeof *endings && !s->found; i++) {
        char *path = fb_asprintf(err, "%s/%s%s", folder, stem, endings[i]);
        int rc = path ? FB_OK : err->code;
        if (!rc && fb_is_file(path)) {
            s->found = true;
            rc = open_file(s, path, s->limit, s->out, err);
        }
        free(path);
        if (rc) return rc;
    }
    return FB_OK;
}

static int try_folder(struct search *s, const char *folder, struct fb_err *err) {
    char **names;
    size_t count;
    int rc = FB_OK;

    if (fb_str_printf(&s->places, err, "%s%s", s->places.size ? ", " : "", folder))
        return err->code;
    if (!fb_is_dir(folder)) return FB_OK;
    if (fb_list_dir(folder, &names, &count, err)) return err->code;
    for (int i = 0; i < STEMS && s->stem[i][0] && !rc && !s->found; i++) {
        rc = read_shards(s, folder, s->stem[i], names, count, err);
        if (!rc && !s->found) rc = try_single(s, folder, s->stem[i], err);
    }
    fb_list_free(names, count);
    return rc;
}

/* <base>/glue/<task>, <base>/<task>, and the same with the original name of the folder. */
static int try_base(struct search *s, const char *base, struct fb_err *err) {
    const struct original *o = original_of(s->task);
    const char *names[2] = {s->task->name, o ? o->folder : NULL};

    for (int i = 0; i < 2 && names[i]; i++)
        for (int below = 1; below >= 0 && !s->found; below--) {
            char *folder = fb_asprintf(err, "%s/%s%s", base, below ? "glue/" : "", names[i]);
            int rc = folder ? try_folder(s, folder, err) : err->code;
            free(folder);
            if (rc) return rc;
        }
    return FB_OK;
}

/* A dataset in the hub's cache; that it is not there is no failure of the search. */
static int try_hub(struct search *s, const char *name, struct fb_err *err) {
    char *base;
    int rc = fb_hub_resolve(&base, name, FB_HUB_DATASET, NULL, err);

    if (rc == FB_ENOTFOUND)
        return fb_str_printf(&s->places, err, "%sthe Hugging Face cache (%s)",
                             s->places.size ? ", " : "", name);
    if (!rc) {
        char *folder = fb_path_join(base, s->task->name, err);
        rc = folder ? try_folder(s, folder, err) : err->code;
        free(folder);
    }
    free(base);
    return rc;
}

static int not_found(const struct search *s, struct fb_err *err) {
    char files[STEMS * 80] = "";
    size_t used = 0;

    for (int i = 0; i < STEMS && s->stem[i][0]; i++)
        used +=
            (size_t)snprintf(files + used, sizeof files - used, "%s%s", i ? ", " : "", s->stem[i]);
    return fb_fail(err, FB_ENOTFOUND,
                   "no data for glue/%s, split '%s': looked for %s (-*.parquet, .parquet, .jsonl, "
                   ".json, .tsv) in %s. Name the folder that holds glue/%s with path.data_dir, "
                   "--data-dir or FUSION_BENCH_DATA_DIR, or run 'huggingface-cli download "
                   "--repo-type dataset nyu-mll/glue' on a machine with network",
                   s->task->name, s->split, files, fb_str_text(&s->places), s->task->name);
}

static int run_search(struct search *s, const char *data_dir, struct fb_err *err) {
    static const char *const hub_names[] = {"nyu-mll/glue", "glue"};
    const char *variable = getenv("FUSION_BENCH_DATA_DIR");

    if (data_dir && *data_dir && try_base(s, data_dir, err)) return err->code;
    if (!s->found && variable && *variable && try_base(s, variable, err)) return err->code;
    for (int i = 0; i < 2 && !s->found; i++)
        if (try_hub(s, hub_names[i], err)) return err->code;
    return s->found ? FB_OK : not_found(s, err);
}

int fb_glue_open(struct fb_dataset *out, const struct fb_glue_task *task, const char *split,
                 const char *data_dir, int64_t limit, struct fb_err *err) {
    struct search s = {.out = out, .task = task, .split = split, .limit = limit};
    int rc;

    *out = (struct fb_dataset){0};
    find_stems(&s);
    rc = run_search(&s, data_dir, err);
    fb_str_free(&s.places);
    if (rc) fb_dataset_free(out);
    return rc;
}
