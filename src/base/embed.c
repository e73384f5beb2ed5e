#include "base/embed.h"

#include <string.h>

const struct fb_embedded_file *fb_embedded_find(const char *path) {
    for (const struct fb_embedded_file *f = fb_embedded; f->path; f++)
        if (!strcmp(f->path, path)) return f;
    return NULL;
}

bool fb_embedded_is_dir(const char *path) {
    size_t n = strlen(path);

    for (const struct fb_embedded_file *f = fb_embedded; f->path; f++)
        if (!strncmp(f->path, path, n) && f->path[n] == '/') return true;
    return false;
}
