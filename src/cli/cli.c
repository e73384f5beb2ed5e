/* cli.c - which part of the program a command line asks for.
 *
 * A first word that is the name of a subcommand runs it; anything else is a run: Hydra overrides
 * and flags (run.c). Only this file prints errors and decides the exit status: 0 done, 1 failed,
 * 2 the command line is wrong. */
#include "cli/command.h"

#include "base/interrupt.h"
#include "cli/run.h"
#include "kernel/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMMANDS_MAX = 64 };

static const char introduction[] =
    "fusion_bench " FB_VERSION " - merge, ensemble and evaluate fine-tuned language models\n"
    "\n"
    "Try it on the models that are part of the program:\n"
    "\n"
    "    fusion_bench method=task_arithmetic modelpool=gpt-2_demo taskpool=gpt-2_demo\n"
    "    fusion_bench method=task_arithmetic modelpool=flan-t5_demo taskpool=flan-t5_demo\n"
    "\n"
    "fusion_bench --help           the configuration: groups, options, examples\n"
    "fusion_bench list             methods, model pools and task pools of this build\n"
    "fusion_bench describe NAME    options and formula of a method\n"
    "fusion_bench COMMAND --help   inspect, diff, convert, tokenize, dataset, train: its options\n";

static const struct fb_command *find(const char *word) {
    for (int i = 0; fb_commands[i]; i++)
        if (!strcmp(fb_commands[i]->name, word)) return fb_commands[i];
    return NULL;
}

/* A first word that can be neither a flag nor an override. */
static bool is_word(const char *arg) {
    return *arg && !strchr("-+~", *arg) && !strchr(arg, '=');
}

static int unknown_command(const char *word, struct fb_err *err) {
    const char *names[COMMANDS_MAX];
    size_t n = 0;

    for (; fb_commands[n] && n < COMMANDS_MAX; n++)
        names[n] = fb_commands[n]->name;
    return fb_fail_unknown(err, FB_EUSAGE, "command", word, names, n);
}

static int exit_status(int rc, const struct fb_err *err) {
    if (rc > 0) return rc;
    if (rc == FB_OK) return 0;
    fb_say("fusion_bench: ", err->msg);
    return rc == FB_EUSAGE ? 2 : 1;
}

static int print_help(const struct fb_command *command, struct fb_err *err) {
    struct fb_str text = {0};

    printf("usage: fusion_bench %s%s%s%s\n\n%s\n", command->name,
           command->opts && command->opts[0].key ? " [options]" : "",
           command->arguments[0] ? " " : "", command->arguments, command->summary);
    if (command->details) printf("\n%s\n", command->details);
    if (command->opts && command->opts[0].key) {
        if (fb_opts_print(&text, command->opts, true, err)) goto done;
        printf("\noptions:\n%s", fb_str_text(&text));
    }
done:
    fb_str_free(&text);
    return err->code;
}

static int run_command(const struct fb_command *command, int argc, char **argv, struct fb_cli *cli,
                       struct fb_err *err) {
    void *opts = fb_arena_calloc(cli->arena, 1, command->opts_size ? command->opts_size : 1, err);
    int positional = 0;

    if (!opts) return err->code;
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return print_help(command, err);
    if (fb_opts_read_args(command->opts, opts, argc, argv, &positional, cli->arena, err))
        return fb_context(err, "%s", command->name);
    return command->run(opts, positional, argv, cli, err);
}

int fb_cli_main(int argc, char **argv) {
    struct fb_arena arena = {0};
    struct fb_log log = {.level = 1, .terminal = isatty(STDERR_FILENO) != 0};
    struct fb_cli cli = {.log = &log, .arena = &arena};
    struct fb_err err = {0};
    const struct fb_command *command = argc > 1 ? find(argv[1]) : NULL;
    int rc;

    fb_interrupt_install();
    fb_threads_bound();
    if (command) rc = run_command(command, argc - 2, argv + 2, &cli, &err);
    else if (argc < 2) fputs(introduction, stdout), rc = FB_OK;
    else if (is_word(argv[1])) rc = unknown_command(argv[1], &err);
    else rc = fb_run(argc - 1, argv + 1, &cli, &err);
    if (fflush(stdout) && rc >= 0) rc = fb_fail(&err, FB_EIO, "cannot write to standard output");
    rc = exit_status(rc, &err);
    fb_arena_free(&arena);
    return rc;
}
