/* cmd_describe.c - one method, model pool or task pool: what it does, its formula and options. */
#include "cli/command.h"

#include "base/str.h"
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

enum { NAMES_MAX = 192 };

/* What the three registries have in common. */
struct subject {
    const char *kind, *name, *summary, *formula, *cite;
    const char *const *aliases;
    const struct fb_opt *opts;
};

static struct subject of_method(const struct fb_method *m) {
    return (struct subject){"method", m->name,    m->summary, m->formula,
                            m->cite,  m->aliases, m->opts};
}

static struct subject of_pool(const struct fb_pool_type *p) {
    return (struct subject){.kind = "model pool",
                            .name = p->name,
                            .summary = p->summary,
                            .aliases = p->targets,
                            .opts = p->opts};
}

static struct subject of_task(const struct fb_task_pool *t) {
    return (struct subject){.kind = "task pool",
                            .name = t->name,
                            .summary = t->summary,
                            .aliases = t->targets,
                            .opts = t->opts};
}

static struct subject at(int i) {
    int n = 0;

    for (; fb_methods[n]; n++)
        if (n == i) return of_method(fb_methods[n]);
    for (int p = 0; fb_pool_types[p]; p++, n++)
        if (n == i) return of_pool(fb_pool_types[p]);
    for (int t = 0; fb_task_pools[t]; t++, n++)
        if (n == i) return of_task(fb_task_pools[t]);
    return (struct subject){0};
}

static const char *last_component(const char *name) {
    const char *dot = strrchr(name, '.'), *slash = strrchr(name, '/');

    if (slash && (!dot || slash > dot)) return slash + 1;
    return dot ? dot + 1 : name;
}

static bool is_called(const struct subject *s, const char *word) {
    if (!strcmp(s->name, word)) return true;
    for (int i = 0; s->aliases && s->aliases[i]; i++)
        if (!strcmp(last_component(s->aliases[i]), word)) return true;
    return false;
}

static int find(struct subject *out, const char *name, struct fb_err *err) {
    const char *names[NAMES_MAX];
    size_t n = 0;

    for (; n < NAMES_MAX; n++) {
        *out = at((int)n);
        if (!out->name) break;
        if (is_called(out, last_component(name))) return FB_OK;
        names[n] = out->name;
    }
    fb_fail_unknown(err, FB_ENOTFOUND, "method or pool", name, names, n);
    return fb_context(err, "describe");
}

static void print_indented(const char *text) {
    for (size_t n; *text; text += n + (text[n] == '\n')) {
        n = strcspn(text, "\n");
        printf("  %.*s\n", (int)n, text);
    }
}

static int print_text(const struct subject *s, struct fb_err *err) {
    struct fb_str table = {0};

    if (fb_opts_print(&table, s->opts, false, err)) goto done;
    printf("%s - %s\n", s->name, s->summary);
    if (s->formula) {
        printf("\nformula\n");
        print_indented(s->formula);
    }
    printf("\noptions\n%s", table.size ? fb_str_text(&table) : "  none\n");
    if (s->aliases && s->aliases[0]) {
        printf("\nalso called\n");
        for (int i = 0; s->aliases[i]; i++)
            printf("  %s\n", s->aliases[i]);
    }
    if (s->cite) printf("\ncite\n  %s\n", s->cite);
done:
    fb_str_free(&table);
    return err->code;
}

static int print_json(const struct subject *s, struct fb_arena *a, struct fb_err *err) {
    struct fb_node *node = fb_node_map(a, (struct fb_place){0}, err);
    struct fb_node *aliases = fb_node_list(a, (struct fb_place){0}, err);
    struct fb_node *rows = fb_opts_node(s->opts, a, err);
    struct fb_str text = {0};

    if (!node || !aliases || !rows) return err->code;
    for (int i = 0; s->aliases && s->aliases[i]; i++)
        if (fb_node_push(a, aliases, fb_node_text(a, s->aliases[i], (struct fb_place){0}, err),
                         err))
            return err->code;
    if (fb_node_set_text(a, node, "name", s->name, err) ||
        fb_node_set_text(a, node, "kind", s->kind, err) ||
        fb_node_set_text(a, node, "summary", s->summary, err) ||
        (s->formula && fb_node_set_text(a, node, "formula", s->formula, err)) ||
        fb_node_set(a, node, "options", rows, err) ||
        fb_node_set(a, node, "aliases", aliases, err) ||
        (s->cite && fb_node_set_text(a, node, "cite", s->cite, err)))
        return err->code;
    if (!fb_json_print(&text, node, err)) printf("%s\n", fb_str_text(&text));
    fb_str_free(&text);
    return err->code;
}

static int run(const void *options, int argc, char **argv, struct fb_cli *cli, struct fb_err *err) {
    struct subject s;

    if (argc != 1)
        return fb_fail(
            err, FB_EUSAGE,
            "describe: expects the name of one method, model pool or task pool, found %d", argc);
    if (find(&s, argv[0], err)) return err->code;
    if (((const struct opts *)options)->json) return print_json(&s, cli->arena, err);
    return print_text(&s, err);
}

const struct fb_command fb_cmd_describe = {
    .name = "describe",
    .arguments = "NAME",
    .summary = "Show what a method or pool does, its formula, options and source.",
    .details = "NAME is a method, a type of model pool or task pool, or the class that "
               "`_target_:` names.\n\n    fusion_bench describe ties_merging",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .run = run,
};
