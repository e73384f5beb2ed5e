/* shard.c - see shard.h. The format is that of transformers' save_pretrained; "metadata" is not
 * looked at (its total_size is wrong in many published models). */
#include "ckpt/shard.h"

#include "base/alloc.h"
#include "base/map.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_MAX = 100000000, FILES_MAX = 10000 };

static bool is_plain(const char *name) {
    return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static int add(struct fb_shards *shards, const char *tensor, const json_t *value,
               struct fb_err *err) {
    const char *file = json_string_value(value);
    int64_t position, file_position;

    if (!file) return fb_fail(err, FB_EFORMAT, "tensor '%.200s': has no file name", tensor);
    if (!is_plain(file))
        return fb_fail(err, FB_EFORMAT,
                       "tensor '%.200s': '%.200s' is not the name of a file in this folder", tensor,
                       file);
    position = fb_names_add(&shards->tensors, tensor, NULL, err);
    if (position < 0) return err->code;
    file_position = fb_names_add(&shards->files, file, NULL, err);
    if (file_position < 0) return err->code;
    if (file_position >= FILES_MAX)
        return fb_fail(err, FB_EFORMAT, "names more than %d files", FILES_MAX);
    shards->file_of[position] = (int)file_position;
    return FB_OK;
}

static int parse_map(struct fb_shards *shards, json_t *map, struct fb_err *err) {
    const char *tensor;
    json_t *file;

    if (!json_is_object(map)) return fb_fail(err, FB_EFORMAT, "has no object 'weight_map'");
    if (!json_object_size(map)) return fb_fail(err, FB_EFORMAT, "weight_map is empty");
    shards->file_of = fb_calloc(json_object_size(map), sizeof *shards->file_of, err);
    if (!shards->file_of) return err->code;
    json_object_foreach(map, tensor, file) {
        if (add(shards, tensor, file, err)) return err->code;
    }
    return FB_OK;
}

int fb_shards_parse(struct fb_shards *shards, const char *text, size_t size, struct fb_err *err) {
    json_error_t error;
    json_t *root;
    int rc;

    *shards = (struct fb_shards){0};
    if (size > INDEX_MAX)
        return fb_fail(err, FB_EFORMAT, "%zu bytes, the limit is %d", size, INDEX_MAX);
    root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!root && json_error_code(&error) == json_error_out_of_memory)
        return fb_fail(err, FB_ENOMEM, "out of memory: index of %zu bytes", size);
    if (!root)
        return fb_fail(err, FB_EFORMAT, "%s (line %d, column %d)", error.text, error.line,
                       error.column);
    rc = parse_map(shards, json_object_get(root, "weight_map"), err);
    json_decref(root);
    if (rc) fb_shards_free(shards);
    return rc;
}

int fb_shards_read(struct fb_shards *shards, const char *path, struct fb_err *err) {
    struct fb_map map;
    int rc;

    *shards = (struct fb_shards){0};
    if (fb_map_open(&map, path, err)) return fb_context(err, "index '%s'", path);
    rc = fb_shards_parse(shards, (const char *)map.data, map.size, err);
    fb_map_close(&map);
    return rc ? fb_context(err, "index '%s'", path) : FB_OK;
}

void fb_shards_free(struct fb_shards *shards) {
    fb_names_free(&shards->tensors);
    fb_names_free(&shards->files);
    free(shards->file_of);
    *shards = (struct fb_shards){0};
}
