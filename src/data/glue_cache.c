#include "data/glue_cache.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS_MAX = 10000 };

struct hunt {
    const char *const *stems;
    char **paths; /* owned */
    size_t count;
};

/* The number of at most nine digits that `*at` begins with, moved behind it; -1: there is none. */
static int take_number(const char **at) {
    int number = 0, digits = 0;

    for (; **at >= '0' && **at <= '9' && digits < 9; digits++)
        number = number * 10 + (*(*at)++ - '0');
    return digits ? number : -1;
}

/* Highest version first: three numbers, then the bytes. */
static int compare_versions(const void *a, const void *b) {
    const char *x = *(char *const *)a, *y = *(char *const *)b, *p = x, *q = y;

    for (int i = 0; i < 3; i++) {
        int m = take_number(&p), n = take_number(&q);
        if (m != n) return m < n ? 1 : -1;
        if (*p != '.' || *q != '.') break;
        p++, q++;
    }
    return strcmp(y, x);
}

static int add_path(struct hunt *h, char *path, struct fb_err *err) {
    char **grown = path ? fb_realloc(h->paths, h->count + 1, sizeof *grown, err) : NULL;

    if (!grown) {
        free(path);
        return err->code;
    }
    h->paths = grown;
    h->paths[h->count++] = path;
    return FB_OK;
}

static void forget(struct hunt *h) {
    fb_list_free(h->paths, h->count);
    h->paths = NULL;
    h->count = 0;
}

/* How many parts the split has in this folder, by the name of the first one; 0: none. */
static int count_parts(char *const *names, size_t count, const char *stem) {
    char begin[96];
    const char *rest;
    int of;

    if (snprintf(begin, sizeof begin, "glue-%s-00000-of-", stem) >= (int)sizeof begin) return 0;
    for (size_t i = 0; i < count; i++) {
        if (!fb_starts_with(names[i], begin) || !fb_ends_with(names[i], ".arrow")) continue;
        rest = names[i] + strlen(begin);
        of = take_number(&rest);
        if (of > 0 && of <= SHARDS_MAX) return of;
    }
    return 0;
}

/* The split in one folder, if it is complete. */
static int try_stem(struct hunt *h, const char *folder, char *const *names, size_t count,
                    const char *stem, struct fb_err *err) {
    char *single = fb_asprintf(err, "%s/glue-%s.arrow", folder, stem);
    int parts = count_parts(names, count, stem);

    if (!single) return err->code;
    if (fb_is_file(single)) return add_path(h, single, err);
    free(single);
    for (int i = 0; i < parts; i++) {
        char *path = fb_asprintf(err, "%s/glue-%s-%05d-of-%05d.arrow", folder, stem, i, parts);
        bool there = path && fb_is_file(path);
        if (add_path(h, path, err)) return err->code;
        if (there) continue;
        forget(h);
        return FB_OK;
    }
    return FB_OK;
}

static int try_folder(struct hunt *h, const char *folder, struct fb_err *err) {
    char **names;
    size_t count;
    int rc;

    if (fb_ends_with(folder, ".incomplete") || !fb_is_dir(folder)) return FB_OK;
    if (fb_list_dir(folder, &names, &count, err)) return err->code;
    rc = FB_OK;
    for (int i = 0; h->stems[i] && !rc && !h->count; i++)
        rc = try_stem(h, folder, names, count, h->stems[i], err);
    fb_list_free(names, count);
    return rc;
}

/* <version>/<fingerprint>, then <version> itself. */
static int try_version(struct hunt *h, const char *folder, struct fb_err *err) {
    char **names;
    size_t count;
    int rc = FB_OK;

    if (fb_ends_with(folder, ".incomplete") || !fb_is_dir(folder)) return FB_OK;
    if (fb_list_dir(folder, &names, &count, err)) return err->code;
    for (size_t i = count; i > 0 && !rc && !h->count; i--) {
        char *path = fb_path_join(folder, names[i - 1], err);
        rc = path ? try_folder(h, path, err) : err->code;
        free(path);
    }
    fb_list_free(names, count);
    if (!rc && !h->count) rc = try_folder(h, folder, err);
    return rc;
}

static int try_config(struct hunt *h, const char *folder, struct fb_err *err) {
    char **names;
    size_t count;
    int rc = FB_OK;

    if (!fb_is_dir(folder)) return FB_OK;
    if (fb_list_dir(folder, &names, &count, err)) return err->code;
    qsort(names, count, sizeof *names, compare_versions);
    for (size_t i = 0; i < count && !rc && !h->count; i++) {
        char *path = fb_path_join(folder, names[i], err);
        rc = path ? try_version(h, path, err) : err->code;
        free(path);
    }
    fb_list_free(names, count);
    return rc;
}

int fb_glue_cache_find(char ***paths, size_t *count, const char *cache, const char *task,
                       const char *const *stems, struct fb_err *err) {
    static const char *const names[] = {"nyu-mll___glue", "glue"};
    struct hunt h = {.stems = stems};
    int rc = FB_OK;

    *paths = NULL;
    *count = 0;
    for (int i = 0; i < 2 && !rc && !h.count; i++) {
        char *folder = fb_asprintf(err, "%s/%s/%s", cache, names[i], task);
        rc = folder ? try_config(&h, folder, err) : err->code;
        free(folder);
    }
    if (rc) {
        forget(&h);
        return rc;
    }
    *paths = h.paths;
    *count = h.count;
    return FB_OK;
}
