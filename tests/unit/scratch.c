/* nftw is in the X/Open part of POSIX. */
#define _XOPEN_SOURCE 700
#include "scratch.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[1024];

const char *scratch_make(void) {
    const char *base = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/fb-test-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(folder)) fail_msg("cannot make %s", folder);
    return folder;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void scratch_remove(void) {
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int scratch_setup(void **state) {
    (void)state;
    scratch_make();
    return 0;
}

int scratch_teardown(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

const char *scratch_path(const char *name) {
    static char buffer[4][2048];
    static int turn;
    struct fb_err err = {0};
    char *path = buffer[turn = (turn + 1) % 4], *slash;

    snprintf(path, sizeof buffer[0], "%s/%s", folder, name);
    slash = strrchr(path, '/');
    *slash = '\0';
    if (fb_make_dirs(path, &err)) fail_msg("%s", err.msg);
    *slash = '/';
    return path;
}

const char *scratch_write(const char *name, const char *text) {
    struct fb_err err = {0};
    const char *path = scratch_path(name);

    if (fb_file_replace(path, text, strlen(text), &err)) fail_msg("%s", err.msg);
    return path;
}
