/* hydra_flags.h - the command line of a run: Hydra's flags and overrides.
 *
 * Flags may stand anywhere between the overrides and may be shortened as long as they are unique
 * ("--config-n"); "-cn x", "-cn=x", "--config-name x" and "--config-name=x" are the same. "--" ends
 * the flags. An argument that begins with '-' is a flag unless it has white space in it.
 *
 *     struct fb_flags flags;
 *     if (fb_flags_read(&flags, argc, argv, arena, err)) return err->code;
 *     if (flags.show != FB_SHOW_NOTHING) {
 *         if (!fb_show(&text, &flags, arena, err)) fputs(fb_str_text(&text), stdout);
 *     } else if (flags.request.multirun) {
 *         fb_multirun_expand(&jobs, &flags.request, arena, err);
 *         ... for each job i: request = flags.request; request.multirun = false;
 *             request.overrides = jobs.job[i]; request.job_num = i + 1; fb_compose(...)
 *     } else {
 *         fb_compose(&composed, &flags.request, arena, err);
 *     }                                                                                        */
#ifndef FB_CLI_HYDRA_FLAGS_H
#define FB_CLI_HYDRA_FLAGS_H

#include "config/compose.h"

enum fb_show {
    FB_SHOW_NOTHING, /* run */
    FB_SHOW_HELP,
    FB_SHOW_HYDRA_HELP,
    FB_SHOW_VERSION,
    FB_SHOW_CONFIG, /* --cfg */
    FB_SHOW_INFO,   /* --info */
};

struct fb_flags {
    struct fb_compose_request request;
    enum fb_show show;
    const char *what;    /* of --cfg and --info: "job", "defaults-tree", ... */
    const char *package; /* of --package; NULL: all */
    bool resolve;
    int verbosity; /* 0 after -q, 1, 2 after -v */
};

/* argv without the program's name; the strings are borrowed. FB_EUSAGE. */
int fb_flags_read(struct fb_flags *out, int argc, char **argv, struct fb_arena *a,
                  struct fb_err *err) FB_MUST_CHECK;

/* One line per flag. */
int fb_flags_print(struct fb_str *out, struct fb_err *err) FB_MUST_CHECK;

#endif
