/* compose.h - from a command line's configuration arguments to one configuration, as Hydra 1.3 and
 * OmegaConf 2.3 compose it.
 *
 * Where files are looked for, first to last:
 *   1. Hydra's own groups ("hydra/..."), built in;
 *   2. --config-path; or, without it, ./config or ./fusion_bench_config (the first that is a
 *      folder) if it holds the root config; or the shipped configuration;
 *   3. without --config-path: the shipped configuration, then a ./config or ./fusion_bench_config
 *      without the root config: such a folder may belong to something else, so what it holds is
 *      found but hides nothing;
 *   4. each --config-dir;
 *   5. hydra.searchpath of the root config or the command line.
 *
 * Composition: the defaults lists are walked (defaults.h), the contents merged (merge.h), values
 * overridden in the order given (apply.h). Aliases of keys (alias.h) are tried for overrides that
 * would fail otherwise. Interpolations are left as they are.
 *
 * On purpose unlike Hydra: taskpool=null is accepted and means ~taskpool (choices.c).
 *
 *     struct fb_flags flags;
 *     struct fb_composed c;
 *     if (fb_flags_read(&flags, argc, argv, arena, err)) return err->code;
 *     if (fb_compose(&c, &flags.request, arena, err)) return err->code;
 *     ... fb_node_get(c.job, "method") ...                                                     */
#ifndef FB_CONFIG_COMPOSE_H
#define FB_CONFIG_COMPOSE_H

#include "config/defaults.h"

#define FB_ROOT_CONFIG "fabric_model_fusion"

struct fb_compose_request {
    const char *config_path; /* --config-path, or NULL */
    const char *config_name; /* --config-name; NULL: FB_ROOT_CONFIG */
    const char *const *config_dirs;
    int config_dir_count;
    const char *const *overrides;
    int64_t override_count;
    /* Compose for looking at, not for running: sweeps and groups without an option are passed over,
     * as Hydra does before it starts the jobs of a multirun. Otherwise both are errors. */
    bool multirun;
    int64_t
        job_num; /* number of the job of a multirun from 1, or 0: sets hydra.job.num to it - 1 */
};

struct fb_composed {
    struct fb_node *all; /* everything, with Hydra's node as the key "hydra" */
    struct fb_node *job; /* a copy without it: what the program runs on */
    struct fb_sources sources;
    struct fb_defaults defaults;
    struct fb_choices choices;
    const char *config_name;
};

/* FB_ECONFIG, FB_ENOTFOUND or FB_EFORMAT; the message names the file or override. Everything in
 * `out` is borrowed from the arena. */
int fb_compose(struct fb_composed *out, const struct fb_compose_request *request,
               struct fb_arena *a, struct fb_err *err) FB_MUST_CHECK;

/* Only the search path of a request, for help and listings: fills sources and config_name. */
int fb_compose_sources(struct fb_composed *out, const struct fb_compose_request *request,
                       struct fb_arena *a, struct fb_err *err) FB_MUST_CHECK;

/* The jobs of a multirun: every combination of the swept values, the last sweep varying fastest.
 * Job i has the overrides job[i][0 .. count), in the order given. At most 100000 jobs. */
struct fb_jobs {
    const char *const **job;
    int64_t jobs, count;
};

int fb_multirun_expand(struct fb_jobs *out, const struct fb_compose_request *request,
                       struct fb_arena *a, struct fb_err *err) FB_MUST_CHECK;

#endif
