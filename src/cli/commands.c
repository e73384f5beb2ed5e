/* commands.c - the registry of subcommands: one row each. */
#include "cli/command.h"

const struct fb_command *const fb_commands[] = {NULL};
