#include "cli/hydra_show.h"

#include "base/file.h"
#include "config/interp.h"
#include "config/yaml.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LINE_MOST = 100, DEPTH_MOST = 16 };

/* "group: a, b, c", broken before LINE_MOST columns. */
static int print_options(struct fb_str *out, const char *group, char **names, size_t count,
                         struct fb_err *err) {
    size_t column = strlen(group) + 1;

    if (fb_str_printf(out, err, "%s:", group)) return err->code;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(names[i]) + 2;
        bool breaks = column + size > LINE_MOST && column > 4;
        if (fb_str_printf(out, err, "%s %s%s", breaks ? "\n   " : "", names[i],
                          i + 1 < count ? "," : ""))
            return err->code;
        column = (breaks ? 3 : column) + size;
    }
    return fb_str_putc(out, '\n', err);
}

static int walk_groups(struct fb_str *out, const struct fb_sources *sources, const char *group,
                       bool hydra, int depth, struct fb_err *err) {
    bool of_hydra = fb_starts_with(group, "hydra") && (!group[5] || group[5] == '/');
    char inner[1024], **names = NULL;
    size_t count = 0;
    int rc = FB_OK;

    if (*group && of_hydra != hydra) return FB_OK;
    if (*group) {
        if (fb_sources_options(sources, group, false, &names, &count, err)) return err->code;
        if (count) rc = print_options(out, group, names, count, err);
        fb_list_free(names, count);
        if (rc) return rc;
    }
    if (depth == DEPTH_MOST) return FB_OK;
    if (fb_sources_options(sources, group, true, &names, &count, err)) return err->code;
    for (size_t i = 0; i < count && !rc; i++) {
        int n = snprintf(inner, sizeof inner, "%s%s%s", group, *group ? "/" : "", names[i]);
        if (n > 0 && n < (int)sizeof inner)
            rc = walk_groups(out, sources, inner, hydra, depth + 1, err);
    }
    fb_list_free(names, count);
    return rc;
}

int fb_show_groups(struct fb_str *out, const struct fb_sources *sources, bool hydra,
                   struct fb_err *err) {
    return walk_groups(out, sources, "", hydra, 0, err);
}

static struct fb_interp resolver(const struct fb_composed *c, struct fb_arena *a) {
    struct fb_interp in = {.arena = a, .hydra = fb_node_get(c->all, "hydra"), .keep_missing = true};

    clock_gettime(CLOCK_REALTIME, &in.now);
    return in;
}

/* What --cfg chooses of the whole: Hydra's node goes without its help texts. */
static int choose(struct fb_node **out, const struct fb_composed *c, const char *what,
                  struct fb_arena *a, struct fb_err *err) {
    struct fb_node *hydra;

    *out = c->job;
    if (!strcmp(what, "job")) return FB_OK;
    if (!(*out = fb_node_copy(a, c->all, err))) return err->code;
    hydra = fb_node_get(*out, "hydra");
    for (int64_t i = hydra && hydra->kind == FB_MAP ? hydra->count : 0; i-- > 0;)
        if (!strcmp(hydra->key[i].text, "help") || !strcmp(hydra->key[i].text, "hydra_help"))
            fb_node_remove(hydra, i);
    if (!strcmp(what, "all")) return FB_OK;
    for (int64_t i = (*out)->count; i-- > 0;)
        if (strcmp((*out)->key[i].text, "hydra")) fb_node_remove(*out, i);
    return FB_OK;
}

static int show_config(struct fb_str *out, const struct fb_flags *flags,
                       const struct fb_composed *c, struct fb_arena *a, struct fb_err *err) {
    struct fb_interp in = resolver(c, a);
    const char *package = flags->package;
    struct fb_node *node, *own = fb_node_get(c->all, "hydra");

    /* Hydra's node refers to the keys beside it, which choose() removes. */
    if (flags->resolve && !strcmp(flags->what, "hydra") && own && own->kind == FB_MAP &&
        fb_interp_resolve_all(&in, own, err))
        return err->code;
    if (choose(&node, c, flags->what, a, err)) return err->code;
    if (package && strcmp(package, "_global_")) {
        if (fb_interp_select(&in, node, package, &node, err)) return err->code;
        if (!node || node->kind == FB_NULL || fb_node_is_missing(node))
            return fb_fail(err, FB_ECONFIG, "package '%s' not found in config", package);
        if (node->kind != FB_MAP && node->kind != FB_LIST) {
            if (fb_interp_print(out, node, err)) return err->code;
            return fb_str_putc(out, '\n', err);
        }
        if (fb_str_printf(out, err, "# @package %s\n", package)) return err->code;
    }
    /* Only what is printed: the rest, such as the texts of overrides, need not be resolvable. */
    if (flags->resolve && fb_interp_resolve_all(&in, node, err)) return err->code;
    return fb_yaml_print(out, node, err);
}

static int print_header(struct fb_str *out, const char *title, struct fb_err *err) {
    if (fb_str_printf(out, err, "%s%s\n", out->size ? "\n" : "", title)) return err->code;
    for (size_t i = 0; i < strlen(title); i++)
        if (fb_str_putc(out, '*', err)) return err->code;
    return fb_str_putc(out, '\n', err);
}

static int show_info(struct fb_str *out, const char *what, const struct fb_composed *c,
                     struct fb_arena *a, struct fb_err *err) {
    bool all = !strcmp(what, "all"), config = all || !strcmp(what, "config");

    if (!strcmp(what, "plugins") || all) {
        if (print_header(out, "Plugins", err) ||
            fb_str_puts(out, "none: launcher and sweeper are built in\n", err))
            return err->code;
    }
    if (!strcmp(what, "searchpath") || config) {
        if (print_header(out, "Config search path", err) ||
            fb_sources_print(out, &c->sources, "", err))
            return err->code;
    }
    if (!strcmp(what, "defaults-tree") || config) {
        if (print_header(out, "Defaults Tree", err) ||
            fb_defaults_print_tree(out, &c->defaults, a, err))
            return err->code;
    }
    if (!strcmp(what, "defaults") || config) {
        if (print_header(out, "Defaults List", err) ||
            fb_defaults_print_list(out, &c->defaults, err))
            return err->code;
    }
    if (!config) return FB_OK;
    if (print_header(out, "Config", err)) return err->code;
    return fb_yaml_print(out, c->job, err);
}

/* The text that "$NAME" stands for in a help template; `*known` says whether there is one. */
static int print_variable(struct fb_str *out, const char *name, size_t size, bool *known,
                          const struct fb_composed *c, struct fb_err *err) {
    *known = true;
    if (size == 10 && !strncmp(name, "FLAGS_HELP", size)) return fb_flags_print(out, err);
    if (size == 17 && !strncmp(name, "APP_CONFIG_GROUPS", size))
        return fb_show_groups(out, &c->sources, false, err);
    if (size == 19 && !strncmp(name, "HYDRA_CONFIG_GROUPS", size))
        return fb_show_groups(out, &c->sources, true, err);
    if (size == 6 && !strncmp(name, "CONFIG", size)) return fb_yaml_print(out, c->job, err);
    *known = false;
    return FB_OK;
}

static int print_template(struct fb_str *out, const char *text, const struct fb_composed *c,
                          struct fb_err *err) {
    for (const char *p = text; *p;) {
        size_t size = strcspn(p, "$"), name;
        bool known;
        if (fb_str_append(out, p, size, err)) return err->code;
        p += size;
        if (!*p) break;
        name = strspn(p + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        if (print_variable(out, p + 1, name, &known, c, err)) return err->code;
        if (!known && fb_str_append(out, p, name + 1, err)) return err->code;
        p += name + 1;
    }
    return out->size && out->data[out->size - 1] == '\n' ? FB_OK : fb_str_putc(out, '\n', err);
}

static int show_help(struct fb_str *out, const char *path, const struct fb_composed *c,
                     struct fb_arena *a, struct fb_err *err) {
    struct fb_interp in = resolver(c, a);
    struct fb_node *node;

    if (fb_interp_select(&in, c->all, path, &node, err)) return err->code;
    if (!node || node->kind != FB_TEXT) return fb_fail(err, FB_ECONFIG, "%s is not a text", path);
    return print_template(out, node->text, c, err);
}

int fb_show(struct fb_str *out, const struct fb_flags *flags, struct fb_arena *a,
            struct fb_err *err) {
    struct fb_compose_request request = flags->request;
    bool help = flags->show == FB_SHOW_HELP || flags->show == FB_SHOW_HYDRA_HELP;
    struct fb_composed c;

    if (flags->show == FB_SHOW_VERSION)
        return fb_str_puts(out, "fusion_bench " FB_VERSION "\n", err);
    /* Help must come out whatever is not chosen yet. */
    if (help || flags->show == FB_SHOW_INFO) request.multirun = true;
    if (fb_compose(&c, &request, a, err)) return err->code;
    if (flags->show == FB_SHOW_CONFIG) return show_config(out, flags, &c, a, err);
    if (flags->show == FB_SHOW_INFO) return show_info(out, flags->what, &c, a, err);
    return show_help(out,
                     help && flags->show == FB_SHOW_HELP ? "hydra.help.template"
                                                         : "hydra.hydra_help.template",
                     &c, a, err);
}
