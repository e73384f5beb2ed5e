/* cmd_list.c - what there is: methods, model pools, task pools, and the shipped options. */
#include "cli/command.h"

#include "base/embed.h"
#include "config/json.h"
#include "method/method.h"
#include "pool/pool.h"
#include "task/task.h"

#include <stdio.h>
#include <string.h>

struct opts {
    bool json;
};

static const struct fb_opt opts[] = {
    FB_OPT_BOOL(struct opts, json, "false", "print one JSON object instead of text"),
    FB_OPT_END,
};

/* Builds one section: rows of {name, summary}. */
typedef int fill_fn(struct fb_node *rows, struct fb_arena *a, struct fb_err *err);

static int add_row(struct fb_node *rows, const char *name, const char *summary, struct fb_arena *a,
                   struct fb_err *err) {
    struct fb_node *row = fb_node_map(a, (struct fb_place){0}, err);

    if (!row || fb_node_set_text(a, row, "name", name, err) ||
        (summary && fb_node_set_text(a, row, "summary", summary, err)))
        return err->code;
    return fb_node_push(a, rows, row, err);
}

static int fill_methods(struct fb_node *rows, struct fb_arena *a, struct fb_err *err) {
    for (int i = 0; fb_methods[i]; i++)
        if (add_row(rows, fb_methods[i]->name, fb_methods[i]->summary, a, err)) return err->code;
    return FB_OK;
}

static int fill_pools(struct fb_node *rows, struct fb_arena *a, struct fb_err *err) {
    for (int i = 0; fb_pool_types[i]; i++)
        if (add_row(rows, fb_pool_types[i]->name, fb_pool_types[i]->summary, a, err))
            return err->code;
    return FB_OK;
}

static int fill_tasks(struct fb_node *rows, struct fb_arena *a, struct fb_err *err) {
    for (int i = 0; fb_task_pools[i]; i++)
        if (add_row(rows, fb_task_pools[i]->name, fb_task_pools[i]->summary, a, err))
            return err->code;
    return FB_OK;
}

static int fill_nothing(struct fb_node *rows, struct fb_arena *a, struct fb_err *err) {
    (void)rows;
    (void)a;
    (void)err;
    return FB_OK;
}

static const struct section {
    const char *name;
    const char *group; /* config group: what `group=` on the command line takes */
    const char *title;
    fill_fn *fill;
} sections[] = {
    {"methods", "method", "methods", fill_methods},
    {"modelpools", "modelpool", "model pool types", fill_pools},
    {"taskpools", "taskpool", "task pool types", fill_tasks},
    {"models", "model", NULL, fill_nothing},
};

enum { SECTIONS = sizeof sections / sizeof *sections };

/* The options of a config group that the binary carries: "Seq2SeqLMPool/flan-t5-base_glue". Files
 * whose name begins with '_' are templates, not options. */
static int fill_shipped(struct fb_node *rows, const char *group, struct fb_arena *a,
                        struct fb_err *err) {
    char prefix[128];
    size_t n = (size_t)snprintf(prefix, sizeof prefix, "config/%s/", group);

    for (const struct fb_embedded_file *f = fb_embedded; f->path; f++) {
        const char *slash = strrchr(f->path, '/');
        char *name;
        if (!fb_starts_with(f->path, prefix) || !fb_ends_with(f->path, ".yaml")) continue;
        if (slash[1] == '_') continue;
        name = fb_arena_strndup(a, f->path + n, strlen(f->path) - n - strlen(".yaml"), err);
        if (!name || fb_node_push(a, rows, fb_node_text(a, name, (struct fb_place){0}, err), err))
            return err->code;
    }
    return FB_OK;
}

static void print_rows(const struct section *s, const struct fb_node *rows) {
    if (s->title) printf("%s\n", s->title);
    for (int64_t i = 0; i < rows->count; i++)
        printf("  %-32s %s\n", fb_node_get(rows->item[i], "name")->text,
               fb_node_get(rows->item[i], "summary")->text);
    if (s->title) printf("\n");
}

static void print_shipped(const struct section *s, const struct fb_node *names) {
    printf("shipped options: %s=\n", s->group);
    for (int64_t i = 0; i < names->count; i++)
        printf("  %s\n", names->item[i]->text);
}

/* One section to stdout, or into `json`. */
static int show(const struct section *s, struct fb_node *json, struct fb_arena *a,
                struct fb_err *err) {
    struct fb_node *rows = fb_node_list(a, (struct fb_place){0}, err);
    struct fb_node *shipped = fb_node_list(a, (struct fb_place){0}, err);
    struct fb_node *both = fb_node_map(a, (struct fb_place){0}, err);

    if (!rows || !shipped || !both || s->fill(rows, a, err) ||
        fill_shipped(shipped, s->group, a, err))
        return err->code;
    if (!json) {
        print_rows(s, rows);
        print_shipped(s, shipped);
        return FB_OK;
    }
    if (s->title && fb_node_set(a, both, "types", rows, err)) return err->code;
    if (fb_node_set(a, both, "shipped", shipped, err)) return err->code;
    return fb_node_set(a, json, s->name, both, err);
}

static int find(const char *word, const struct section **out, struct fb_err *err) {
    for (int i = 0; i < SECTIONS; i++)
        if (!strcmp(sections[i].name, word)) {
            *out = &sections[i];
            return FB_OK;
        }
    return fb_fail(err, FB_EUSAGE, "list: '%s' is none of methods, modelpools, taskpools, models",
                   word);
}

static int run(const void *options, int argc, char **argv, struct fb_cli *cli, struct fb_err *err) {
    const struct section *only = NULL;
    struct fb_node *json = NULL;
    struct fb_str text = {0};

    if (argc > 1) return fb_fail(err, FB_EUSAGE, "list: expects one word at most, found %d", argc);
    if (argc == 1 && find(argv[0], &only, err)) return err->code;
    if (((const struct opts *)options)->json &&
        !(json = fb_node_map(cli->arena, (struct fb_place){0}, err)))
        return err->code;
    for (int i = 0, shown = 0; i < SECTIONS; i++) {
        if (only && only != &sections[i]) continue;
        if (shown++ && !json) printf("\n");
        if (show(&sections[i], json, cli->arena, err)) return err->code;
    }
    if (json && !fb_json_print(&text, json, err)) printf("%s\n", fb_str_text(&text));
    fb_str_free(&text);
    return err->code;
}

const struct fb_command fb_cmd_list = {
    .name = "list",
    .arguments = "[methods|modelpools|taskpools|models]",
    .summary = "List methods, pools and the shipped configuration options.",
    .details = "Without a word everything is listed.\n\n"
               "    fusion_bench list methods",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .run = run,
};
