/* cache.c - see cache.h. Source: huggingface_hub 0.36 (file_download.py, _snapshot_download.py,
 * utils/_validators.py). Names are checked before they become paths; a ref may name nothing but a
 * folder inside snapshots/. */
#include "hub/cache.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 96, COMMIT_MAX = 200 };

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_part(const char *text, size_t size) {
    if (!size || size > NAME_MAX_BYTES || !is_word(text[0]) || !is_word(text[size - 1]))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_word(text[i]) && text[i] != '-' && text[i] != '.') return false;
    return true;
}

bool fb_hub_is_repo(const char *name) {
    const char *slash = strchr(name, '/'), *last = slash ? slash + 1 : name;

    if (slash && !is_part(name, (size_t)(slash - name))) return false;
    if (strstr(name, "--") || strstr(name, "..") || fb_ends_with(name, ".git")) return false;
    return is_part(last, strlen(last)); /* a second slash is no part */
}

char *fb_hub_repo_dir(const char *cache, const char *name, enum fb_hub_kind kind,
                      struct fb_err *err) {
    const char *slash = strchr(name, '/'), *kinds = kind == FB_HUB_MODEL ? "models" : "datasets";

    if (!slash) return fb_asprintf(err, "%s/%s--%s", cache, kinds, name);
    return fb_asprintf(err, "%s/%s--%.*s--%s", cache, kinds, (int)(slash - name), name, slash + 1);
}

/* A revision is a branch, tag ("refs/pr/1" included) or commit, and must not leave its folder. */
static bool is_revision(const char *text) {
    return *text && *text != '/' && !strstr(text, "..") && !fb_ends_with(text, "/");
}

static bool is_space(unsigned char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Content of a ref, owned: a plain name. */
static int read_ref(char **commit, const char *path, struct fb_err *err) {
    struct fb_map map;
    size_t size;

    if (fb_map_open(&map, path, err)) return fb_context(err, "'%s'", path);
    size = map.size;
    while (size && is_space(map.data[size - 1]))
        size--;
    if (size <= COMMIT_MAX && is_part((const char *)map.data, size))
        *commit = fb_strndup((const char *)map.data, size, err);
    else fb_fail(err, FB_EFORMAT, "'%s' does not hold the name of a commit", path);
    fb_map_close(&map);
    return *commit ? FB_OK : err->code;
}

/* <repo>/snapshots/<commit>, if it is a folder. */
static int open_commit(char **path, const char *repo, const char *commit, struct fb_err *err) {
    char *dir = fb_asprintf(err, "%s/snapshots/%s", repo, commit);

    if (!dir) return err->code;
    if (!fb_is_dir(dir)) {
        fb_fail(err, FB_ENOTFOUND, "there is no folder '%s'", dir);
        free(dir);
        return err->code;
    }
    *path = dir;
    return FB_OK;
}

/* The only snapshot there is. */
static int open_only(char **path, const char *repo, struct fb_err *err) {
    char *dir = fb_asprintf(err, "%s/snapshots", repo), **names;
    size_t count;
    int rc;

    if (!dir) return err->code;
    if (!fb_is_dir(dir)) rc = fb_fail(err, FB_ENOTFOUND, "there is no folder '%s'", dir);
    else if (fb_list_dir(dir, &names, &count, err)) rc = err->code;
    else {
        if (count == 1) rc = open_commit(path, repo, names[0], err);
        else
            rc = fb_fail(err, FB_ENOTFOUND, "there is no '%s/refs/main', and %zu snapshots", repo,
                         count);
        fb_list_free(names, count);
    }
    free(dir);
    return rc;
}

int fb_hub_snapshot(char **path, const char *repo, const char *revision, struct fb_err *err) {
    char *ref, *commit = NULL;
    int rc;

    *path = NULL;
    if (revision && !is_revision(revision))
        return fb_fail(err, FB_EUSAGE, "'%s' is not a revision", revision);
    if (!(ref = fb_asprintf(err, "%s/refs/%s", repo, revision ? revision : "main")))
        return err->code;
    if (fb_is_file(ref)) {
        rc = read_ref(&commit, ref, err);
        if (!rc) rc = open_commit(path, repo, commit, err);
    } else if (!revision) {
        rc = open_only(path, repo, err);
    } else if (strchr(revision, '/')) {
        rc = fb_fail(err, FB_ENOTFOUND, "there is no '%s'", ref);
    } else {
        rc = open_commit(path, repo, revision, err);
    }
    free(commit);
    free(ref);
    return rc;
}
