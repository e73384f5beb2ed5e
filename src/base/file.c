#include "base/file.h"

#include "base/alloc.h"
#include "base/embed.h"
#include "base/map.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIST_MAX = 1 << 20 }; /* entries of one folder */

int fb_make_dirs(const char *path, struct fb_err *err) {
    char *copy = fb_strdup(path, err);
    struct stat st;
    int rc = FB_OK;

    if (!copy) return err->code;
    for (char *p = copy + 1; *copy && !rc; p++) {
        char kept = *p;
        if (kept != '/' && kept != '\0') continue;
        *p = '\0';
        if (mkdir(copy, 0777) && errno != EEXIST)
            rc = fb_fail_errno(err, "cannot make the folder '%s'", copy);
        *p = kept;
        if (!kept) break;
    }
    if (!rc && *copy && (stat(copy, &st) || !S_ISDIR(st.st_mode)))
        rc = fb_fail(err, FB_EIO, "'%s' is not a folder", copy);
    free(copy);
    return rc;
}

static int make_parent(const char *path, struct fb_err *err) {
    char *dir = fb_path_dir(path, err);
    int rc = dir ? (*dir ? fb_make_dirs(dir, err) : FB_OK) : err->code;

    free(dir);
    return rc;
}

int fb_file_create(struct fb_file *file, const char *path, struct fb_err *err) {
    struct stat st;
    mode_t mask;

    *file = (struct fb_file){.fd = -1};
    if (!*path) return fb_fail(err, FB_EIO, "the file name is empty");
    if (!stat(path, &st) && !S_ISREG(st.st_mode))
        return fb_fail(err, FB_EIO, "'%s' exists and is not a regular file", path);
    if (make_parent(path, err)) return err->code;
    file->path = fb_strdup(path, err);
    file->temporary = file->path ? fb_asprintf(err, "%s.XXXXXX", path) : NULL;
    if (!file->temporary) goto fail;
    file->fd = mkstemp(file->temporary);
    if (file->fd < 0) {
        fb_fail_errno(err, "cannot create '%s'", path);
        goto fail;
    }
    umask(mask = umask(0));
    if (fchmod(file->fd, 0666 & ~mask)) {
        fb_fail_errno(err, "cannot set the mode of '%s'", path);
        goto fail;
    }
    return FB_OK;
fail:
    fb_file_abandon(file);
    return err->code;
}

int fb_file_write(const struct fb_file *file, uint64_t offset, const void *bytes, size_t size,
                  struct fb_err *err) {
    const char *p = bytes;

    if (offset > INT64_MAX - size) return fb_fail(err, FB_EIO, "offset beyond the largest file");
    while (size) {
        ssize_t n = pwrite(file->fd, p, size, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fb_fail_errno(err, "cannot write '%s'", file->path);
        p += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return FB_OK;
}

int fb_file_commit(struct fb_file *file, struct fb_err *err) {
    if (fsync(file->fd) || rename(file->temporary, file->path)) {
        fb_fail_errno(err, "cannot finish '%s'", file->path);
        fb_file_abandon(file);
        return err->code;
    }
    free(file->temporary);
    file->temporary = NULL;
    fb_file_abandon(file);
    return FB_OK;
}

void fb_file_abandon(struct fb_file *file) {
    if (!file->path) return;
    if (file->fd >= 0) close(file->fd);
    if (file->temporary && file->fd >= 0) unlink(file->temporary);
    free(file->path);
    free(file->temporary);
    *file = (struct fb_file){.fd = -1};
}

int fb_file_replace(const char *path, const void *bytes, size_t size, struct fb_err *err) {
    struct fb_file file;

    if (fb_file_create(&file, path, err)) return err->code;
    if (fb_file_write(&file, 0, bytes, size, err)) {
        fb_file_abandon(&file);
        return err->code;
    }
    return fb_file_commit(&file, err);
}

int fb_file_copy(const char *from, const char *to, struct fb_err *err) {
    struct fb_map map;
    int rc;

    if (fb_map_open(&map, from, err)) return fb_context(err, "'%s'", from);
    rc = fb_file_replace(to, map.data, map.size, err);
    fb_map_close(&map);
    return rc;
}

int fb_file_probe(const char *path, struct fb_err *err) {
    struct fb_file file;

    if (fb_file_create(&file, path, err)) return err->code;
    fb_file_abandon(&file);
    return FB_OK;
}

char *fb_path_join(const char *dir, const char *name, struct fb_err *err) {
    if (!dir || !*dir || *name == '/' || fb_starts_with(name, FB_EMBEDDED_PREFIX))
        return fb_strdup(name, err);
    return fb_asprintf(err, fb_ends_with(dir, "/") ? "%s%s" : "%s/%s", dir, name);
}

char *fb_path_dir(const char *path, struct fb_err *err) {
    const char *slash = strrchr(path, '/');

    if (!slash) return fb_strdup("", err);
    return fb_strndup(path, slash == path ? 1 : (size_t)(slash - path), err);
}

const char *fb_path_name(const char *path) {
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int add_name(char ***names, size_t *count, const char *name, size_t length,
                    struct fb_err *err) {
    char **grown;

    if (*count >= LIST_MAX) return fb_fail(err, FB_EIO, "folder of more than %d entries", LIST_MAX);
    if (!(*count & (*count - 1))) { /* grow at powers of two */
        grown = fb_realloc(*names, *count ? *count * 2 : 1, sizeof **names, err);
        if (!grown) return err->code;
        *names = grown;
    }
    if (!((*names)[*count] = fb_strndup(name, length, err))) return err->code;
    *count += 1;
    return FB_OK;
}

static int list_embedded(const char *path, char ***names, size_t *count, struct fb_err *err) {
    size_t n = strlen(path);

    if (!fb_embedded_is_dir(path))
        return fb_fail(err, FB_ENOTFOUND, "no such folder in the binary");
    for (const struct fb_embedded_file *f = fb_embedded; f->path; f++) {
        const char *rest = f->path + n + 1;
        size_t length = 0;
        if (strncmp(f->path, path, n) || f->path[n] != '/') continue;
        while (rest[length] && rest[length] != '/')
            length++;
        /* The table is sorted, so the entries of a subfolder follow each other. */
        if (*count && !strncmp((*names)[*count - 1], rest, length) && !(*names)[*count - 1][length])
            continue;
        if (add_name(names, count, rest, length, err)) return err->code;
    }
    return FB_OK;
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_real(const char *path, char ***names, size_t *count, struct fb_err *err) {
    struct dirent *entry;
    DIR *dir = opendir(path);
    int rc = FB_OK;

    if (!dir) return fb_fail_errno(err, "cannot list");
    while (!rc && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            rc = add_name(names, count, entry->d_name, strlen(entry->d_name), err);
    closedir(dir);
    return rc;
}

int fb_list_dir(const char *path, char ***names, size_t *count, struct fb_err *err) {
    int rc;

    *names = NULL;
    *count = 0;
    if (fb_starts_with(path, FB_EMBEDDED_PREFIX))
        rc = list_embedded(path + strlen(FB_EMBEDDED_PREFIX), names, count, err);
    else rc = list_real(path, names, count, err);
    if (rc) {
        fb_list_free(*names, *count);
        *names = NULL;
        *count = 0;
        return fb_context(err, "'%s'", path);
    }
    if (*count) qsort(*names, *count, sizeof **names, compare);
    return FB_OK;
}

void fb_list_free(char **names, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}
