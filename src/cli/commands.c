/* commands.c - the registry of subcommands: one row each. */
#include "cli/command.h"

extern const struct fb_command fb_cmd_list;
extern const struct fb_command fb_cmd_describe;
extern const struct fb_command fb_cmd_inspect;
extern const struct fb_command fb_cmd_diff;
extern const struct fb_command fb_cmd_convert;
extern const struct fb_command fb_cmd_tokenize;
extern const struct fb_command fb_cmd_dataset;

const struct fb_command *const fb_commands[] = {
    &fb_cmd_list,    &fb_cmd_describe, &fb_cmd_inspect, &fb_cmd_diff,
    &fb_cmd_convert, &fb_cmd_tokenize, &fb_cmd_dataset, NULL};
