/* hydra_show.h - what the flags of a run print instead of running. */
#ifndef FB_CLI_HYDRA_SHOW_H
#define FB_CLI_HYDRA_SHOW_H

#include "cli/hydra_flags.h"

/* Appends the text that `flags->show` asks for: --help, --hydra-help, --version, --cfg, --info. */
int fb_show(struct fb_str *out, const struct fb_flags *flags, struct fb_arena *a,
            struct fb_err *err) FB_MUST_CHECK;

/* Appends "group: option, option" for every group, one a line (long lines wrapped); `hydra` chooses
 * Hydra's own groups or all others. */
int fb_show_groups(struct fb_str *out, const struct fb_sources *sources, bool hydra,
                   struct fb_err *err) FB_MUST_CHECK;

#endif
