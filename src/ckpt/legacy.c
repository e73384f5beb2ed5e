/* legacy.c - see legacy.h. */
#include "ckpt/legacy.h"

#include "base/alloc.h"
#include "base/names.h"

#include <stdlib.h>
#include <string.h>

enum { PROTOCOL = 1001, COUNT_BYTES = 8 };

/* 0x1950a86a20f9469cfc6c */
static const unsigned char magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

struct stream {
    const unsigned char *bytes;
    size_t size, at;
    struct fb_arena *arena;
    struct fb_err *err;
};

static int next_pickle(struct stream *s, struct fb_pickle *out, const char *what) {
    if (fb_pickle_read(out, s->arena, s->bytes + s->at, s->size - s->at, s->err))
        return fb_context(s->err, "%s", what);
    s->at += out->used;
    return FB_OK;
}

static int read_head(struct stream *s) {
    struct fb_pickle p;
    const struct fb_pickle_value *little;

    if (next_pickle(s, &p, "first pickle")) return s->err->code;
    if (p.root->kind != FB_PICKLE_LONG || p.root->count != sizeof magic ||
        memcmp(p.root->text, magic, sizeof magic))
        return fb_fail(s->err, FB_EUNSUPPORTED,
                       "is a pickle, but not one of torch.save: it does not begin with torch's "
                       "magic number");
    if (next_pickle(s, &p, "pickle of the version")) return s->err->code;
    if (p.root->kind != FB_PICKLE_INT || p.root->integer != PROTOCOL)
        return fb_fail(s->err, FB_EUNSUPPORTED, "the version of the format is not %d", PROTOCOL);
    if (next_pickle(s, &p, "pickle of the machine")) return s->err->code;
    little = fb_pickle_get(p.root, "little_endian");
    if (little && little->kind == FB_PICKLE_BOOL && !little->integer)
        return fb_fail(s->err, FB_EUNSUPPORTED,
                       "was written on a big-endian machine, which is not read");
    return FB_OK;
}

/* ---- storages ------------------------------------------------------------------------------- */

struct place {
    const unsigned char *data;
    int64_t numel;
    const struct fb_global *type; /* as the object's pickle says, else NULL */
};

static uint64_t le64(const unsigned char *b) {
    uint64_t value = 0;

    for (int i = COUNT_BYTES - 1; i >= 0; i--)
        value = value << 8 | b[i];
    return value;
}

/* The list of keys; each must be that of a storage whose size is then known. */
static int add_key(struct fb_names *keys, const struct fb_pickle_value *key, struct fb_err *err) {
    char shown[FB_SHOWN_TEXT], *text;
    int64_t position;
    int added;

    if (key->kind != FB_PICKLE_STRING || memchr(key->text, 0, key->count))
        return fb_fail(err, FB_EFORMAT, "a storage key is no text");
    if (!(text = fb_strndup(key->text, key->count, err))) return err->code;
    position = fb_names_add(keys, text, &added, err);
    free(text);
    if (position < 0) return err->code;
    if (!added)
        return fb_fail(err, FB_EFORMAT, "storage '%s' is listed twice",
                       fb_shown(shown, key->text, key->count));
    return FB_OK;
}

/* What the object says of its storages. Sharing between types is possible in old files only if the
 * elements are of one size, which is checked. */
static int set_types(const struct fb_names *keys, struct place *place,
                     const struct fb_pickle_storage *storage, struct fb_err *err) {
    char shown[FB_SHOWN_TEXT];

    for (; storage; storage = storage->next) {
        int64_t at = fb_names_find(keys, storage->key);
        fb_shown(shown, storage->key, strlen(storage->key));
        if (at < 0)
            return fb_fail(err, FB_EFORMAT, "storage '%s' is used and not in the file", shown);
        if (place[at].type &&
            fb_dtype_size(place[at].type->dtype) != fb_dtype_size(storage->type->dtype))
            return fb_fail(err, FB_EFORMAT, "storage '%s' is used as %s and as %s", shown,
                           storage->type->name, place[at].type->name);
        place[at].type = storage->type;
    }
    return FB_OK;
}

static int read_storage(struct stream *s, struct place *place) {
    size_t left = s->size - s->at;
    uint64_t count;

    if (!place->type) return fb_fail(s->err, FB_EFORMAT, "no tensor uses it");
    if (left < COUNT_BYTES) return fb_fail(s->err, FB_EFORMAT, "the file ends before it");
    count = le64(s->bytes + s->at);
    left -= COUNT_BYTES;
    if (count > left / fb_dtype_size(place->type->dtype))
        return fb_fail(s->err, FB_EFORMAT, "%ju elements of %zu bytes, %zu bytes are left",
                       (uintmax_t)count, fb_dtype_size(place->type->dtype), left);
    place->data = s->bytes + s->at + COUNT_BYTES;
    place->numel = (int64_t)count;
    s->at += COUNT_BYTES + (size_t)count * fb_dtype_size(place->type->dtype);
    return FB_OK;
}

static int read_storages(struct stream *s, const struct fb_names *keys, struct place *place,
                         struct fb_pickle_storage *storage) {
    char shown[FB_SHOWN_TEXT];

    for (int64_t i = 0; i < keys->count; i++)
        if (read_storage(s, &place[i]))
            return fb_context(s->err, "storage '%s'",
                              fb_shown(shown, keys->name[i], strlen(keys->name[i])));
    for (; storage; storage = storage->next) {
        const struct place *p = &place[fb_names_find(keys, storage->key)];
        if (storage->numel != p->numel)
            return fb_fail(s->err, FB_EFORMAT, "storage '%s' has %jd elements, the pickle says %jd",
                           fb_shown(shown, storage->key, strlen(storage->key)), (intmax_t)p->numel,
                           (intmax_t)storage->numel);
        storage->data = p->data;
    }
    return FB_OK;
}

static int fill(struct stream *s, const struct fb_pickle *object, struct fb_names *keys,
                struct place **place) {
    struct fb_pickle list;

    if (next_pickle(s, &list, "pickle of the storage keys")) return s->err->code;
    if (list.root->kind != FB_PICKLE_LIST)
        return fb_fail(s->err, FB_EFORMAT, "the storage keys are no list");
    for (size_t i = 0; i < list.root->count; i++)
        if (add_key(keys, list.root->item[i], s->err)) return s->err->code;
    if (!(*place = fb_calloc((size_t)keys->count, sizeof **place, s->err)) ||
        set_types(keys, *place, object->storages, s->err))
        return s->err->code;
    return read_storages(s, keys, *place, object->storages);
}

int fb_legacy_read(struct fb_pickle *out, struct fb_arena *arena, const void *bytes, size_t size,
                   struct fb_err *err) {
    struct stream s = {.bytes = bytes, .size = size, .arena = arena, .err = err};
    struct fb_names keys = {0};
    struct place *place = NULL;
    int rc;

    if (read_head(&s) || next_pickle(&s, out, "pickle of the object")) return err->code;
    rc = fill(&s, out, &keys, &place);
    free(place);
    fb_names_free(&keys);
    return rc;
}
