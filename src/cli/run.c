#include "cli/run.h"

#include "cli/hydra_flags.h"
#include "cli/hydra_show.h"
#include "cli/job.h"
#include "config/interp.h"

#include <stdio.h>
#include <time.h>

static int show(const struct fb_flags *flags, struct fb_arena *a, struct fb_err *err) {
    struct fb_str text = {0};
    int rc = fb_show(&text, flags, a, err);

    if (!rc) fputs(fb_str_text(&text), stdout);
    fb_str_free(&text);
    return rc;
}

/* A string of Hydra's own node, resolved; NULL when it is not there. */
static int hydra_text(const char **out, struct fb_interp *in, struct fb_node *all, const char *key,
                      struct fb_err *err) {
    struct fb_str text = {0};
    struct fb_node *node;
    int rc = fb_interp_select(in, all, key, &node, err);

    *out = NULL;
    if (!rc && node && node->kind != FB_NULL) {
        rc = fb_interp_print(&text, node, err);
        if (!rc && !(*out = fb_arena_strdup(in->arena, fb_str_text(&text), err))) rc = err->code;
    }
    fb_str_free(&text);
    return rc ? fb_context(err, "%s", key) : FB_OK;
}

/* Hydra's folder of a run, or of one job of a multirun. */
static int run_folder(const char **out, struct fb_interp *in, struct fb_node *all, bool multirun,
                      struct fb_err *err) {
    const char *dir, *subdir = NULL;

    *out = NULL;
    if (hydra_text(&dir, in, all, multirun ? "hydra.sweep.dir" : "hydra.run.dir", err) ||
        (multirun && hydra_text(&subdir, in, all, "hydra.sweep.subdir", err)))
        return err->code;
    if (!dir || !*dir) return FB_OK;
    *out = subdir ? fb_arena_printf(in->arena, err, "%s/%s", dir, subdir) : dir;
    return *out ? FB_OK : err->code;
}

/* Changing into the run's folder would change what every relative path of the run means. */
static int refuse_chdir(const struct fb_node *hydra, struct fb_err *err) {
    const struct fb_node *chdir = fb_node_at(hydra, "job.chdir");

    if (!chdir || chdir->kind != FB_BOOL || !chdir->value.flag) return FB_OK;
    return fb_fail(err, FB_EUNSUPPORTED,
                   "hydra.job.chdir=true is not supported: paths always count from the folder the "
                   "program was started in; {log_dir} in a path stands for the run's folder");
}

static int run_one(const struct fb_compose_request *request, struct timespec now,
                   struct fb_cli *cli, struct fb_err *err) {
    struct fb_interp in = {.arena = cli->arena, .now = now, .log = cli->log, .keep_missing = true};
    struct fb_composed composed;
    struct fb_node *config;
    const char *folder;

    if (fb_compose(&composed, request, cli->arena, err)) return err->code;
    in.hydra = fb_node_get(composed.all, "hydra");
    if (refuse_chdir(in.hydra, err)) return err->code;
    if (!(config = fb_interp_resolved(&in, composed.job, err)) ||
        run_folder(&folder, &in, composed.all, request->job_num > 0, err))
        return err->code;
    return fb_job_run(config, composed.job, folder, cli, err);
}

static int run_jobs(const struct fb_flags *flags, struct timespec now, struct fb_cli *cli,
                    struct fb_err *err) {
    struct fb_jobs jobs;

    if (fb_multirun_expand(&jobs, &flags->request, cli->arena, err)) return err->code;
    for (int64_t i = 0; i < jobs.jobs; i++) {
        struct fb_compose_request request = flags->request;
        struct fb_str words = {.max = 1 << 16};
        struct fb_err ignored = {0};
        int rc = FB_OK;
        for (int64_t k = 0; k < jobs.count && !rc; k++)
            rc = fb_str_printf(&words, &ignored, " %s", jobs.job[i][k]);
        fb_info(cli->log, "job %jd of %jd:%s", (intmax_t)i + 1, (intmax_t)jobs.jobs,
                fb_str_text(&words));
        fb_str_free(&words);
        request.multirun = false;
        request.overrides = jobs.job[i];
        request.override_count = jobs.count;
        request.job_num = i + 1;
        if (run_one(&request, now, cli, err))
            return fb_context(err, "job %jd of %jd", (intmax_t)i + 1, (intmax_t)jobs.jobs);
        fflush(stdout);
    }
    return FB_OK;
}

int fb_run(int argc, char **argv, struct fb_cli *cli, struct fb_err *err) {
    struct fb_flags flags;
    struct timespec now;

    if (fb_flags_read(&flags, argc, argv, cli->arena, err)) return err->code;
    cli->log->level = flags.verbosity;
    if (flags.show != FB_SHOW_NOTHING) return show(&flags, cli->arena, err);
    clock_gettime(CLOCK_REALTIME, &now);
    if (flags.request.multirun) return run_jobs(&flags, now, cli, err);
    return run_one(&flags.request, now, cli, err);
}
