/* hub.c - see hub.h. The variables and their order are those of huggingface_hub 0.36
 * (constants.py); an empty variable counts as unset, and "~" is expanded in all of them. */
#include "hub/hub.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "hub/cache.h"

#include <stdlib.h>
#include <sys/stat.h>

static const char *variable(const char *name) {
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* "~" and "~/x" below $HOME; anything else as it is. Owned. */
static char *expand_user(const char *path, struct fb_err *err) {
    const char *home = variable("HOME");

    if (path[0] != '~' || (path[1] && path[1] != '/') || !home) return fb_strdup(path, err);
    return fb_asprintf(err, "%s%s", home, path + 1);
}

/* "$NAME/below" with "~" expanded, NULL if the variable is unset or memory ran out. */
static char *below(const char *name, const char *rest, struct fb_err *err) {
    const char *value = variable(name);
    char *base, *path;

    if (!value || !(base = expand_user(value, err))) return NULL;
    path = fb_asprintf(err, "%s%s", base, rest);
    free(base);
    return path;
}

struct place {
    const char *variable, *rest;
};

/* The first place whose variable is set. */
static int first_place(char **path, const struct place *places, size_t count, struct fb_err *err) {
    *path = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!variable(places[i].variable)) continue;
        *path = below(places[i].variable, places[i].rest, err);
        return *path ? FB_OK : err->code;
    }
    return fb_fail(err, FB_ENOTFOUND, "no cache folder: neither HF_HOME nor HOME is set");
}

int fb_hub_cache_dir(char **path, struct fb_err *err) {
    static const struct place places[] = {
        {"HF_HUB_CACHE", ""},
        {"HUGGINGFACE_HUB_CACHE", ""},
        {"HF_HOME", "/hub"},
        {"XDG_CACHE_HOME", "/huggingface/hub"},
        {"HOME", "/.cache/huggingface/hub"},
    };

    return first_place(path, places, sizeof places / sizeof *places, err);
}

int fb_hub_datasets_dir(char **path, struct fb_err *err) {
    static const struct place places[] = {
        {"HF_DATASETS_CACHE", ""},
        {"HF_HOME", "/datasets"},
        {"XDG_CACHE_HOME", "/huggingface/datasets"},
        {"HOME", "/.cache/huggingface/datasets"},
    };

    return first_place(path, places, sizeof places / sizeof *places, err);
}

/* Why the cache did not help is already in `err`. */
static int not_found(const char *name, enum fb_hub_kind kind, const char *revision,
                     struct fb_err *err) {
    struct fb_err why = *err;

    return fb_fail(
        err, FB_ENOTFOUND,
        "%s '%s'%s%s%s is not on this machine: there is no such file or folder, and in "
        "the Hugging Face cache %s. To fetch it, run 'huggingface-cli download%s %s%s%s' "
        "on a machine with network, or copy the folder here and give its path",
        kind == FB_HUB_MODEL ? "model" : "dataset", name, revision ? " (revision '" : "",
        revision ? revision : "", revision ? "')" : "", why.msg,
        kind == FB_HUB_MODEL ? "" : " --repo-type dataset", name, revision ? " --revision " : "",
        revision ? revision : "");
}

static int look_in_cache(char **path, const char *name, enum fb_hub_kind kind, const char *revision,
                         struct fb_err *err) {
    char *cache, *repo;
    int rc;

    if (fb_hub_cache_dir(&cache, err)) return err->code;
    if (!(repo = fb_hub_repo_dir(cache, name, kind, err))) rc = err->code;
    else if (!fb_is_dir(repo)) rc = fb_fail(err, FB_ENOTFOUND, "there is no folder '%s'", repo);
    else rc = fb_hub_snapshot(path, repo, revision, err);
    free(repo);
    free(cache);
    return rc;
}

int fb_hub_resolve(char **path, const char *name, enum fb_hub_kind kind, const char *revision,
                   struct fb_err *err) {
    const char *noun = kind == FB_HUB_MODEL ? "model" : "dataset";
    struct stat status;
    int rc;

    *path = NULL;
    if (!*name) return fb_fail(err, FB_ENOTFOUND, "the name of the %s is empty", noun);
    if (fb_is_dir(name) || fb_is_file(name)) {
        *path = fb_strdup(name, err);
        return *path ? FB_OK : err->code;
    }
    if (!stat(name, &status))
        return fb_fail(err, FB_EIO, "%s '%s' is neither a file nor a folder", noun, name);
    if (!fb_hub_is_repo(name))
        return fb_fail(err, FB_ENOTFOUND,
                       "%s '%s': there is no such file or folder, and it is not a name of the hub "
                       "('name' or 'org/name')",
                       noun, name);
    rc = look_in_cache(path, name, kind, revision, err);
    if (rc == FB_ENOTFOUND) return not_found(name, kind, revision, err);
    return rc ? fb_context(err, "%s '%s'", noun, name) : FB_OK;
}
