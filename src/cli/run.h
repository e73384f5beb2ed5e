/* run.h - a command line that is not a subcommand: flags and overrides. */
#ifndef FB_CLI_RUN_H
#define FB_CLI_RUN_H

#include "cli/command.h"

/* argv without the program's name. Prints what a flag asks for, or carries out the run, or every
 * job of a multirun in turn. */
int fb_run(int argc, char **argv, struct fb_cli *cli, struct fb_err *err) FB_MUST_CHECK;

#endif
