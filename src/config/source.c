#include "config/source.h"

#include "base/alloc.h"
#include "base/embed.h"
#include "base/file.h"
#include "config/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_MOST = 4096, DEPTH_MOST = 8 };

void fb_sources_init(struct fb_sources *sources, struct fb_arena *arena) {
    memset(sources, 0, sizeof *sources);
    sources->arena = arena;
}

int fb_sources_add(struct fb_sources *sources, const char *provider, const char *path,
                   const char *mount, struct fb_err *err) {
    struct fb_source *s = sources->item + sources->count;
    size_t size = strlen(path);

    if (sources->count == FB_SOURCES_MOST)
        return fb_fail(err, FB_ECONFIG, "more than %d folders in the configuration search path",
                       FB_SOURCES_MOST);
    while (size > 1 && path[size - 1] == '/')
        size--;
    if (!(s->provider = fb_arena_strdup(sources->arena, provider, err)) ||
        !(s->path = fb_arena_strndup(sources->arena, path, size, err)) ||
        !(s->mount = fb_arena_strdup(sources->arena, mount, err)))
        return err->code;
    sources->count++;
    return FB_OK;
}

bool fb_source_is_dir(const char *path) {
    struct stat st;

    if (fb_starts_with(path, FB_EMBEDDED_PREFIX))
        return fb_embedded_is_dir(path + strlen(FB_EMBEDDED_PREFIX));
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path) {
    struct stat st;

    if (fb_starts_with(path, FB_EMBEDDED_PREFIX))
        return fb_embedded_find(path + strlen(FB_EMBEDDED_PREFIX)) != NULL;
    return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* "<source>/<name><suffix>" into a fixed buffer; false if it does not fit or lies outside the
 * mount. */
static bool locate(char out[PATH_MOST], const struct fb_source *s, const char *name,
                   const char *suffix) {
    size_t mount = strlen(s->mount);
    int n;

    if (mount) {
        if (strncmp(name, s->mount, mount) || (name[mount] && name[mount] != '/')) return false;
        name += mount + (name[mount] == '/');
    }
    n = snprintf(out, PATH_MOST, "%s%s%s%s", s->path, *name ? "/" : "", name, suffix);
    return n > 0 && n < PATH_MOST;
}

static const char *suffix_of(const char *name) {
    return fb_ends_with(name, ".yaml") ? "" : ".yaml";
}

bool fb_source_has(const struct fb_source *source, const char *name) {
    char path[PATH_MOST];

    return locate(path, source, name, suffix_of(name)) && is_file(path);
}

static const struct fb_source *holder(const struct fb_sources *sources, const char *name) {
    for (int i = 0; i < sources->count; i++)
        if (fb_source_has(sources->item + i, name)) return sources->item + i;
    return NULL;
}

bool fb_sources_have_config(const struct fb_sources *sources, const char *name) {
    return holder(sources, name) != NULL;
}

bool fb_sources_have_group(const struct fb_sources *sources, const char *group) {
    char path[PATH_MOST];

    for (int i = 0; i < sources->count; i++)
        if (locate(path, sources->item + i, group, "") && fb_source_is_dir(path)) return true;
    return false;
}

/* The word after "# @package": such lines must come first, before any other comment. */
static int read_header(struct fb_config *config, const char *head, struct fb_arena *a,
                       struct fb_err *err) {
    for (const char *p = head, *word; p && *p; p += strcspn(p, "\n"), p += *p == '\n') {
        size_t n, rest;
        p += strspn(p, " \t\r");
        if (*p == '\n') continue;
        word = p + strspn(p, "#");
        word += strspn(word, " \t");
        if (*p != '#' || *word != '@') break;
        if (!fb_starts_with(word, "@package")) continue;
        word += strlen("@package");
        word += strspn(word, " \t");
        n = strcspn(word, " \t\r\n");
        rest = n + strspn(word + n, " \t\r");
        if (!n) return fb_fail(err, FB_ECONFIG, "'# @package' is not followed by a package");
        if (word[rest] && word[rest] != '\n')
            return fb_fail(err, FB_ECONFIG, "'# @package' is followed by more than one word");
        if (!(config->package = fb_arena_strndup(a, word, n, err))) return err->code;
    }
    return FB_OK;
}

static int take_defaults(struct fb_config *config, struct fb_err *err) {
    int64_t at = fb_node_index(config->node, (struct fb_key){"defaults", FB_TEXT});

    if (at < 0) return FB_OK;
    config->defaults = config->node->item[at];
    if (config->defaults->kind != FB_LIST)
        return fb_fail(err, FB_ECONFIG, "'defaults' must be a list, found %s",
                       fb_kind_name(config->defaults->kind));
    fb_node_remove(config->node, at);
    return FB_OK;
}

static int read_config(struct fb_config *config, const char *path, struct fb_arena *a,
                       struct fb_err *err) {
    const char *head = NULL;

    if (!(config->file = fb_arena_strdup(a, path, err))) return err->code;
    if (fb_yaml_load(&config->node, &head, a, config->file, err)) return err->code;
    if (config->node->kind == FB_NULL && !(config->node = fb_node_map(a, config->node->place, err)))
        return err->code;
    if (config->node->kind != FB_MAP && config->node->kind != FB_LIST)
        return fb_fail(err, FB_ECONFIG, "'%s' holds %s, not a mapping", path,
                       fb_kind_name(config->node->kind));
    if (read_header(config, head, a, err) || take_defaults(config, err))
        return fb_context(err, "'%s'", path);
    return FB_OK;
}

static int remember(struct fb_sources *sources, const struct fb_config *config,
                    struct fb_err *err) {
    if (sources->cached == sources->capacity) {
        int64_t capacity = sources->capacity ? sources->capacity * 2 : 32;
        const struct fb_config **grown =
            fb_arena_calloc(sources->arena, (size_t)capacity, sizeof(*grown), err);
        if (!grown) return err->code;
        if (sources->cached)
            memcpy(grown, sources->cache, (size_t)sources->cached * sizeof(*grown));
        sources->cache = grown;
        sources->capacity = capacity;
    }
    sources->cache[sources->cached++] = config;
    return FB_OK;
}

int fb_sources_load(struct fb_sources *sources, const struct fb_config **out, const char *name,
                    struct fb_err *err) {
    const struct fb_source *source;
    struct fb_config *config;
    char path[PATH_MOST];

    *out = NULL;
    for (int64_t i = 0; i < sources->cached; i++)
        if (!strcmp(sources->cache[i]->name, name)) {
            *out = sources->cache[i];
            return FB_OK;
        }
    if (!(source = holder(sources, name)) || !locate(path, source, name, suffix_of(name)))
        return FB_OK;
    if (!(config = fb_arena_calloc(sources->arena, 1, sizeof *config, err)) ||
        !(config->name = fb_arena_strdup(sources->arena, name, err)))
        return err->code;
    if (read_config(config, path, sources->arena, err) || remember(sources, config, err))
        return err->code;
    *out = config;
    return FB_OK;
}

static int by_name(const void *x, const void *y) {
    return strcmp(*(char *const *)x, *(char *const *)y);
}

struct names {
    char **name;
    size_t count;
};

static int keep(struct names *out, const char *name, size_t size, struct fb_err *err) {
    char **grown = fb_realloc(out->name, out->count + 1, sizeof *grown, err);

    if (!grown) return err->code;
    out->name = grown;
    if (!(out->name[out->count] = fb_strndup(name, size, err))) return err->code;
    out->count++;
    return FB_OK;
}

/* Adds the entries of one folder that are options, or folders. */
static int list_source(struct names *out, const char *path, bool folders, struct fb_err *err) {
    char **entries = NULL, inner[PATH_MOST];
    size_t count = 0;
    int rc = FB_OK;

    if (fb_list_dir(path, &entries, &count, err)) return err->code;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(entries[i]);
        int n = snprintf(inner, sizeof inner, "%s/%s", path, entries[i]);
        if (n < 0 || n >= (int)sizeof inner) continue;
        if (folders ? !fb_source_is_dir(inner)
                    : !fb_ends_with(entries[i], ".yaml") || !is_file(inner))
            continue;
        if ((rc = keep(out, entries[i], folders ? size : size - strlen(".yaml"), err))) break;
    }
    fb_list_free(entries, count);
    return rc;
}

static void sort_unique(struct names *names) {
    size_t kept = 0;

    if (names->count) qsort(names->name, names->count, sizeof *names->name, by_name);
    for (size_t i = 0; i < names->count; i++) {
        if (kept && !strcmp(names->name[kept - 1], names->name[i])) free(names->name[i]);
        else names->name[kept++] = names->name[i];
    }
    names->count = kept;
}

int fb_sources_options(const struct fb_sources *sources, const char *group, bool folders,
                       char ***names, size_t *count, struct fb_err *err) {
    struct names found = {0};
    char path[PATH_MOST];

    *names = NULL;
    *count = 0;
    for (int i = 0; i < sources->count; i++) {
        const struct fb_source *s = sources->item + i;
        if (folders && *s->mount && !*group && keep(&found, s->mount, strlen(s->mount), err))
            goto fail;
        if (!locate(path, s, group, "") || !fb_source_is_dir(path)) continue;
        if (list_source(&found, path, folders, err)) goto fail;
    }
    sort_unique(&found);
    *names = found.name;
    *count = found.count;
    return FB_OK;
fail:
    fb_list_free(found.name, found.count);
    return err->code;
}

const char *fb_sources_option_text(const struct fb_sources *sources, const char *group,
                                   const char *separator, struct fb_err *err) {
    struct fb_str text = {0};
    const char *out = NULL;
    char **names;
    size_t count;

    if (fb_sources_options(sources, group, false, &names, &count, err)) return NULL;
    for (size_t i = 0; i < count; i++)
        if ((i && fb_str_puts(&text, separator, err)) || fb_str_puts(&text, names[i], err))
            goto done;
    out = fb_arena_strdup(sources->arena, fb_str_text(&text), err);
done:
    fb_list_free(names, count);
    fb_str_free(&text);
    return out;
}

/* Adds "<prefix><option>" for the options of a group and, after them, of its sub-groups. */
static int keep_options(struct names *out, const struct fb_sources *sources, const char *group,
                        size_t prefix, int depth, struct fb_err *err) {
    char inner[PATH_MOST], **names;
    size_t count;
    int rc = FB_OK;

    for (int folders = 0; folders < 2 && !rc; folders++) {
        if (folders && depth == DEPTH_MOST) break;
        if (fb_sources_options(sources, group, folders, &names, &count, err)) return err->code;
        for (size_t i = 0; i < count && !rc; i++) {
            int n = snprintf(inner, sizeof inner, "%s/%s", group, names[i]);
            if (n < 0 || n >= (int)sizeof inner) continue;
            if (folders) rc = keep_options(out, sources, inner, prefix, depth + 1, err);
            else rc = keep(out, inner + prefix, (size_t)n - prefix, err);
        }
        fb_list_free(names, count);
    }
    return rc;
}

static const char *last_word(const char *path) {
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

int fb_sources_nearest(const struct fb_sources *sources, const char **out, const char *group,
                       const char *option, struct fb_err *err) {
    struct names found = {0};
    const char **words = NULL, *near;
    int rc = keep_options(&found, sources, group, strlen(group) + 1, 0, err);

    *out = NULL;
    if (!rc && !(words = fb_malloc((found.count + 1) * sizeof(*words), err))) rc = err->code;
    if (!rc) {
        for (size_t i = 0; i < found.count; i++)
            words[i] = last_word(found.name[i]);
        near = fb_nearest(last_word(option), words, found.count);
        for (size_t i = 0; i < found.count && near && !*out && !rc; i++)
            if (words[i] == near && !(*out = fb_arena_strdup(sources->arena, found.name[i], err)))
                rc = err->code;
    }
    free(words);
    fb_list_free(found.name, found.count);
    return rc;
}

int fb_sources_print(struct fb_str *out, const struct fb_sources *sources, const char *indent,
                     struct fb_err *err) {
    for (int i = 0; i < sources->count; i++) {
        const struct fb_source *s = sources->item + i;
        if (*s->mount) continue; /* built in; naming it would only confuse */
        if (fb_str_printf(out, err, "%s%s: %s%s\n", indent, s->provider, s->path,
                          fb_source_is_dir(s->path) ? "" : " (not there)"))
            return err->code;
    }
    return FB_OK;
}
