/* source.h - where configuration files are looked for, and reading them once.
 *
 * A search path is an ordered list of folders ("embedded:config" is one); the first that holds a
 * file wins, and the options of a group are those of all folders together. A config path is
 * relative and without ".yaml": "method/ties_merging". A source may be mounted: one with mount
 * "hydra" answers only for "hydra/...".
 *
 * Read files stay in a cache until the arena goes. */
#ifndef FB_CONFIG_SOURCE_H
#define FB_CONFIG_SOURCE_H

#include "config/node.h"

enum { FB_SOURCES_MOST = 32 };

struct fb_source {
    const char *provider; /* who put it on the path: "hydra", "main", "shipped", "command-line" */
    const char *path;
    const char *mount; /* "" or "hydra" */
};

/* One configuration file. */
struct fb_config {
    const char *name;         /* config path */
    const char *file;         /* "embedded:config/method/dummy.yaml" */
    struct fb_node *node;     /* content without `defaults`: a mapping, or a list; never changed */
    struct fb_node *defaults; /* its defaults list, or NULL */
    const char *package;      /* of a "# @package" line, or NULL */
};

struct fb_sources {
    struct fb_arena *arena;
    struct fb_source item[FB_SOURCES_MOST];
    int count;
    const struct fb_config **cache;
    int64_t cached, capacity;
};

void fb_sources_init(struct fb_sources *sources, struct fb_arena *arena);
/* Appends a folder. Strings are copied into the arena. */
int fb_sources_add(struct fb_sources *sources, const char *provider, const char *path,
                   const char *mount, struct fb_err *err) FB_MUST_CHECK;

/* Whether a folder exists ("embedded:" too). */
bool fb_source_is_dir(const char *path);
/* Whether "<path>/<name>.yaml" is a file; a name that ends in ".yaml" stays as it is. */
bool fb_source_has(const struct fb_source *source, const char *name);

bool fb_sources_have_config(const struct fb_sources *sources, const char *name);
bool fb_sources_have_group(const struct fb_sources *sources, const char *group);

/* `*out` is NULL when no source has it. FB_EFORMAT for a file that is not well-formed. Borrowed
 * from the arena. */
int fb_sources_load(struct fb_sources *sources, const struct fb_config **out, const char *name,
                    struct fb_err *err) FB_MUST_CHECK;

/* What a group holds in all sources, sorted, each once: its options (files), or its sub-groups
 * (folders). "" is the root. Owned: fb_list_free (base/file.h). */
int fb_sources_options(const struct fb_sources *sources, const char *group, bool folders,
                       char ***names, size_t *count, struct fb_err *err) FB_MUST_CHECK;

/* "a, b, c" of the options of a group for messages; "" when there are none. Arena. */
const char *fb_sources_option_text(const struct fb_sources *sources, const char *group,
                                   const char *separator, struct fb_err *err);

/* The option of a group, or of its sub-groups ("sub/option"), whose name is nearest to that of
 * `option`; `*out` is NULL if none is near. Arena. */
int fb_sources_nearest(const struct fb_sources *sources, const char **out, const char *group,
                       const char *option, struct fb_err *err) FB_MUST_CHECK;
/* Appends the search path, one "provider: path" a line, each after `indent`. */
int fb_sources_print(struct fb_str *out, const struct fb_sources *sources, const char *indent,
                     struct fb_err *err) FB_MUST_CHECK;

#endif
