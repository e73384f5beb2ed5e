/* multirun.c - the combinations of swept overrides. */
#include "config/compose.h"

#include "base/file.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS_MOST = 100000 };

/* The texts "key=value" one override stands for: one unless it sweeps. */
struct column {
    const char **text;
    int64_t count;
};

static int add_text(struct column *c, const struct fb_override *o, const struct fb_node *value,
                    struct fb_arena *a, struct fb_err *err) {
    struct fb_str text = {0};
    int rc = fb_override_print_key(&text, o, err);

    if (!rc) rc = fb_str_putc(&text, '=', err);
    if (!rc) rc = fb_override_print_value(&text, value, err);
    if (!rc && !(c->text[c->count++] = fb_arena_strdup(a, fb_str_text(&text), err))) rc = err->code;
    fb_str_free(&text);
    return rc;
}

static bool matches(const struct fb_node *patterns, const char *name) {
    for (int64_t i = 0; i < patterns->count; i++)
        if (!fnmatch(patterns->item[i]->text, name, 0)) return true;
    return false;
}

static int expand_glob(struct column *c, const struct fb_override *o,
                       const struct fb_sources *sources, struct fb_arena *a, struct fb_err *err) {
    const struct fb_node *include = fb_node_get(o->choices, "include");
    const struct fb_node *exclude = fb_node_get(o->choices, "exclude");
    struct fb_node *value;
    char **names;
    size_t count;
    int rc = FB_OK;

    if (fb_sources_options(sources, o->key, false, &names, &count, err)) return err->code;
    if (!(c->text = fb_arena_calloc(a, count ? count : 1, sizeof(*c->text), err))) rc = err->code;
    for (size_t i = 0; i < count && !rc; i++) {
        if (!matches(include, names[i]) || matches(exclude, names[i])) continue;
        if (!(value = fb_node_text(a, names[i], (struct fb_place){0}, err))) rc = err->code;
        else rc = add_text(c, o, value, a, err);
    }
    fb_list_free(names, count);
    if (!rc && !c->count)
        rc = fb_fail(err, FB_ECONFIG, "override '%s': no option of group '%s' matches", o->text,
                     o->key);
    return rc;
}

static int expand(struct column *c, const struct fb_override *o, const struct fb_sources *sources,
                  struct fb_arena *a, struct fb_err *err) {
    int64_t count = o->sweep == FB_SWEEP_NONE ? 1 : o->choices->count;

    if (o->sweep == FB_SWEEP_GLOB) return expand_glob(c, o, sources, a, err);
    if (!(c->text = fb_arena_calloc(a, count ? (size_t)count : 1, sizeof(*c->text), err)))
        return err->code;
    if (o->sweep == FB_SWEEP_NONE) {
        c->text[c->count++] = o->text;
        return FB_OK;
    }
    if (!count) return fb_fail(err, FB_ECONFIG, "override '%s' sweeps over no value", o->text);
    for (int64_t i = 0; i < count; i++)
        if (add_text(c, o, o->choices->item[i], a, err)) return err->code;
    return FB_OK;
}

static int combine(struct fb_jobs *out, const struct column *columns, struct fb_arena *a,
                   struct fb_err *err) {
    for (int64_t i = 0; i < out->jobs; i++) {
        size_t width = out->count ? (size_t)out->count : 1;
        const char **row = fb_arena_calloc(a, width, sizeof(*row), err);
        int64_t rest = i;
        if (!row) return err->code;
        for (int64_t k = out->count; k-- > 0; rest /= columns[k].count)
            row[k] = columns[k].text[rest % columns[k].count];
        out->job[i] = row;
    }
    return FB_OK;
}

int fb_multirun_expand(struct fb_jobs *out, const struct fb_compose_request *request,
                       struct fb_arena *a, struct fb_err *err) {
    size_t width = request->override_count ? (size_t)request->override_count : 1;
    struct column *columns = fb_arena_calloc(a, width, sizeof *columns, err);
    struct fb_composed c;
    struct fb_override o;

    memset(out, 0, sizeof *out);
    if (!columns || fb_compose_sources(&c, request, a, err)) return err->code;
    out->count = request->override_count;
    out->jobs = 1;
    for (int64_t k = 0; k < out->count; k++) {
        if (fb_override_parse(&o, request->overrides[k], a, err) ||
            expand(columns + k, &o, &c.sources, a, err))
            return err->code;
        if (columns[k].count > JOBS_MOST / out->jobs)
            return fb_fail(err, FB_ECONFIG, "the sweep has more than %d jobs", JOBS_MOST);
        out->jobs *= columns[k].count;
    }
    if (!(out->job = fb_arena_calloc(a, (size_t)out->jobs, sizeof(*out->job), err)))
        return err->code;
    return combine(out, columns, a, err);
}
