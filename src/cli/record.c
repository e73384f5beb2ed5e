#include "cli/record.h"

#include "base/file.h"
#include "base/log.h"
#include "config/json.h"
#include "config/yaml.h"
#include "kernel/threads.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static int write_text(const char *folder, const char *name, const struct fb_str *text,
                      struct fb_err *err) {
    char *path = fb_path_join(folder, name, err);
    int rc = path ? fb_file_replace(path, fb_str_text(text), text->size, err) : err->code;

    free(path);
    return rc;
}

/* {"path": ..., "bytes": ..., "modified": seconds since 1970} of one weight file. */
static struct fb_node *describe_file(const char *path, struct fb_arena *a, struct fb_err *err) {
    struct fb_node *node = fb_node_map(a, (struct fb_place){0}, err);
    struct stat st;

    if (fb_node_set_text(a, node, "path", path, err)) return NULL;
    if (stat(path, &st)) return node; /* embedded files have no time */
    if (fb_node_set_int(a, node, "bytes", (int64_t)st.st_size, err) ||
        fb_node_set_int(a, node, "modified", (int64_t)st.st_mtime, err))
        return NULL;
    return node;
}

/* Only models that the run opened are described: asking for a checkpoint opens it. */
static struct fb_node *describe_inputs(struct fb_pool *pool, struct fb_arena *a,
                                       struct fb_err *err) {
    struct fb_node *inputs = fb_node_map(a, (struct fb_place){0}, err);

    for (int i = 0; inputs && i < fb_pool_models(pool); i++) {
        struct fb_node *files;
        const struct fb_ckpt *ckpt;
        if (!fb_pool_is_open(pool, i)) continue;
        if (fb_pool_ckpt(pool, i, &ckpt, err)) return NULL;
        files = fb_node_list(a, (struct fb_place){0}, err);
        for (int f = 0; files && f < fb_ckpt_files(ckpt); f++)
            if (fb_node_push(a, files, describe_file(fb_ckpt_file(ckpt, f), a, err), err))
                return NULL;
        if (fb_node_set(a, inputs, fb_pool_model_name(pool, i), files, err)) return NULL;
    }
    return inputs;
}

static int write_run(const struct fb_record *r, struct fb_arena *a, struct fb_err *err) {
    struct fb_node *run = fb_node_map(a, (struct fb_place){0}, err);
    struct fb_str text = {0};
    int rc;

    if (fb_node_set_text(a, run, "fusion_bench", FB_VERSION, err) ||
        fb_node_set_text(a, run, "compiler", __VERSION__, err) ||
        fb_node_set_int(a, run, "threads", fb_threads(), err) ||
        fb_node_set_int(a, run, "finished", (int64_t)time(NULL), err) ||
        fb_node_set_real(a, run, "merge_seconds", r->merge_seconds, err) ||
        fb_node_set_real(a, run, "seconds", r->seconds, err) ||
        fb_node_set(a, run, "inputs", describe_inputs(r->pool, a, err), err))
        return err->code;
    rc = fb_json_print_indented(&text, run, err);
    if (!rc) rc = write_text(r->folder, "run.json", &text, err);
    fb_str_free(&text);
    return rc;
}

int fb_record_write(const struct fb_record *r, struct fb_arena *a, struct fb_err *err) {
    struct fb_str yaml = {0};
    int rc = fb_make_dirs(r->folder, err);

    if (!rc) rc = fb_yaml_print(&yaml, r->config, err);
    if (!rc) rc = write_text(r->folder, "config.yaml", &yaml, err);
    if (!rc) rc = write_run(r, a, err);
    fb_str_free(&yaml);
    return rc ? fb_context(err, "run folder '%s'", r->folder) : FB_OK;
}
