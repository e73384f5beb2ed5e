/* torchfile.c - see torchfile.h. */
#include "ckpt/torchfile.h"

#include "base/alloc.h"
#include "base/str.h"
#include "ckpt/legacy.h"
#include "ckpt/rebuild.h"
#include "ckpt/torchzip.h"

#include <stdlib.h>
#include <string.h>

/* Views are copied. What expands a few numbers to many must not take all memory: the copies of a
 * file may have as many bytes as the file, and this many more. */
enum { COPIES_MORE = 1 << 24 };

/* ---- the two containers --------------------------------------------------------------------- */

static int fill_storage(struct fb_torchzip *zip, struct fb_pickle_storage *storage,
                        struct fb_err *err) {
    const size_t width = fb_dtype_size(storage->type->dtype);
    char *name = fb_asprintf(err, "data/%s", storage->key), shown[FB_SHOWN_TEXT];
    size_t size;
    int rc;

    if (!name) return err->code;
    rc = fb_torchzip_read(zip, name, false, &storage->data, &size, err);
    free(name);
    if (rc) return rc;
    if (size % width || size / width != (uint64_t)storage->numel)
        return fb_fail(err, FB_EFORMAT,
                       "storage '%s' has %zu bytes, the pickle says %jd elements of "
                       "%zu bytes",
                       fb_shown(shown, storage->key, strlen(storage->key)), size,
                       (intmax_t)storage->numel, width);
    return FB_OK;
}

static int check_zip(struct fb_torchzip *zip, struct fb_err *err) {
    const unsigned char *order;
    size_t size;

    if (fb_torchzip_has(zip, "constants.pkl"))
        return fb_fail(err, FB_EUNSUPPORTED,
                       "is a TorchScript archive, which holds code; save the module's state_dict() "
                       "with torch.save instead");
    if (!fb_torchzip_has(zip, "data.pkl"))
        return fb_fail(
            err, FB_EUNSUPPORTED,
            "is a zip archive, but not one of torch.save: it has no data.pkl in a folder");
    if (!fb_torchzip_has(zip, "byteorder")) return FB_OK;
    if (fb_torchzip_read(zip, "byteorder", true, &order, &size, err)) return err->code;
    if (size == 6 && !memcmp(order, "little", size)) return FB_OK;
    return fb_fail(err, FB_EUNSUPPORTED, "its byte order is not 'little'");
}

static int read_zip(struct fb_torchfile *file, struct fb_pickle *pickle, struct fb_arena *values,
                    struct fb_torchzip *zip, struct fb_err *err) {
    const unsigned char *bytes;
    size_t size;

    if (fb_torchzip_open(zip, file->map.data, file->map.size, &file->owned, err) ||
        check_zip(zip, err) || fb_torchzip_read(zip, "data.pkl", true, &bytes, &size, err))
        return err->code;
    if (fb_pickle_read(pickle, values, bytes, size, err)) return fb_context(err, "data.pkl");
    for (struct fb_pickle_storage *s = pickle->storages; s; s = s->next)
        if (fill_storage(zip, s, err)) return err->code;
    return FB_OK;
}

static bool is_tar(const struct fb_map *map) {
    return map->size > 262 && !memcmp(map->data + 257, "ustar", 5);
}

/* `values` takes what the pickle holds; it is not needed once the entries are made. */
static int read_pickle(struct fb_torchfile *file, struct fb_pickle *pickle, struct fb_arena *values,
                       struct fb_err *err) {
    struct fb_torchzip zip = {0};
    int rc;

    if (fb_torchzip_is(file->map.data, file->map.size)) {
        rc = read_zip(file, pickle, values, &zip, err);
        fb_torchzip_close(&zip);
        return rc;
    }
    if (file->map.size && file->map.data[0] == 0x80)
        return fb_legacy_read(pickle, values, file->map.data, file->map.size, err);
    if (is_tar(&file->map))
        return fb_fail(err, FB_EUNSUPPORTED,
                       "is a tar archive, as torch wrote before 0.1.10, which is not read");
    return fb_fail(
        err, FB_EFORMAT,
        "begins neither like a zip archive nor like a pickle: not written by torch.save");
}

/* ---- which mapping -------------------------------------------------------------------------- */

static const char *kind_name(const struct fb_pickle_value *v) {
    static const char *const names[] = {
        [FB_PICKLE_NONE] = "None",           [FB_PICKLE_BOOL] = "a truth value",
        [FB_PICKLE_INT] = "a number",        [FB_PICKLE_LONG] = "a number",
        [FB_PICKLE_REAL] = "a number",       [FB_PICKLE_STRING] = "a text",
        [FB_PICKLE_TUPLE] = "a tuple",       [FB_PICKLE_LIST] = "a list",
        [FB_PICKLE_DICT] = "a mapping",      [FB_PICKLE_SET] = "a set",
        [FB_PICKLE_GLOBAL] = "a type",       [FB_PICKLE_STORAGE] = "a storage",
        [FB_PICKLE_CALL] = "another object",
    };

    return fb_rebuild_is_tensor(v) ? "one tensor without a name" : names[v->kind];
}

/* Tensors that stand directly in a mapping; 0 for what is none. */
static int64_t count_tensors(const struct fb_pickle_value *v) {
    return v->kind == FB_PICKLE_DICT ? v->integer : 0;
}

static const char *show_key(char out[FB_SHOWN_TEXT], const struct fb_pickle_value *key) {
    if (key->kind != FB_PICKLE_STRING) return fb_shown(out, "?", 1);
    return fb_shown(out, key->text, key->count);
}

/* An entry that is itself a mapping with tensors, or NULL. */
static const struct fb_pickle_value *nested_key(const struct fb_pickle_value *dict) {
    for (size_t i = 0; i < dict->count; i += 2)
        if (count_tensors(dict->item[i + 1])) return dict->item[i];
    return NULL;
}

static int refuse_nothing(const struct fb_pickle_value *root, struct fb_err *err) {
    const struct fb_pickle_value *key = nested_key(root);
    char shown[FB_SHOWN_TEXT];

    if (fb_pickle_get(root, "state") && fb_pickle_get(root, "param_groups"))
        return fb_fail(err, FB_EUNSUPPORTED, "holds the state of an optimizer and no model");
    if (key)
        return fb_fail(err, FB_EUNSUPPORTED,
                       "holds no tensors at its top; entry '%s' is a mapping that holds some: save "
                       "that one by itself",
                       show_key(shown, key));
    return fb_fail(err, FB_EUNSUPPORTED, "holds a mapping without tensors");
}

/* The mapping of a training checkpoint that is a model's. */
static const struct fb_pickle_value *find_model(const struct fb_pickle_value *root,
                                                struct fb_err *err) {
    static const char *const keys[] = {"state_dict", "model_state_dict", "model"};
    const struct fb_pickle_value *found = NULL;
    const char *found_key = NULL;

    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        const struct fb_pickle_value *value = fb_pickle_get(root, keys[k]);
        if (!value || !count_tensors(value)) continue;
        if (found) {
            fb_fail(err, FB_EUNSUPPORTED, "holds models under both '%s' and '%s'", found_key,
                    keys[k]);
            return NULL;
        }
        found = value;
        found_key = keys[k];
    }
    if (!found) refuse_nothing(root, err);
    return found;
}

/* NULL is a failure that has been recorded. */
static const struct fb_pickle_value *choose_dict(const struct fb_pickle_value *root,
                                                 struct fb_err *err) {
    const struct fb_pickle_value *dict = root, *key;
    char shown[FB_SHOWN_TEXT];

    if (root->kind != FB_PICKLE_DICT) {
        fb_fail(err, FB_EUNSUPPORTED, "holds %s, not a mapping of names to tensors",
                kind_name(root));
        return NULL;
    }
    if (!count_tensors(root) && !(dict = find_model(root, err))) return NULL;
    if (!(key = nested_key(dict))) return dict;
    fb_fail(err, FB_EUNSUPPORTED,
            "holds tensors and, as entry '%s', a mapping that holds some, too: which are meant is "
            "not clear",
            show_key(shown, key));
    return NULL;
}

/* ---- entries -------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at `s`, or 0. Surrogates and overlong forms are none. */
static size_t utf8_length(const unsigned char *s, size_t left) {
    size_t size = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (!size || s[0] > 0xf4 || size > left) return 0;
    for (size_t i = 1; i < size; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return size;
}

/* `left`: bytes that names may still take. Different names take no more than the pickle has, but a
 * pickle can say a long one a million times. */
static int set_name(struct fb_torchfile *file, struct fb_entry *entry,
                    const struct fb_pickle_value *key, size_t *left, struct fb_err *err) {
    char shown[FB_SHOWN_TEXT];

    if (key->kind != FB_PICKLE_STRING)
        return fb_fail(err, FB_EUNSUPPORTED, "the name of a tensor is %s, not a text",
                       kind_name(key));
    if (key->count > *left) return fb_fail(err, FB_EFORMAT, "the names of its tensors repeat");
    *left -= key->count;
    for (size_t i = 0, size; i < key->count; i += size) {
        size = utf8_length((const unsigned char *)key->text + i, key->count - i);
        if (!size || !key->text[i])
            return fb_fail(err, FB_EFORMAT, "tensor '%s': its name is no UTF-8 text",
                           show_key(shown, key));
    }
    entry->name = fb_arena_strndup(&file->owned, key->text, key->count, err);
    return entry->name ? FB_OK : err->code;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct fb_entry *)a)->name, ((const struct fb_entry *)b)->name);
}

static int sort_entries(struct fb_torchfile *file, struct fb_err *err) {
    char shown[FB_SHOWN_TEXT];

    qsort(file->entry, (size_t)file->count, sizeof *file->entry, by_name);
    for (int64_t i = 1; i < file->count; i++) {
        const char *name = file->entry[i].name;
        if (!strcmp(name, file->entry[i - 1].name))
            return fb_fail(err, FB_EFORMAT, "tensor '%s' is there twice",
                           fb_shown(shown, name, strlen(name)));
    }
    return FB_OK;
}

static int make_entries(struct fb_torchfile *file, const struct fb_pickle_value *dict,
                        size_t pickle_size, struct fb_err *err) {
    struct fb_copies copies = {.arena = &file->owned, .left = file->map.size + COPIES_MORE};
    char shown[FB_SHOWN_TEXT];

    file->entry = fb_calloc((size_t)count_tensors(dict), sizeof *file->entry, err);
    if (!file->entry) return err->code;
    for (size_t i = 0; i < dict->count; i += 2) {
        struct fb_entry *entry = &file->entry[file->count];
        if (!fb_rebuild_is_tensor(dict->item[i + 1])) continue;
        if (set_name(file, entry, dict->item[i], &pickle_size, err)) return err->code;
        if (fb_rebuild_tensor(entry, dict->item[i + 1], &copies, err))
            return fb_context(err, "tensor '%s'", show_key(shown, dict->item[i]));
        file->count++;
    }
    return sort_entries(file, err);
}

static int read_file(struct fb_torchfile *file, struct fb_err *err) {
    const struct fb_pickle_value *dict;
    struct fb_arena values = {0};
    struct fb_pickle pickle;
    int rc = read_pickle(file, &pickle, &values, err);

    if (!rc) {
        dict = choose_dict(pickle.root, err);
        rc = dict ? make_entries(file, dict, pickle.used, err) : err->code;
    }
    fb_arena_free(&values);
    return rc;
}

/* ---- interface ------------------------------------------------------------------------------ */

bool fb_torchfile_is_named(const char *path) {
    return fb_ends_with(path, ".bin") || fb_ends_with(path, ".pt") || fb_ends_with(path, ".pth") ||
           fb_ends_with(path, ".ckpt");
}

int fb_torchfile_parse(struct fb_torchfile *file, const void *bytes, size_t size,
                       struct fb_err *err) {
    *file = (struct fb_torchfile){.map = {.data = bytes, .size = size}};
    if (!read_file(file, err)) return FB_OK;
    fb_torchfile_close(file);
    return err->code;
}

int fb_torchfile_open(struct fb_torchfile *file, const char *path, struct fb_err *err) {
    *file = (struct fb_torchfile){0};
    if (!fb_map_open(&file->map, path, err) && !read_file(file, err)) return FB_OK;
    fb_torchfile_close(file);
    return fb_context(err, "torch file '%s'", path);
}

void fb_torchfile_close(struct fb_torchfile *file) {
    fb_map_close(&file->map);
    fb_arena_free(&file->owned);
    free(file->entry);
    *file = (struct fb_torchfile){0};
}
