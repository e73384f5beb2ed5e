/* safetensors.c - reading the format that safetensors.h shows.
 *
 * Source: https://github.com/huggingface/safetensors, checked against safetensors 0.8.0. Stricter
 * than the reference in one point: a name that occurs twice is refused (it keeps the last).
 * Deliberately not read: the sub-byte, 8-bit-exponent and complex element types. */
#include "ckpt/safetensors.h"

#include "base/alloc.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, HEADER_MAX = 100000000 };

static uint64_t le64(const unsigned char *p) {
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static int parse_dtype(struct fb_entry *entry, const json_t *value, struct fb_err *err) {
    const json_t *dtype = json_object_get(value, "dtype");

    if (!json_is_string(dtype)) return fb_fail(err, FB_EFORMAT, "has no dtype");
    /* Only the format's own names: a lower-case "float32" is not one. */
    if (!fb_dtype_parse(json_string_value(dtype), &entry->dtype) ||
        strcmp(fb_dtype_name(entry->dtype), json_string_value(dtype)))
        return fb_fail(err, FB_EUNSUPPORTED, "dtype '%.40s' is not known",
                       json_string_value(dtype));
    return FB_OK;
}

/* Fills ndim, shape, numel and size; both products fit an int64_t. */
static int parse_shape(struct fb_entry *entry, const json_t *value, struct fb_err *err) {
    const json_t *shape = json_object_get(value, "shape");
    const int64_t most = INT64_MAX / (int64_t)fb_dtype_size(entry->dtype);
    size_t ndim = json_array_size(shape);

    if (!json_is_array(shape)) return fb_fail(err, FB_EFORMAT, "has no shape");
    if (ndim > FB_DIMS)
        return fb_fail(err, FB_EUNSUPPORTED, "has %zu dimensions, at most %d are read", ndim,
                       FB_DIMS);
    entry->ndim = (int)ndim;
    entry->numel = 1;
    for (size_t i = 0; i < ndim; i++) {
        const json_t *item = json_array_get(shape, i);
        int64_t size = json_integer_value(item);
        if (!json_is_integer(item) || size < 0)
            return fb_fail(err, FB_EFORMAT, "dimension %zu is not a size", i);
        if (size && entry->numel > most / size)
            return fb_fail(err, FB_EFORMAT, "the shape has more elements than memory has bytes");
        entry->shape[i] = size;
        entry->numel *= size;
    }
    entry->size = (size_t)entry->numel * fb_dtype_size(entry->dtype);
    return FB_OK;
}

static int parse_offsets(struct fb_entry *entry, const json_t *value, const unsigned char *payload,
                         size_t payload_size, struct fb_err *err) {
    const json_t *offsets = json_object_get(value, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *second = json_array_get(offsets, 1);
    int64_t begin = json_integer_value(first), end = json_integer_value(second);

    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(second))
        return fb_fail(err, FB_EFORMAT, "data_offsets are not two integers");
    if (begin < 0 || begin > end || (uint64_t)end > payload_size)
        return fb_fail(err, FB_EFORMAT, "data_offsets [%jd, %jd] do not fit a payload of %zu bytes",
                       (intmax_t)begin, (intmax_t)end, payload_size);
    if ((size_t)(end - begin) != entry->size)
        return fb_fail(err, FB_EFORMAT, "data_offsets hold %jd bytes, dtype and shape demand %zu",
                       (intmax_t)(end - begin), entry->size);
    entry->data = payload + begin;
    return FB_OK;
}

static int parse_entry(struct fb_entry *entry, const json_t *value, const unsigned char *payload,
                       size_t payload_size, struct fb_err *err) {
    if (!json_is_object(value)) fb_fail(err, FB_EFORMAT, "is not described by an object");
    else if (!parse_dtype(entry, value, err) && !parse_shape(entry, value, err) &&
             !parse_offsets(entry, value, payload, payload_size, err))
        return FB_OK;
    return fb_context(err, "tensor '%.200s'", entry->name);
}

static int check_metadata(json_t *metadata, struct fb_err *err) {
    const char *key;
    json_t *value;

    if (json_is_null(metadata)) return FB_OK;
    if (!json_is_object(metadata)) return fb_fail(err, FB_EFORMAT, "__metadata__ is not an object");
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return fb_fail(err, FB_EFORMAT, "__metadata__: '%.200s' is not a string", key);
    }
    return FB_OK;
}

/* Room for the entries and one block for all their names. */
static int reserve(struct fb_safetensors *st, json_t *header, struct fb_err *err) {
    size_t bytes = 0;
    const char *key;
    json_t *value;

    json_object_foreach(header, key, value) {
        bytes += strlen(key) + 1;
    }
    st->entry = fb_calloc(json_object_size(header), sizeof *st->entry, err);
    st->names = st->entry ? fb_malloc(bytes, err) : NULL;
    return st->names ? FB_OK : FB_ENOMEM;
}

static int parse_entries(struct fb_safetensors *st, json_t *header, const unsigned char *payload,
                         size_t payload_size, struct fb_err *err) {
    const char *key;
    json_t *value;
    char *name;

    if (reserve(st, header, err)) return err->code;
    name = st->names;
    json_object_foreach(header, key, value) {
        struct fb_entry *entry = &st->entry[st->count];
        size_t size = strlen(key) + 1;
        if (!strcmp(key, "__metadata__")) {
            if (check_metadata(value, err)) return err->code;
            continue;
        }
        memcpy(name, key, size);
        entry->name = name;
        name += size;
        if (parse_entry(entry, value, payload, payload_size, err)) return err->code;
        st->count++;
    }
    return FB_OK;
}

static int by_place(const void *a, const void *b) {
    const struct fb_entry *x = a, *y = b;
    const unsigned char *p = x->data, *q = y->data;

    if (p != q) return p < q ? -1 : 1;
    return (x->size > y->size) - (x->size < y->size);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct fb_entry *)a)->name, ((const struct fb_entry *)b)->name);
}

/* Every byte of the payload belongs to exactly one tensor. */
static int check_cover(struct fb_safetensors *st, const unsigned char *payload, size_t payload_size,
                       struct fb_err *err) {
    size_t covered = 0;

    qsort(st->entry, (size_t)st->count, sizeof *st->entry, by_place);
    for (int64_t i = 0; i < st->count; i++) {
        const struct fb_entry *entry = &st->entry[i];
        size_t begin = (size_t)((const unsigned char *)entry->data - payload);
        if (begin != covered)
            return fb_fail(
                err, FB_EFORMAT, "tensor '%.200s': begins at byte %zu, %s %zu", entry->name, begin,
                begin < covered ? "overlaps one that ends at" : "the one before ends at", covered);
        covered += entry->size;
    }
    if (covered != payload_size)
        return fb_fail(err, FB_EFORMAT, "the tensors take %zu bytes, the payload has %zu", covered,
                       payload_size);
    return FB_OK;
}

static json_t *parse_json(const unsigned char *text, size_t size, struct fb_err *err) {
    json_error_t error;
    json_t *header = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, &error);

    if (!header && json_error_code(&error) == json_error_out_of_memory)
        fb_fail(err, FB_ENOMEM, "out of memory: header of %zu bytes", size);
    else if (!header) fb_fail(err, FB_EFORMAT, "header: %s (byte %d)", error.text, error.position);
    return header;
}

static int parse_file(struct fb_safetensors *st, struct fb_err *err) {
    const unsigned char *payload;
    size_t left = st->map.size;
    uint64_t length;
    json_t *header;
    int rc;

    if (left < LENGTH_BYTES)
        return fb_fail(err, FB_EFORMAT, "%zu bytes, too short for the length of a header", left);
    left -= LENGTH_BYTES;
    length = le64(st->map.data);
    if (length > HEADER_MAX || length > left)
        return fb_fail(err, FB_EFORMAT, "header claims %ju bytes, %zu follow and %d is the limit",
                       (uintmax_t)length, left, HEADER_MAX);
    payload = st->map.data + LENGTH_BYTES + length;
    left -= (size_t)length;
    if (!(header = parse_json(st->map.data + LENGTH_BYTES, (size_t)length, err))) return err->code;
    if (!json_is_object(header)) rc = fb_fail(err, FB_EFORMAT, "header is not a JSON object");
    else rc = parse_entries(st, header, payload, left, err);
    json_decref(header);
    if (rc || check_cover(st, payload, left, err)) return err->code;
    qsort(st->entry, (size_t)st->count, sizeof *st->entry, by_name);
    return FB_OK;
}

int fb_safetensors_parse(struct fb_safetensors *st, const void *bytes, size_t size,
                         struct fb_err *err) {
    *st = (struct fb_safetensors){.map = {.data = bytes, .size = size}};
    if (!parse_file(st, err)) return FB_OK;
    fb_safetensors_close(st);
    return err->code;
}

int fb_safetensors_open(struct fb_safetensors *st, const char *path, struct fb_err *err) {
    *st = (struct fb_safetensors){0};
    if (!fb_map_open(&st->map, path, err) && !parse_file(st, err)) return FB_OK;
    fb_safetensors_close(st);
    return fb_context(err, "safetensors '%s'", path);
}

void fb_safetensors_close(struct fb_safetensors *st) {
    fb_map_close(&st->map);
    free(st->entry);
    free(st->names);
    *st = (struct fb_safetensors){0};
}
