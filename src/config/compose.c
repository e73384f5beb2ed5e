#include "config/compose.h"

#include "config/alias.h"
#include "config/apply.h"
#include "config/hydra.h"
#include "config/interp.h"
#include "config/merge.h"

#include <string.h>

static const char shipped[] = "embedded:config";

static int add_primary(struct fb_composed *c, const struct fb_compose_request *request,
                       struct fb_err *err) {
    static const char *const usual[] = {"config", "fusion_bench_config"};
    const char *local = NULL;
    struct fb_source source = {.mount = ""};

    if (request->config_path) {
        if (!fb_source_is_dir(request->config_path))
            return fb_fail(err, FB_ENOTFOUND, "--config-path: there is no folder '%s'",
                           request->config_path);
        return fb_sources_add(&c->sources, "main", request->config_path, "", err);
    }
    for (int i = 0; i < 2 && !local; i++)
        if (fb_source_is_dir(usual[i])) local = usual[i];
    source.path = local;
    if (local && fb_source_has(&source, c->config_name)) {
        if (fb_sources_add(&c->sources, "main", local, "", err)) return err->code;
        return fb_sources_add(&c->sources, "shipped", shipped, "", err);
    }
    if (fb_sources_add(&c->sources, "main", shipped, "", err)) return err->code;
    return local ? fb_sources_add(&c->sources, "local", local, "", err) : FB_OK;
}

int fb_compose_sources(struct fb_composed *out, const struct fb_compose_request *request,
                       struct fb_arena *a, struct fb_err *err) {
    memset(out, 0, sizeof *out);
    out->config_name = request->config_name ? request->config_name : FB_ROOT_CONFIG;
    fb_sources_init(&out->sources, a);
    if (fb_sources_add(&out->sources, "hydra", "embedded:config/hydra", "hydra", err) ||
        add_primary(out, request, err))
        return err->code;
    for (int i = 0; i < request->config_dir_count; i++) {
        const char *dir = request->config_dirs[i];
        if (!fb_source_is_dir(dir))
            return fb_fail(err, FB_ENOTFOUND, "--config-dir: there is no folder '%s'", dir);
        if (fb_sources_add(&out->sources, "command-line", dir, "", err)) return err->code;
    }
    return FB_OK;
}

/* hydra.searchpath: from the command line, else from the root config. */
static int add_searchpath(struct fb_composed *c, const struct fb_override *overrides, int64_t count,
                          struct fb_err *err) {
    const char *provider = "hydra.searchpath in main";
    const struct fb_config *root = NULL;
    const struct fb_node *list = NULL;

    if (fb_sources_load(&c->sources, &root, c->config_name, err)) return err->code;
    if (root) list = fb_node_at(root->node, "hydra.searchpath");
    for (int64_t i = count; i-- > 0;)
        if (!strcmp(overrides[i].key, "hydra.searchpath") && overrides[i].value) {
            provider = "hydra.searchpath in command-line";
            list = overrides[i].value;
        }
    if (!list || list->kind == FB_NULL) return FB_OK;
    for (int64_t i = 0; i < list->count || list->kind != FB_LIST; i++) {
        const char *path = list->kind == FB_LIST ? list->item[i]->text : NULL;
        if (!path) return fb_fail(err, FB_ECONFIG, "hydra.searchpath must be a list of strings");
        if (fb_starts_with(path, "file://")) path += strlen("file://");
        if (fb_sources_add(&c->sources, provider, path, "", err)) return err->code;
    }
    return FB_OK;
}

static int parse_overrides(struct fb_override **out, const struct fb_compose_request *request,
                           struct fb_arena *a, struct fb_err *err) {
    size_t n = request->override_count ? (size_t)request->override_count : 1;

    if (!(*out = fb_arena_calloc(a, n, sizeof **out, err))) return err->code;
    for (int64_t i = 0; i < request->override_count; i++)
        if (fb_override_parse(*out + i, request->overrides[i], a, err)) return err->code;
    return FB_OK;
}

static int check_sweeps(const struct fb_override *overrides, int64_t count, bool multirun,
                        struct fb_err *err) {
    for (int64_t i = 0; i < count; i++) {
        const struct fb_override *o = overrides + i;
        if (o->sweep == FB_SWEEP_NONE) continue;
        if (multirun && fb_override_is_hydra(o))
            return fb_fail(err, FB_ECONFIG, "override '%s': Hydra's own settings cannot be swept",
                           o->text);
        if (multirun) continue;
        if (o->sweep != FB_SWEEP_SIMPLE)
            return fb_fail(err, FB_ECONFIG, "the sweep '%s' requires --multirun", o->text);
        return fb_fail(
            err, FB_ECONFIG,
            "ambiguous value for argument '%s'\n1. To use it as a list, use "
            "key=[value1,value2]\n2. To use it as a string, quote the value: "
            "key=\\'value1,value2\\'\n3. To sweep over it, add --multirun to your command "
            "line",
            o->text);
    }
    return FB_OK;
}

/* {a: {b: content}} for the package "a.b". */
static struct fb_node *embed(struct fb_node *content, const char *package, struct fb_arena *a,
                             struct fb_err *err) {
    char *path = fb_arena_strdup(a, package, err), *dot;

    if (!path || !*path) return path ? content : NULL;
    for (;;) {
        struct fb_node *outer = fb_node_map(a, content->place, err);
        dot = strrchr(path, '.');
        if (!outer || fb_node_set(a, outer, dot ? dot + 1 : path, content, err)) return NULL;
        content = outer;
        if (!dot) return content;
        *dot = '\0';
    }
}

/* Malformed interpolations are errors even if nobody asks for their value. */
static int check_strings(const struct fb_node *node, struct fb_arena *a, struct fb_err *err) {
    char place[256];

    if (fb_node_is_interpolation(node) && fb_interp_check(a, node->text, err)) {
        fb_place_format(place, sizeof place, node->place);
        return fb_context(err, "%s'%s'", place, node->text);
    }
    for (int64_t i = 0; i < node->count; i++)
        if (check_strings(node->item[i], a, err)) return err->code;
    return FB_OK;
}

static int merge_step(struct fb_composed *c, const struct fb_step *step, struct fb_arena *a,
                      struct fb_err *err) {
    const struct fb_config *loaded;
    struct fb_node *content;

    if (fb_sources_load(&c->sources, &loaded, step->config, err)) return err->code;
    if (!loaded) return fb_fail(err, FB_ENOTFOUND, "config '%s' has gone", step->config);
    if (loaded->node->kind != FB_MAP && (!*step->package || step->primary))
        return fb_fail(err, FB_ECONFIG,
                       "'%s' holds a list; only a mapping can be merged into the "
                       "root of the configuration",
                       loaded->file);
    if (check_strings(loaded->node, a, err)) return err->code;
    if (!(content = fb_node_copy(a, loaded->node, err)) ||
        !(content = embed(content, step->package, a, err)))
        return err->code;
    if (fb_merge(c->all, content, false, a, err)) return fb_context(err, "in '%s'", step->config);
    return FB_OK;
}

/* Everything but Hydra's node. */
static int split_job(struct fb_composed *c, struct fb_arena *a, struct fb_err *err) {
    int64_t at;

    if (!(c->job = fb_node_copy(a, c->all, err))) return err->code;
    at = fb_node_index(c->job, (struct fb_key){"hydra", FB_TEXT});
    if (at >= 0) fb_node_remove(c->job, at);
    return FB_OK;
}

int fb_compose(struct fb_composed *out, const struct fb_compose_request *request,
               struct fb_arena *a, struct fb_err *err) {
    struct fb_override *overrides, aliased;
    int64_t count = request->override_count;

    if (fb_compose_sources(out, request, a, err) || parse_overrides(&overrides, request, a, err) ||
        check_sweeps(overrides, count, request->multirun, err) ||
        add_searchpath(out, overrides, count, err) ||
        fb_choices_init(&out->choices, &out->sources, overrides, count, a, err) ||
        fb_defaults_build(&out->defaults, &out->sources, &out->choices, out->config_name,
                          request->multirun, a, err))
        return err->code;
    if (!(out->all = fb_node_map(a, (struct fb_place){0}, err))) return err->code;
    for (int64_t i = 0; i < out->defaults.count; i++)
        if (merge_step(out, out->defaults.step + i, a, err)) return err->code;
    for (int64_t i = 0; i < out->choices.value_count; i++) {
        aliased = *out->choices.values[i];
        if (aliased.value && check_strings(aliased.value, a, err)) return err->code;
        if (fb_alias_apply(&aliased, out->all, a, err) ||
            fb_apply_override(out->all, &aliased, a, err))
            return err->code;
    }
    if (fb_hydra_fill(out, request, overrides, a, err)) return err->code;
    return split_job(out, a, err);
}
