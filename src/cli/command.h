/* command.h - a subcommand: its options table and what it does. */
#ifndef FB_CLI_COMMAND_H
#define FB_CLI_COMMAND_H

#include "base/log.h"
#include "config/opts.h"

struct fb_cli {
    struct fb_log *log;     /* level is set from -q / -v before the command runs */
    struct fb_arena *arena; /* lives until the program ends */
};

struct fb_command {
    const char *name;
    const char *arguments; /* "PATH [PATH ...]" for the usage line */
    const char *summary;   /* one line with a full stop */
    const char *details;   /* paragraphs for --help, with an example; may be NULL */
    const struct fb_opt *opts;
    size_t opts_size;
    /* argv holds the positional arguments only. The result goes to stdout. Returns FB_OK, an
     * fb_code, or a positive exit status (diff: 1 = different). */
    int (*run)(const void *opts, int argc, char **argv, struct fb_cli *cli, struct fb_err *err);
};

extern const struct fb_command *const fb_commands[]; /* commands.c; NULL-terminated */

/* Runs the program on a whole command line; returns the exit status. Errors are printed here. */
int fb_cli_main(int argc, char **argv);

#endif
