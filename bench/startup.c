/* startup.c - how long `fusion_bench --help` and `fusion_bench --cfg job` take as processes
 *
 *     bench_startup [FUSION_BENCH]
 *
 * Bound: a process that does nothing (/bin/true), started the same way. Median of RUNS. */
#include "args.h"

#include "base/log.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { RUNS = 41 };

/* Seconds of one process with its output thrown away; negative when it fails. */
static double once(char *const argv[]) {
    posix_spawn_file_actions_t actions;
    double started;
    pid_t pid;
    int status = -1, rc;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    started = fb_now();
    rc = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
    if (!rc) waitpid(pid, &status, 0);
    posix_spawn_file_actions_destroy(&actions);
    return rc || status ? -1 : fb_now() - started;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(char *const argv[]) {
    double seconds[RUNS];

    for (int i = 0; i < RUNS; i++)
        seconds[i] = once(argv);
    qsort(seconds, RUNS, sizeof *seconds, compare);
    return seconds[0] < 0 ? -1 : seconds[RUNS / 2];
}

int main(int argc, char **argv) {
    const struct option none = {0};
    int at = args_parse(argc, argv, "bench_startup [FUSION_BENCH]", &none, 0, 1);
    char *program = argc > at ? argv[at] : "build/release/fusion_bench";
    char *const commands[][4] = {{"/bin/true", NULL},
                                 {program, "--help", NULL},
                                 {program, "--cfg", "job", NULL},
                                 {program, "list", NULL}};
    const char *const names[] = {"/bin/true", "--help", "--cfg job", "list"};
    double bound = 0;

    printf("%-12s %10s %10s\n", "command", "ms", "x bound");
    for (int i = 0; i < 4; i++) {
        double t = median(commands[i]);
        if (t < 0) {
            fprintf(stderr, "bench_startup: '%s' failed\n", commands[i][0]);
            return 1;
        }
        if (!i) bound = t;
        printf("%-12s %10.2f %10.1f\n", names[i], t * 1e3, t / bound);
    }
    return 0;
}
