/* madvise and MADV_* are not in POSIX. */
#define _DEFAULT_SOURCE
#include "base/map.h"

#include "base/embed.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const unsigned char nothing[64];

static const char *embedded_name(const char *path) {
    if (!fb_starts_with(path, FB_EMBEDDED_PREFIX)) return NULL;
    return path + strlen(FB_EMBEDDED_PREFIX);
}

static int open_embedded(struct fb_map *map, const char *name, struct fb_err *err) {
    const struct fb_embedded_file *f = fb_embedded_find(name);

    if (!f) return fb_fail(err, FB_ENOTFOUND, "no such file in the binary");
    *map = (struct fb_map){.data = f->data, .size = f->size};
    return FB_OK;
}

int fb_map_open(struct fb_map *map, const char *path, struct fb_err *err) {
    const char *embedded = embedded_name(path);
    struct stat st;
    void *data;
    int fd;

    *map = (struct fb_map){0};
    if (embedded) return open_embedded(map, embedded, err);
    /* O_NONBLOCK: opening a FIFO must not hang before fstat can refuse it. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fb_fail_errno(err, "cannot open");
    if (fstat(fd, &st)) {
        fb_fail_errno(err, "cannot stat");
        goto fail;
    }
    if (!S_ISREG(st.st_mode)) {
        fb_fail(err, FB_EIO, "is not a regular file");
        goto fail;
    }
    if (st.st_size == 0) {
        map->data = nothing;
        close(fd);
        return FB_OK;
    }
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        fb_fail_errno(err, "cannot map %jd bytes", (intmax_t)st.st_size);
        goto fail;
    }
    close(fd);
    *map = (struct fb_map){.data = data, .size = (size_t)st.st_size, .owned = true};
    return FB_OK;
fail:
    close(fd);
    return err->code;
}

void fb_map_close(struct fb_map *map) {
    if (map->owned) munmap((void *)(uintptr_t)map->data, map->size);
    *map = (struct fb_map){0};
}

void fb_map_forget(const struct fb_map *map, size_t begin, size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), end;

    if (!map->owned || begin > map->size || size > map->size - begin) return;
    end = (begin + size) / page * page;
    begin = (begin + page - 1) / page * page;
    if (begin < end) madvise((void *)(uintptr_t)(map->data + begin), end - begin, MADV_DONTNEED);
}

bool fb_has_file(const char *folder, const char *name) {
    char path[4096];
    int n = snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name);

    return n > 0 && (size_t)n < sizeof path && fb_is_file(path);
}

bool fb_is_file(const char *path) {
    const char *embedded = embedded_name(path);
    struct stat st;

    if (embedded) return fb_embedded_find(embedded) != NULL;
    return !stat(path, &st) && S_ISREG(st.st_mode);
}

bool fb_is_dir(const char *path) {
    const char *embedded = embedded_name(path);
    struct stat st;

    if (embedded) return fb_embedded_is_dir(embedded);
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}
