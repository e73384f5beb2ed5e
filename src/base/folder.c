#define _GNU_SOURCE /* renameat2 */
#include "base/folder.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One pass looks for folders, the next one removes. */
static int remove_files(const char *path, struct fb_err *err) {
    char **names;
    size_t count;
    int rc = fb_list_dir(path, &names, &count, err);

    if (rc) return rc;
    for (size_t i = 0; !rc && i < 2 * count; i++) {
        char *name = fb_path_join(path, names[i % count], err);
        if (!name) rc = err->code;
        else if (fb_is_dir(name))
            rc = fb_fail(err, FB_EIO, "'%s' is a folder and is not removed", name);
        else if (i >= count && unlink(name)) rc = fb_fail_errno(err, "cannot remove '%s'", name);
        free(name);
    }
    fb_list_free(names, count);
    return rc;
}

int fb_folder_remove(const char *path, struct fb_err *err) {
    if (!fb_is_dir(path)) return FB_OK;
    if (remove_files(path, err)) return err->code;
    return rmdir(path) ? fb_fail_errno(err, "cannot remove '%s'", path) : FB_OK;
}

/* Without the slashes at its end, behind which "partial" would be inside. */
static char *trimmed(const char *path, struct fb_err *err) {
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        n--;
    return fb_strndup(path, n, err);
}

int fb_folder_begin(struct fb_folder *f, const char *path, struct fb_err *err) {
    *f = (struct fb_folder){.path = trimmed(path, err)};
    f->partial = f->path ? fb_asprintf(err, "%s.partial", f->path) : NULL;
    if (f->partial && !fb_folder_remove(f->partial, err) && !fb_make_dirs(f->partial, err))
        return FB_OK;
    fb_folder_abandon(f);
    return err->code;
}

/* The entries of a folder reach the disk. */
static int sync_folder(const char *path, struct fb_err *err) {
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    int rc = fd < 0 || (fsync(fd) && errno != EINVAL);

    if (rc) fb_fail_errno(err, "cannot sync the folder '%s'", path);
    if (fd >= 0) close(fd);
    return rc ? err->code : FB_OK;
}

/* Afterwards the old folder, if there was one, is at f->partial. */
static int take_place(const struct fb_folder *f, struct fb_err *err) {
    if (!fb_is_dir(f->path)) {
        if (!rename(f->partial, f->path)) return FB_OK;
    } else {
        if (!renameat2(AT_FDCWD, f->partial, AT_FDCWD, f->path, RENAME_EXCHANGE)) return FB_OK;
        /* A file system that cannot exchange: the old one goes first. */
        if (errno == EINVAL && !fb_folder_remove(f->path, err) && !rename(f->partial, f->path))
            return FB_OK;
    }
    return fb_fail_errno(err, "cannot put '%s' in its place", f->path);
}

int fb_folder_commit(struct fb_folder *f, struct fb_err *err) {
    int rc = sync_folder(f->partial, err);

    if (!rc) rc = take_place(f, err);
    if (!rc) rc = fb_folder_remove(f->partial, err);
    fb_folder_abandon(f);
    return rc;
}

void fb_folder_abandon(struct fb_folder *f) {
    struct fb_err ignored = {0};

    if (f->partial && fb_folder_remove(f->partial, &ignored)) ignored.code = FB_OK;
    free(f->path);
    free(f->partial);
    *f = (struct fb_folder){0};
}
