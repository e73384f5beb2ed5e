/* glue.c - the GLUE tasks (Wang et al., arXiv:1804.07461) and where their files are found. */
#include "data/glue.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "data/glue_cache.h"
#include "data/glue_form.h"
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

const struct fb_glue_task *fb_glue_find(const char *name) {
    if (!strncmp(name, "glue-", 5) || !strncmp(name, "glue/", 5)) name += 5;
    for (const struct fb_glue_task *t = fb_glue_tasks; t->name; t++)
        if (!strcmp(t->name, name)) return t;
    return NULL;
}

int fb_glue_fail_unknown(const char *name, int code, struct fb_err *err) {
    const char *names[sizeof fb_glue_tasks / sizeof *fb_glue_tasks];
    size_t n = 0;

    for (; fb_glue_tasks[n].name; n++)
        names[n] = fb_glue_tasks[n].name;
    return fb_fail_unknown(err, code, "GLUE task", name, names, n);
}

/* ---- finding the files ---------------------------------------------------------------------- */

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
    if (fb_ends_with(path, ".tsv"))
        return fb_glue_open_tsv(out, path, s->task, s->split, limit, err);
    if (fb_dataset_open(out, path, limit, err)) return err->code;
    if (!fb_glue_publish(out, s->task, s->split, err)) return FB_OK;
    fb_dataset_free(out);
    return err->code;
}

/* Steps over `before` and one to five digits: their value. */
static bool small_number(const char **text, const char *before, int *value) {
    const char *digit = *text + strlen(before);
    size_t digits;

    if (strncmp(*text, before, strlen(before)) != 0) return false;
    digits = strspn(digit, "0123456789");
    if (digits < 1 || digits > 5) return false;
    *value = 0;
    for (size_t i = 0; i < digits; i++)
        *value = *value * 10 + (digit[i] - '0');
    *text = digit + digits;
    return true;
}

/* "validation-00001-of-00003.parquet": `*index` 1, `*of` 3; other endings leave them alone. */
static bool is_shard(const char *name, const char *stem, int *index, int *of) {
    size_t n = strlen(stem);

    if (strncmp(name, stem, n) || name[n] != '-' || !fb_ends_with(name, ".parquet")) return false;
    name += n;
    if (!small_number(&name, "-", index) || !small_number(&name, "-of-", of)) *index = *of = -1;
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
    const struct fb_glue_original *o = fb_glue_original(s->task);
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

/* Says which folder of the hub's cache was looked for. */
static int add_cache(struct search *s, const char *name, struct fb_err *err) {
    char *cache;
    int rc = fb_hub_cache_dir(&cache, err);

    if (rc && rc != FB_ENOTFOUND) return rc;
    rc = fb_str_printf(&s->places, err, "%s%s for dataset %s", s->places.size ? ", " : "",
                       cache ? cache : "no Hugging Face cache", name);
    free(cache);
    return rc;
}

/* A dataset in the hub's cache; that it is not there is no failure of the search. */
static int try_hub(struct search *s, const char *name, struct fb_err *err) {
    char *base;
    int rc = fb_hub_resolve(&base, name, FB_HUB_DATASET, NULL, err);

    if (rc == FB_ENOTFOUND) return add_cache(s, name, err);
    if (!rc) {
        char *folder = fb_path_join(base, s->task->name, err);
        rc = folder ? try_folder(s, folder, err) : err->code;
        free(folder);
    }
    free(base);
    return rc;
}

/* Arrow files that the library `datasets` has prepared. */
static int try_prepared(struct search *s, struct fb_err *err) {
    const char *stems[STEMS + 1] = {NULL};
    char *cache, **paths;
    size_t count;
    int rc = fb_hub_datasets_dir(&cache, err);

    if (rc == FB_ENOTFOUND) return FB_OK;
    for (int i = 0; i < STEMS && s->stem[i][0]; i++)
        stems[i] = s->stem[i];
    if (!rc) rc = fb_glue_cache_find(&paths, &count, cache, s->task->name, stems, err);
    if (!rc) {
        rc = fb_str_printf(&s->places, err, ", %s/{nyu-mll___glue,glue}/%s", cache, s->task->name);
        for (size_t i = 0; i < count && !rc; i++)
            rc = append_shard(s, paths[i], err);
        fb_list_free(paths, count);
    }
    free(cache);
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
    if (!s->found && try_prepared(s, err)) return err->code;
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
