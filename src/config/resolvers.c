/* resolvers.c - OmegaConf's own resolvers and the two that Hydra adds, "now" and "hydra". */
#include "config/resolvers.h"

#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>

struct resolver {
    const char *name;
    int least, most; /* number of arguments */
    struct fb_node *(*run)(struct fb_call *c);
};

/* ---- helpers -------------------------------------------------------------------------------- */

static const char *text_argument(struct fb_call *c, int64_t i, const char *what) {
    if (c->arg[i]->kind == FB_TEXT) return c->arg[i]->text;
    fb_fail(c->err, FB_ECONFIG, "%s must be a string, found %s", what,
            fb_kind_name(c->arg[i]->kind));
    return NULL;
}

static struct fb_node *null_result(struct fb_call *c) {
    return fb_node_null(c->in->arena, c->node->place, c->err);
}

static struct fb_node *text_result(struct fb_call *c, const char *text) {
    struct fb_node *node = fb_node_text(c->in->arena, text, c->node->place, c->err);

    if (node) node->literal = true;
    return node;
}

/* A container made here answers relative keys as if it stood where the interpolation stands. */
static struct fb_node *adopted(struct fb_call *c, struct fb_node *made) {
    if (made) made->parent = c->container;
    return made;
}

/* ---- oc.* ----------------------------------------------------------------------------------- */

static struct fb_node *oc_env(struct fb_call *c) {
    const char *name = text_argument(c, 0, "the name of an environment variable"), *value;
    struct fb_str text = {0};
    struct fb_node *result = NULL;

    if (!name) return NULL;
    if ((value = getenv(name))) return text_result(c, value);
    if (c->n < 2) {
        fb_fail(c->err, FB_ECONFIG, "Environment variable '%s' not found", name);
        return NULL;
    }
    if (c->arg[1]->kind == FB_NULL) return null_result(c);
    if (!fb_interp_print(&text, c->arg[1], c->err)) result = text_result(c, fb_str_text(&text));
    fb_str_free(&text);
    return result;
}

static struct fb_node *oc_decode(struct fb_call *c) {
    const char *text;

    if (c->arg[0]->kind == FB_NULL) return null_result(c);
    if (!(text = text_argument(c, 0, "the text to decode"))) return NULL;
    return fb_interp_element(c->in, c->node, text, c->err);
}

static struct fb_node *oc_select(struct fb_call *c) {
    const char *key = text_argument(c, 0, "the key");
    struct fb_node *found;

    if (!key || fb_interp_select(c->in, c->container, key, &found, c->err)) return NULL;
    if (found && !fb_node_is_missing(found)) return found;
    return c->n > 1 ? c->arg[1] : null_result(c);
}

static struct fb_node *oc_create(struct fb_call *c) {
    struct fb_node *made = c->arg[0];

    switch (made->kind) {
    case FB_NULL: return null_result(c);
    case FB_TEXT:
        if (fb_yaml_parse(&made, c->in->arena, made->text, strlen(made->text), NULL, c->err))
            return NULL;
        return adopted(c, made);
    case FB_LIST:
    case FB_MAP: return adopted(c, fb_node_copy(c->in->arena, made, c->err));
    default: break;
    }
    fb_fail(c->err, FB_ECONFIG, "expects a list, a mapping or YAML text, found %s",
            fb_kind_name(made->kind));
    return NULL;
}

/* "$NAME" or "${NAME}" at p: its length, or 0. */
static size_t placeholder(const char *p, const char *name) {
    size_t n = strlen(name), brace = p[1] == '{';

    if (*p != '$' || strncmp(p + 1 + brace, name, n) != 0) return 0;
    if (brace) return p[n + 2] == '}' ? n + 3 : 0;
    return n + 1;
}

static int print_template(struct fb_str *out, const char *p, const char *old_key,
                          const char *new_key, struct fb_err *err) {
    while (*p) {
        size_t old_size = placeholder(p, "OLD_KEY"), new_size = placeholder(p, "NEW_KEY");
        int rc;
        if (old_size) rc = fb_str_puts(out, old_key, err);
        else if (new_size) rc = fb_str_puts(out, new_key, err);
        else rc = fb_str_putc(out, *p, err);
        if (rc) return rc;
        p += old_size ? old_size : new_size ? new_size : p[0] == '$' && p[1] == '$' ? 2 : 1;
    }
    return FB_OK;
}

static int warn_deprecated(struct fb_call *c, const struct fb_node *found, const char *message) {
    struct fb_str old_key = {0}, new_key = {0}, text = {0};
    int rc = fb_node_path(&old_key, c->node, c->err);

    if (!rc) rc = fb_node_path(&new_key, found, c->err);
    if (!rc)
        rc = print_template(&text, message, fb_str_text(&old_key), fb_str_text(&new_key), c->err);
    if (!rc) fb_warn(c->in->log, "%s", fb_str_text(&text));
    fb_str_free(&old_key);
    fb_str_free(&new_key);
    fb_str_free(&text);
    return rc;
}

static struct fb_node *oc_deprecated(struct fb_call *c) {
    const char *key = text_argument(c, 0, "the key");
    const char *message = "'$OLD_KEY' is deprecated. Change your code and config to use '$NEW_KEY'";
    struct fb_node *found;

    if (!key || fb_interp_select(c->in, c->container, key, &found, c->err)) return NULL;
    if (c->n > 1 && !(message = text_argument(c, 1, "the message"))) return NULL;
    if (!found) {
        fb_fail(c->err, FB_ECONFIG, "In oc.deprecated resolver: Key not found: '%s'", key);
        return NULL;
    }
    return warn_deprecated(c, found, message) ? NULL : found;
}

static struct fb_node *map_argument(struct fb_call *c) {
    const char *key = text_argument(c, 0, "the key");
    struct fb_node *found;

    if (!key || fb_interp_select(c->in, c->container, key, &found, c->err)) return NULL;
    if (!found) {
        fb_fail(c->err, FB_ECONFIG, "Key not found: '%s'", key);
        return NULL;
    }
    if (found->kind == FB_MAP) return found;
    fb_fail(c->err, FB_ECONFIG, "'%s' must be a mapping, found %s", key, fb_kind_name(found->kind));
    return NULL;
}

static struct fb_node *key_node(struct fb_call *c, const struct fb_key *key) {
    if (key->kind == FB_TEXT) return text_result(c, key->text);
    return fb_yaml_scalar(c->in->arena, key->text, c->node->place, c->err);
}

static struct fb_node *oc_dict_keys(struct fb_call *c) {
    const struct fb_node *map = map_argument(c);
    struct fb_node *list = map ? fb_node_list(c->in->arena, c->node->place, c->err) : NULL;

    for (int64_t i = 0; list && i < map->count; i++)
        if (fb_node_push(c->in->arena, list, key_node(c, &map->key[i]), c->err)) return NULL;
    return adopted(c, list);
}

/* The items are references, as OmegaConf makes them: they are resolved when somebody asks. */
static struct fb_node *oc_dict_values(struct fb_call *c) {
    const struct fb_node *map = map_argument(c);
    struct fb_node *list = map ? fb_node_list(c->in->arena, c->node->place, c->err) : NULL;
    const char *key = c->arg[0]->text;

    for (int64_t i = 0; list && i < map->count; i++) {
        /* One more dot, because the reference stands one level deeper, in the list. */
        char *text = fb_arena_printf(c->in->arena, c->err, "${%s%s.%s}", *key == '.' ? "." : "",
                                     key, map->key[i].text);
        struct fb_node *item =
            text ? fb_node_text(c->in->arena, text, c->node->place, c->err) : NULL;
        if (fb_node_push(c->in->arena, list, item, c->err)) return NULL;
    }
    return adopted(c, list);
}

/* ---- Hydra's -------------------------------------------------------------------------------- */

/* Python's pattern for the C library: %f are microseconds, and a time without zone has no %z. */
static int python_pattern(struct fb_str *out, const char *p, long microseconds,
                          struct fb_err *err) {
    for (; *p; p++) {
        int rc;
        if (p[0] == '%' && p[1] == 'f') rc = fb_str_printf(out, err, "%06ld", microseconds);
        else if (p[0] == '%' && (p[1] == 'z' || p[1] == 'Z')) rc = FB_OK;
        else if (p[0] == '%' && p[1]) rc = fb_str_append(out, p, 2, err);
        else rc = fb_str_putc(out, *p, err);
        if (rc) return rc;
        if (p[0] == '%' && p[1]) p++;
    }
    /* strftime cannot tell an empty result from a failure. */
    return fb_str_putc(out, '.', err);
}

static struct fb_node *now(struct fb_call *c) {
    const char *pattern = text_argument(c, 0, "the pattern");
    struct fb_str adapted = {.max = 1024};
    struct fb_node *result = NULL;
    char text[4096];
    struct tm tm;
    size_t n;

    if (!pattern || python_pattern(&adapted, pattern, c->in->now.tv_nsec / 1000, c->err)) goto done;
    if (!localtime_r(&c->in->now.tv_sec, &tm) ||
        !(n = strftime(text, sizeof text, adapted.data, &tm))) {
        fb_fail(c->err, FB_ECONFIG, "the time cannot be written as '%s'", pattern);
        goto done;
    }
    text[n - 1] = '\0';
    result = text_result(c, text);
done:
    fb_str_free(&adapted);
    return result;
}

static struct fb_node *hydra(struct fb_call *c) {
    const char *key = text_argument(c, 0, "the key");
    struct fb_node *found;
    char *relative;

    if (!key) return NULL;
    if (!c->in->hydra) {
        fb_fail(c->err, FB_ECONFIG, "there is no Hydra configuration here");
        return NULL;
    }
    relative = fb_arena_printf(c->in->arena, c->err, "%s%s", *key == '.' ? "" : ".", key);
    if (!relative || fb_interp_select(c->in, c->in->hydra, relative, &found, c->err)) return NULL;
    return found && !fb_node_is_missing(found) ? found : null_result(c);
}

/* ---- the table ------------------------------------------------------------------------------ */

static const struct resolver resolvers[] = {
    {"oc.env", 1, 2, oc_env},
    {"oc.decode", 1, 1, oc_decode},
    {"oc.select", 1, 2, oc_select},
    {"oc.create", 1, 1, oc_create},
    {"oc.deprecated", 1, 2, oc_deprecated},
    {"oc.dict.keys", 1, 1, oc_dict_keys},
    {"oc.dict.values", 1, 1, oc_dict_values},
    {"now", 1, 1, now},
    {"hydra", 1, 1, hydra},
};

enum { RESOLVERS = sizeof resolvers / sizeof *resolvers };

static void *unknown(const char *name, struct fb_err *err) {
    struct fb_str all = {.max = 512};
    struct fb_err ignored = {0};

    for (int i = 0; i < RESOLVERS; i++)
        if (fb_str_printf(&all, &ignored, "%s%s", i ? ", " : "", resolvers[i].name)) break;
    fb_fail(err, FB_ECONFIG, "Unsupported interpolation type %s (there are %s)", name,
            fb_str_text(&all));
    fb_str_free(&all);
    return NULL;
}

struct fb_node *fb_resolver_run(const char *name, struct fb_call *call) {
    struct fb_node *result;

    for (int i = 0; i < RESOLVERS; i++) {
        const struct resolver *r = &resolvers[i];
        if (strcmp(r->name, name) != 0) continue;
        if (call->n >= r->least && call->n <= r->most) {
            result = r->run(call);
            if (!result && !call->in->blamed) fb_context(call->err, "%s", name);
            return result;
        }
        if (r->least == r->most)
            fb_fail(call->err, FB_ECONFIG, "%s expects 1 argument, found %jd", name,
                    (intmax_t)call->n);
        else
            fb_fail(call->err, FB_ECONFIG, "%s expects %d or %d arguments, found %jd", name,
                    r->least, r->most, (intmax_t)call->n);
        return NULL;
    }
    return unknown(name, call->err);
}
