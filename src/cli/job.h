/* job.h - one run: a composed configuration carried out.
 *
 * Everything that the configuration says is checked before the first byte of a model is read, and
 * every file that will be written is probed: a run must not fail after an hour for a bad path. */
#ifndef FB_CLI_JOB_H
#define FB_CLI_JOB_H

#include "cli/command.h"
#include "config/node.h"

/* `config` is resolved (no interpolations) and borrowed; `unresolved` is what print_config shows.
 * Prints the report to stdout. `folder` (may be NULL) is the run's folder: config.yaml and run.json
 * are left there, and {log_dir} in paths stands for it. */
int fb_job_run(const struct fb_node *config, const struct fb_node *unresolved, const char *folder,
               struct fb_cli *cli, struct fb_err *err) FB_MUST_CHECK;

#endif
