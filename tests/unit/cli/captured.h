/* captured.h - a command line run inside the test, with what it wrote to stdout and stderr. */
#ifndef FB_TESTS_CLI_CAPTURED_H
#define FB_TESTS_CLI_CAPTURED_H

#include "cli/command.h"
#include "scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct captured {
    int status;
    char out[1 << 16], err[1 << 14];
};

static inline int redirect(int fd, const char *path) {
    int kept = dup(fd), file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_true(kept >= 0 && file >= 0);
    dup2(file, fd);
    close(file);
    return kept;
}

static inline void restore(int fd, int kept) {
    dup2(kept, fd);
    close(kept);
}

static inline void slurp(char *text, size_t size, const char *path) {
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    text[fread(text, 1, size - 1, f)] = '\0';
    fclose(f);
}

/* fusion_bench <words>; the scratch folder must be there. `out` is a file for stdout, or NULL. */
static inline void captured_run(struct captured *c, const char *const *words, const char *out) {
    char *argv[32] = {"fusion_bench"};
    const char *stdout_path = out ? out : scratch_path("stdout");
    int argc = 1, kept[2];

    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    assert_true(argc < 32);
    fflush(stdout);
    fflush(stderr);
    kept[0] = redirect(1, stdout_path);
    kept[1] = redirect(2, scratch_path("stderr"));
    c->status = fb_cli_main(argc, argv);
    fflush(stdout);
    fflush(stderr);
    restore(1, kept[0]);
    restore(2, kept[1]);
    if (out) c->out[0] = '\0';
    else slurp(c->out, sizeof c->out, stdout_path);
    slurp(c->err, sizeof c->err, scratch_path("stderr"));
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
