/* tensors.c - see tensors.h. */
#include "cli/tensors.h"

#include "config/json.h"
#include "hub/hub.h"

#include <stdio.h>
#include <stdlib.h>

int fb_tensors_open(struct fb_ckpt **out, const char *name, struct fb_err *err) {
    char *path;
    int rc;

    *out = NULL;
    if (fb_hub_resolve(&path, name, FB_HUB_MODEL, NULL, err)) return err->code;
    rc = fb_ckpt_open(out, path, err);
    free(path);
    return rc;
}

void fb_tensors_shape(char out[FB_SHAPE_TEXT], const struct fb_entry *entry) {
    size_t at = 0;

    for (int d = 0; d < entry->ndim; d++)
        at += (size_t)snprintf(out + at, FB_SHAPE_TEXT - at, "%c%jd", d ? ',' : '[',
                               (intmax_t)entry->shape[d]);
    snprintf(out + at, FB_SHAPE_TEXT - at, entry->ndim ? "]" : "[]");
}

/* Characters that the byte takes: continuation bytes of UTF-8 none. */
static int byte_width(unsigned char c) {
    if (c < 0x20 || c == 0x7f) return 4;
    if (c == '\\') return 2;
    return (c & 0xc0) != 0x80;
}

int fb_tensors_width(const char *name) {
    int width = 0;

    for (; *name && width < INT16_MAX; name++)
        width += byte_width((unsigned char)*name);
    return width;
}

void fb_tensors_print_name(const char *name, int width) {
    width -= fb_tensors_width(name);
    for (; *name; name++) {
        if (byte_width((unsigned char)*name) == 4) printf("\\x%02x", (unsigned char)*name);
        else if (*name == '\\') fputs("\\\\", stdout);
        else putchar(*name);
    }
    printf("%*s", width > 0 ? width : 0, "");
}

struct fb_node *fb_tensors_node(struct fb_arena *a, const struct fb_entry *entry,
                                struct fb_err *err) {
    const struct fb_place nowhere = {0};
    struct fb_node *map = fb_node_map(a, nowhere, err), *shape = fb_node_list(a, nowhere, err);

    if (!map || !shape || fb_node_set_text(a, map, "name", entry->name, err) ||
        fb_node_set_text(a, map, "dtype", fb_dtype_name(entry->dtype), err))
        return NULL;
    for (int d = 0; d < entry->ndim; d++) {
        struct fb_node *size = fb_node_int(a, entry->shape[d], nowhere, err);
        if (!size || fb_node_push(a, shape, size, err)) return NULL;
    }
    if (fb_node_set(a, map, "shape", shape, err) ||
        fb_node_set_int(a, map, "bytes", (int64_t)entry->size, err))
        return NULL;
    return map;
}

int fb_tensors_print_node(const struct fb_node *node, struct fb_err *err) {
    struct fb_str line = {0};
    int rc = fb_json_print(&line, node, err);

    if (!rc) puts(fb_str_text(&line));
    fb_str_free(&line);
    return rc;
}
