#include "config/hydra.h"

#include "base/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The release whose composition this program follows. */
static const char version[] = "1.3.2";
static const char version_base[] = "1.3";

static const struct fb_place nowhere = {0};

static int add_text(struct fb_arena *a, struct fb_node *list, const char *text,
                    struct fb_err *err) {
    return fb_node_push(a, list, fb_node_text(a, text, nowhere, err), err);
}

static int fill_overrides(struct fb_node *hydra, const struct fb_compose_request *request,
                          const struct fb_override *overrides, struct fb_arena *a,
                          struct fb_err *err) {
    struct fb_node *own = fb_node_at(hydra, "overrides.hydra");
    struct fb_node *task = fb_node_at(hydra, "overrides.task");

    for (int64_t i = 0; i < request->override_count; i++) {
        struct fb_node *list = fb_override_is_hydra(overrides + i) ? own : task;
        if (list && list->kind == FB_LIST && add_text(a, list, overrides[i].text, err))
            return err->code;
    }
    return FB_OK;
}

static int by_text(const void *x, const void *y) {
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static const char *text_at(const struct fb_node *node, const char *path, const char *otherwise) {
    const struct fb_node *found = fb_node_at(node, path);

    return found && found->kind == FB_TEXT ? found->text : otherwise;
}

static bool is_excluded(const struct fb_node *keys, const char *key) {
    for (int64_t i = 0; keys && keys->kind == FB_LIST && i < keys->count; i++)
        if (keys->item[i]->kind == FB_TEXT && !strcmp(keys->item[i]->text, key)) return true;
    return false;
}

/* The job's overrides, sorted and joined, for names of folders. */
static int print_dirname(struct fb_str *out, const struct fb_node *job,
                         const struct fb_compose_request *request,
                         const struct fb_override *overrides, struct fb_arena *a,
                         struct fb_err *err) {
    const struct fb_node *keys = fb_node_at(job, "config.override_dirname.exclude_keys");
    const char *between = text_at(job, "config.override_dirname.item_sep", ",");
    const char *equals = text_at(job, "config.override_dirname.kv_sep", "=");
    size_t n = 0, most = request->override_count ? (size_t)request->override_count : 1;
    const char **lines = fb_arena_calloc(a, most, sizeof(*lines), err);

    if (!lines) return err->code;
    for (int64_t i = 0; i < request->override_count; i++)
        if (!fb_override_is_hydra(overrides + i) && !is_excluded(keys, overrides[i].key))
            lines[n++] = overrides[i].text;
    qsort(lines, n, sizeof(*lines), by_text);
    for (size_t i = 0; i < n; i++) {
        if (i && fb_str_puts(out, between, err)) return err->code;
        for (const char *p = lines[i]; *p; p++)
            if (*p == '=' ? fb_str_puts(out, equals, err) : fb_str_putc(out, *p, err))
                return err->code;
    }
    return FB_OK;
}

static int fill_job(struct fb_composed *c, struct fb_node *job,
                    const struct fb_compose_request *request, const struct fb_override *overrides,
                    struct fb_arena *a, struct fb_err *err) {
    struct fb_node *name = fb_node_get(job, "name");
    struct fb_str dirname = {0};
    char id[40];
    int rc = FB_OK;

    if (!name || fb_node_is_missing(name))
        rc = fb_node_set_text(a, job, "name", "fusion_bench", err);
    if (!rc) rc = print_dirname(&dirname, job, request, overrides, a, err);
    if (!rc) rc = fb_node_set_text(a, job, "override_dirname", fb_str_text(&dirname), err);
    if (!rc) rc = fb_node_set_text(a, job, "config_name", c->config_name, err);
    if (!rc && request->job_num) {
        snprintf(id, sizeof id, "job_id_for_%jd", (intmax_t)request->job_num - 1);
        rc = fb_node_set_text(a, job, "id", id, err);
        if (!rc) rc = fb_node_set_int(a, job, "num", request->job_num - 1, err);
    }
    fb_str_free(&dirname);
    return rc;
}

static int add_source(struct fb_arena *a, struct fb_node *list, const char *path,
                      const char *schema, const char *provider, struct fb_err *err) {
    struct fb_node *map = fb_node_map(a, nowhere, err);

    if (!map || fb_node_set_text(a, map, "path", path, err) ||
        fb_node_set_text(a, map, "schema", schema, err) ||
        fb_node_set_text(a, map, "provider", provider, err))
        return err->code;
    return fb_node_push(a, list, map, err);
}

static int fill_sources(const struct fb_composed *c, struct fb_node *runtime, const char *cwd,
                        struct fb_arena *a, struct fb_err *err) {
    struct fb_node *list = fb_node_list(a, nowhere, err);

    if (!list || add_source(a, list, "hydra.conf", "pkg", "hydra", err)) return err->code;
    for (int i = 0; i < c->sources.count; i++) {
        const struct fb_source *s = c->sources.item + i;
        bool embedded = fb_starts_with(s->path, FB_EMBEDDED_PREFIX);
        const char *path = embedded ? s->path + strlen(FB_EMBEDDED_PREFIX) : s->path;
        if (*s->mount) continue;
        if (!embedded && *path != '/' && !(path = fb_arena_printf(a, err, "%s/%s", cwd, path)))
            return err->code;
        if (add_source(a, list, path, embedded ? "embedded" : "file", s->provider, err))
            return err->code;
    }
    if (add_source(a, list, "", "structured", "schema", err)) return err->code;
    return fb_node_set(a, runtime, "config_sources", list, err);
}

static int fill_choices(const struct fb_composed *c, struct fb_node *map, struct fb_arena *a,
                        struct fb_err *err) {
    for (const struct fb_choice *k = c->choices.known; k; k = k->next) {
        struct fb_node *value =
            k->value ? fb_node_text(a, k->value, nowhere, err) : fb_node_null(a, nowhere, err);
        if (fb_node_set(a, map, k->key, value, err)) return err->code;
    }
    return FB_OK;
}

static int fill_runtime(const struct fb_composed *c, struct fb_node *runtime, struct fb_arena *a,
                        struct fb_err *err) {
    struct fb_node *choices = fb_node_get(runtime, "choices");
    char cwd[4096];

    if (!getcwd(cwd, sizeof cwd)) return fb_fail_errno(err, "current folder");
    if (fb_node_set_text(a, runtime, "version", version, err) ||
        fb_node_set_text(a, runtime, "version_base", version_base, err) ||
        fb_node_set_text(a, runtime, "cwd", cwd, err) || fill_sources(c, runtime, cwd, a, err))
        return err->code;
    if (!choices || choices->kind != FB_MAP) return FB_OK;
    return fill_choices(c, choices, a, err);
}

int fb_hydra_fill(struct fb_composed *c, const struct fb_compose_request *request,
                  const struct fb_override *overrides, struct fb_arena *a, struct fb_err *err) {
    struct fb_node *hydra = fb_node_get(c->all, "hydra");
    struct fb_node *job = fb_node_get(hydra, "job"), *runtime = fb_node_get(hydra, "runtime");

    if (!hydra || hydra->kind != FB_MAP) return FB_OK;
    if (fill_overrides(hydra, request, overrides, a, err)) return err->code;
    if (job && job->kind == FB_MAP && fill_job(c, job, request, overrides, a, err))
        return err->code;
    if (runtime && runtime->kind == FB_MAP) return fill_runtime(c, runtime, a, err);
    return FB_OK;
}
