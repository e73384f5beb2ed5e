#include "base/names.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a, 64 bit. */
static uint64_t hash(const char *s) {
    uint64_t h = 1469598103934665603u;

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h ^ (h >> 32);
}

static size_t probe(const struct fb_names *names, const char *name) {
    size_t at = (size_t)hash(name) & (names->slots - 1);

    while (names->slot[at] && strcmp(names->name[names->slot[at] - 1], name))
        at = (at + 1) & (names->slots - 1);
    return at;
}

static int grow(struct fb_names *names, struct fb_err *err) {
    int64_t capacity = names->capacity ? names->capacity * 2 : 32;
    size_t slots = (size_t)capacity * 2;
    char **list = fb_realloc(names->name, (size_t)capacity, sizeof *list, err);
    int64_t *slot;

    if (!list) return err->code;
    names->name = list;
    if (!(slot = fb_calloc(slots, sizeof *slot, err))) return err->code;
    free(names->slot);
    names->slot = slot;
    names->slots = slots;
    names->capacity = capacity;
    for (int64_t i = 0; i < names->count; i++)
        names->slot[probe(names, names->name[i])] = i + 1;
    return FB_OK;
}

int64_t fb_names_add(struct fb_names *names, const char *name, int *added, struct fb_err *err) {
    char *copy;
    size_t at;

    if (added) *added = 0;
    if (names->count == names->capacity && grow(names, err)) return err->code;
    at = probe(names, name);
    if (names->slot[at]) return names->slot[at] - 1;
    if (!(copy = fb_strdup(name, err))) return err->code;
    names->name[names->count] = copy;
    names->slot[at] = ++names->count;
    if (added) *added = 1;
    return names->count - 1;
}

int64_t fb_names_find(const struct fb_names *names, const char *name) {
    if (!names->count) return -1;
    return names->slot[probe(names, name)] - 1;
}

void fb_names_free(struct fb_names *names) {
    for (int64_t i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
    free(names->slot);
    *names = (struct fb_names){0};
}
